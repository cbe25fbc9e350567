// @libsql/client against a running db-service: `node libsql-client.mjs URL`, in a folder with its node_modules.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const resolve = createRequire(pathToFileURL(`${process.env.SDK_HOME}/package.json`)).resolve;
const { createClient } = await import(pathToFileURL(resolve("@libsql/client/http")));

const url = process.argv[2];
const db = createClient({ url, intMode: "bigint" });

await db.execute("CREATE TABLE libsql_client (id INTEGER PRIMARY KEY, name TEXT UNIQUE, amount REAL, data BLOB)");

// Values go in and come out as they were.
const bytes = new Uint8Array([0, 255, 1]);
const inserted = await db.execute({
  sql: "INSERT INTO libsql_client VALUES (?, ?, ?, ?)",
  args: [9223372036854775807n, "Île-de-France\u0001\"", -0.5, bytes],
});
assert.equal(inserted.rowsAffected, 1);
assert.equal(inserted.lastInsertRowid, 9223372036854775807n);
const read = await db.execute({ sql: "SELECT * FROM libsql_client WHERE name LIKE $start", args: { start: "Île%" } });
assert.deepEqual(read.columns, ["id", "name", "amount", "data"]);
assert.deepEqual(read.columnTypes, ["INTEGER", "TEXT", "REAL", "BLOB"]);
assert.equal(read.rows[0].id, 9223372036854775807n);
assert.equal(read.rows[0].name, "Île-de-France\u0001\"");
assert.equal(read.rows[0].amount, -0.5);
assert.deepEqual(new Uint8Array(read.rows[0].data), bytes);

// Numbered parameters may have holes, and more values than the statement takes are no error.
const holes = await db.execute({ sql: "SELECT ?3 AS a, ?1 AS b", args: ["one", "two", "three"] });
assert.deepEqual([holes.rows[0].a, holes.rows[0].b], ["three", "one"]);

// Errors have a base code and an extended one.
await assert.rejects(
  db.execute("INSERT INTO libsql_client (name) SELECT name FROM libsql_client"),
  (error) => error.code === "SQLITE_CONSTRAINT_UNIQUE" || error.code === "SQLITE_CONSTRAINT",
);
await assert.rejects(db.execute("SELEC 1"), /syntax error/);

// A batch is a transaction: all or nothing.
await assert.rejects(
  db.batch(["INSERT INTO libsql_client (name) VALUES ('lost')", "INSERT INTO nowhere VALUES (1)"], "write"),
  /nowhere/,
);
const results = await db.batch(
  ["INSERT INTO libsql_client (name) VALUES ('a')", "SELECT count(*) AS n FROM libsql_client"],
  "deferred",
);
assert.equal(results[1].rows[0].n, 2n);
assert.equal((await db.batch(["SELECT 1"], "read")).length, 1);
await assert.rejects(db.batch(["DELETE FROM libsql_client"], "read"), /only reads/);

// Interactive transactions; others read the state before them meanwhile.
const write = await db.transaction("write");
await write.execute("UPDATE libsql_client SET amount = 1");
assert.equal((await db.execute("SELECT count(*) AS n FROM libsql_client WHERE amount = 1")).rows[0].n, 0n);
await write.commit();
assert.equal((await db.execute("SELECT count(*) AS n FROM libsql_client WHERE amount = 1")).rows[0].n, 2n);
const undone = await db.transaction("deferred");
await undone.execute("DELETE FROM libsql_client");
await undone.rollback();
const reading = await db.transaction("read");
assert.equal((await reading.execute("SELECT count(*) AS n FROM libsql_client")).rows[0].n, 2n);
await assert.rejects(reading.execute("DELETE FROM libsql_client"), /only reads/);
reading.close();

// Scripts, and migrations without foreign keys.
await db.executeMultiple("CREATE TABLE script (a); INSERT INTO script VALUES (';'); INSERT INTO script VALUES (2);");
assert.equal((await db.execute("SELECT count(*) AS n FROM script")).rows[0].n, 2n);
await db.migrate(["ALTER TABLE script ADD COLUMN b", "INSERT INTO script (b) VALUES (1)"]);
assert.equal((await db.execute("SELECT count(*) AS n FROM script WHERE b = 1")).rows[0].n, 1n);

// Many at once.
await Promise.all(
  Array.from({ length: 50 }, (_, i) => db.execute({ sql: "INSERT INTO script (a) VALUES (?)", args: [i] })),
);
assert.equal((await db.execute("SELECT count(*) AS n FROM script")).rows[0].n, 53n);
db.close();
console.log("ok");
