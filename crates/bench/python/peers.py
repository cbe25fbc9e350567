"""pandas and DuckDB, as the bench asks for them: one JSON object a line in, one out.

`pandas`: {"csv", "database"} reads the file and appends it to the table `sales`; answers seconds and peak memory.
`duckdb`: {"load": folder} loads the files, {"sql"} runs a statement; answers seconds and rows.
"""

import json
import resource
import sqlite3
import sys
import time


def pandas_side(question):
    import pandas

    connection = sqlite3.connect(question["database"])
    connection.execute("PRAGMA foreign_keys = ON")
    started = time.perf_counter()
    frame = pandas.read_csv(question["csv"])
    frame.to_sql("sales", connection, if_exists="append", index=False)
    connection.commit()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def duckdb_side(state, question):
    if "load" in question:
        import duckdb

        state["connection"] = connection = duckdb.connect(question["load"] + "/duck.db")
        # What it would print stands where answers are read.
        connection.execute("SET enable_progress_bar = false")
        for table in ("products", "stores", "product_targets"):
            connection.execute(f"CREATE TABLE {table} AS FROM read_csv('{question['load']}/{table}.csv')")
        connection.execute("ALTER TABLE products ADD COLUMN price_cents BIGINT")
        connection.execute("UPDATE products SET price_cents = ROUND(price * 100)")
        connection.execute(
            "CREATE TABLE sales AS SELECT * EXCLUDE (amount), CAST(ROUND(amount * 100) AS BIGINT) AS amount_cents "
            f"FROM read_csv('{question['load']}/sales.csv', types = {{'amount': 'DECIMAL(18, 2)'}})")
        connection.execute("CHECKPOINT")
        return {}
    started = time.perf_counter()
    cursor = state["connection"].execute(question["sql"])
    names, rows = [column[0] for column in cursor.description], cursor.fetchall()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "rows": [dict(zip(names, row)) for row in rows]}


state = {}
for line in sys.stdin:
    question = json.loads(line)
    answer = pandas_side(question) if sys.argv[1] == "pandas" else duckdb_side(state, question)
    print(json.dumps(answer, default=str), flush=True)
