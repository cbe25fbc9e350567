"""PyPI libsql-client against a running db-service: `python libsql_client_py.py URL`."""

import asyncio
import sys

import libsql_client

URL = sys.argv[1]


async def main() -> None:
    async with libsql_client.create_client(URL) as db:
        await db.execute("CREATE TABLE client_py (id INTEGER PRIMARY KEY, name TEXT UNIQUE, amount REAL, data BLOB)")
        done = await db.execute(
            "INSERT INTO client_py VALUES (?, ?, ?, ?)", [2**63 - 1, "Île", 1.5, b"\x00\xff"]
        )
        assert done.rows_affected == 1
        assert done.last_insert_rowid == 2**63 - 1
        row = (await db.execute("SELECT * FROM client_py WHERE name = :name", {"name": "Île"})).rows[0]
        assert (row["id"], row["name"], row["amount"], row["data"]) == (2**63 - 1, "Île", 1.5, b"\x00\xff")

        try:
            await db.execute("INSERT INTO client_py (name) VALUES ('Île')")
        except libsql_client.LibsqlError as error:
            assert error.code == "SQLITE_CONSTRAINT", error.code
        else:
            raise AssertionError("a duplicate was taken")

        results = await db.batch(
            ["INSERT INTO client_py (name) VALUES ('a')", ("SELECT count(*) FROM client_py WHERE name = ?", ["a"])]
        )
        assert results[1].rows[0][0] == 1
        try:
            await db.batch(["DELETE FROM client_py", "SELECT * FROM nowhere"])
        except libsql_client.LibsqlError as error:
            assert "nowhere" in str(error)
        else:
            raise AssertionError("a batch that fails was taken")
        assert (await db.execute("SELECT count(*) FROM client_py")).rows[0][0] == 2
    print("ok")


asyncio.run(main())
