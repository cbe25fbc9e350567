// @tursodatabase/serverless against a running db-service: `node turso-serverless.mjs URL`.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.env.SDK_HOME}/package.json`));
const { connect } = require("@tursodatabase/serverless");
const { createClient } = require("@tursodatabase/serverless/compat");

const url = process.argv[2];
const db = connect({ url });

await db.exec("CREATE TABLE serverless (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO serverless (name) VALUES (';')");
const insert = await db.prepare("INSERT INTO serverless (name) VALUES (?)");
const done = await insert.run(["second"]);
assert.equal(done.changes, 1);
assert.equal(Number(done.lastInsertRowid), 2);

const byName = await db.prepare("SELECT id FROM serverless WHERE name = :name");
assert.equal((await byName.get({ name: "second" })).id, 2);
assert.equal((await (await db.prepare("SELECT * FROM serverless")).all()).length, 2);

// More rows than fit one chunk come as a stream, and one may stop before the end.
const many = await db.prepare(
  "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?) SELECT x, 'text to fill the line' AS t FROM n",
);
let sum = 0;
for await (const row of many.iterate([20_000])) sum += row.x;
assert.equal(sum, (20_000 * 20_001) / 2);
for await (const row of many.iterate([1_000_000])) if (row.x === 3) break;
assert.equal((await (await db.prepare("SELECT 1 AS one")).get()).one, 1);

// Errors leave the connection usable.
await assert.rejects(db.exec("SELEC 1"), /syntax error/);
const twice = await db.prepare("INSERT INTO serverless (id) VALUES (1)");
await assert.rejects(twice.run(), /UNIQUE constraint failed/);

// Transactions, by callback and by statements.
const rename = db.transactionAsync(async (tx, name) => {
  await tx.run("UPDATE serverless SET name = ?", name);
});
await rename("renamed");
assert.equal((await (await db.prepare("SELECT count(*) AS n FROM serverless WHERE name = 'renamed'")).get()).n, 2);
const failing = db.transactionAsync(async (tx) => {
  await tx.run("DELETE FROM serverless");
  throw new Error("changed my mind");
});
await assert.rejects(failing(), /changed my mind/);
assert.equal((await (await db.prepare("SELECT count(*) AS n FROM serverless")).get()).n, 2);
await db.exec("BEGIN");
await db.exec("DELETE FROM serverless");
await db.exec("ROLLBACK");
await db.batch(["INSERT INTO serverless (name) VALUES ('c')", "INSERT INTO serverless (name) VALUES ('d')"]);
assert.equal((await (await db.prepare("SELECT count(*) AS n FROM serverless")).get()).n, 4);
await db.close();

// The package's stand-in for @libsql/client.
const compat = createClient({ url });
const results = await compat.batch(
  [{ sql: "INSERT INTO serverless (name) VALUES (?)", args: ["e"] }, "SELECT count(*) AS n FROM serverless"],
  "write",
);
assert.equal(Number(results[1].rows[0].n), 5);
compat.close();
console.log("ok");
