"""PyPI libsql (the DB-API driver) against a running db-service: `python libsql_py.py URL`."""

import sys

import libsql

URL = sys.argv[1]

conn = libsql.connect(database=URL, auth_token="")
conn.execute("CREATE TABLE libsql_py (id INTEGER PRIMARY KEY, name TEXT, amount REAL, data BLOB)")
cursor = conn.cursor()
cursor.execute("INSERT INTO libsql_py (name, amount, data) VALUES (?, ?, ?)", ("Île", 1.5, b"\x00\xff"))
conn.commit()
assert cursor.lastrowid == 1, cursor.lastrowid

row = conn.execute("SELECT * FROM libsql_py WHERE name = ?", ("Île",)).fetchone()
assert tuple(row) == (1, "Île", 1.5, b"\x00\xff"), row

conn.execute("DELETE FROM libsql_py")
conn.rollback()
assert conn.execute("SELECT count(*) FROM libsql_py").fetchone()[0] == 1

cursor.executemany("INSERT INTO libsql_py (name) VALUES (?)", [("a",), ("b",), ("c",)])
conn.commit()
assert [row[0] for row in conn.execute("SELECT name FROM libsql_py ORDER BY id").fetchall()] == ["Île", "a", "b", "c"]

conn.executescript("CREATE TABLE script_py (a); INSERT INTO script_py VALUES (';'); INSERT INTO script_py VALUES (2);")
conn.commit()
assert conn.execute("SELECT count(*) FROM script_py").fetchone()[0] == 2

try:
    conn.execute("INSERT INTO libsql_py (id) VALUES (1)")
except Exception as error:  # the driver raises ValueError
    assert "UNIQUE constraint failed" in str(error), error
else:
    raise AssertionError("a duplicate was taken")
print("ok")
