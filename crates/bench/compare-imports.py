#!/usr/bin/env python3
"""What Comptoir, sqlite-utils, DuckDB and pandas make of the same French files, as a Markdown table.

    python3 crates/bench/compare-imports.py

needs cargo, Python 3.9 or newer with venv, and a package index for pip. It makes the files and a virtual environment in
a temporary directory, gives each tool each file twice, first as one would without reading any manual, then with the
options for reading that its manual has (Comptoir: none), and says what is in the table afterwards. `--venv DIR` keeps
the environment in DIR. A file is read right when every line is there, amounts are numbers that add up to the cent, and
dates are dates; of the file with mistakes in it, when the lines without are, and each mistake is named.
"""

import argparse
import datetime
import decimal
import json
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

REQUIREMENTS = ["sqlite-utils==4.2.1", "duckdb==2.0.1", "pandas==3.1.1", "openpyxl==3.1.5"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
INSIDE = "--inside"
LINES = 2_000
HEADERS = ["N° ligne", "Réf. produit", "Magasin", "Date de vente", "Quantité", "Montant TTC"]
PRODUCTS = "id,name,price\n" + "".join(f"{id},Produit {id},10\n" for id in range(1, 21))
STORES = "id,city,region\n" + "".join(f"{id},Ville {id},Bretagne\n" for id in range(1, 11))


def lines():
    """Sales, the same at every call: number, product, store, day, quantity, amount in cents."""
    dice = random.Random(1)
    first = datetime.date(2023, 10, 1)
    return [(number, dice.randint(1, 20), dice.randint(1, 10), first + datetime.timedelta(dice.randrange(61)),
             dice.randint(1, 9), dice.randint(100, 999_999)) for number in range(1, LINES + 1)]


def amount(cents, blank):
    """`1 234,56` with the blank that is asked for."""
    return f"{cents // 100:,}".replace(",", blank) + f",{cents % 100:02}"


def text(blank, delimiter):
    """The sales as a spreadsheet set to French writes them."""
    rows = [delimiter.join(HEADERS)]
    for number, product, store, day, quantity, cents in lines():
        rows.append(delimiter.join([str(number), str(product), str(store), day.strftime("%d/%m/%Y"), str(quantity),
                                    amount(cents, blank)]))
    return "\r\n".join(rows) + "\r\n"


MISTAKES = ["2001;77;1;05/11/2023;1;10,00",      # no such product
            "2002;1;1;31/02/2023;1;10,00",       # no such day
            "2003;1;1;05/11/2023;1;dix euros",   # no amount
            "2004;1;1;05/11/2023;1",             # a field is missing
            "17;1;1;05/11/2023;1;10,00",         # line 17 again
            "2005;1;1;05/11/2023;1;\"10,00"]     # a quote that nothing closes


def write_files(folder):
    """The files, by name."""
    (folder / "windows-1252.csv").write_bytes(text("\u00a0", ";").encode("cp1252"))
    (folder / "utf-8-bom.csv").write_bytes(text("\u202f", ";").encode("utf-8-sig"))
    (folder / "utf-16-tabs.txt").write_bytes(text("\u00a0", "\t").encode("utf-16"))
    good = text("\u00a0", ";").splitlines()
    # The mistakes stand in the midst of the lines.
    dirty = good[:1001] + MISTAKES + good[1001:]
    (folder / "mistakes.csv").write_bytes(("\r\n".join(dirty) + "\r\n").encode("utf-8"))
    return ["windows-1252.csv", "utf-8-bom.csv", "utf-16-tabs.txt", "workbook.xlsx", "mistakes.csv"]


def judge(rows, listed=None):
    """`rows`: lists of six values as a tool keeps them. What is right and what is not, in a few words."""
    rows = [list(row) for row in rows]
    width = max((len(row) for row in rows), default=0)
    if width < len(HEADERS):
        return f"{len(rows)} lines, {width} column{'s' if width > 1 else ''} of text"
    number = (int, float, decimal.Decimal)
    faults = []
    if any(not isinstance(row[5], number) for row in rows):
        faults.append("amounts are text")
    elif sum(round(decimal.Decimal(str(row[5])) * 100) for row in rows) != sum(line[5] for line in lines()):
        faults.append("amounts add up to something else")
    if any(not is_date(row[3]) for row in rows):
        faults.append("dates are text")
    if len(rows) != LINES:
        faults.append(f"{len(rows)} lines of {LINES}")
    if listed is not None:
        faults += [] if listed == len(MISTAKES) else [f"{listed} of {len(MISTAKES)} mistakes named"]
    return "**right**" if not faults else "; ".join(faults)


def is_date(value):
    if isinstance(value, (datetime.date, datetime.datetime)):
        return True
    try:
        return bool(datetime.date.fromisoformat(str(value)[:10]))
    except ValueError:
        return False


def shortly(error):
    """The first words of an error."""
    words = " ".join(str(error).split())
    for start in ("Error: ", "Invalid Input Error: "):
        words = words.removeprefix(start)
    return "error: " + (words if len(words) < 64 else words[:60].rsplit(" ", 1)[0] + " …").replace("|", "/")


# Inside the environment: one tool, one file, one way.

def with_sqlite_utils(path, best):
    import sqlite3
    if path.suffix == ".xlsx":
        return "does not read workbooks"
    options = ["--tsv"] if best and path.suffix == ".txt" else ["--csv"]
    if best:
        encodings = {"windows-1252.csv": "cp1252", "utf-16-tabs.txt": "utf-16"}
        options += ["--encoding", encodings.get(path.name, "utf-8-sig")]
        options += [] if path.suffix == ".txt" else ["--delimiter", ";"]
    with tempfile.TemporaryDirectory() as folder:
        database = pathlib.Path(folder) / "out.db"
        run = subprocess.run([sys.executable, "-m", "sqlite_utils", "insert", database, "sales", path, *options],
                             capture_output=True, text=True)
        if run.returncode:
            return shortly(run.stderr.strip().splitlines()[-1])
        rows = sqlite3.connect(database).execute("SELECT * FROM sales").fetchall()
    return judge(rows, 0 if path.name == "mistakes.csv" else None)


def with_duckdb(path, best):
    import duckdb
    connection = duckdb.connect()
    # Extensions would come from elsewhere than the package index.
    connection.execute("SET autoinstall_known_extensions = false")
    options, listed = "", None
    if path.name == "mistakes.csv":
        listed = 0
    if best and path.suffix != ".xlsx":
        encodings = {"windows-1252.csv": "latin-1", "utf-16-tabs.txt": "utf-16"}
        options = (f", delim = '{chr(9) if path.suffix == '.txt' else ';'}', header = true, decimal_separator = ',', "
                   f"dateformat = '%d/%m/%Y', encoding = '{encodings.get(path.name, 'utf-8')}'")
        if path.name == "mistakes.csv":
            options += ", store_rejects = true"
    reader = "read_xlsx" if path.suffix == ".xlsx" else "read_csv"
    outcomes = []
    # A blank of several bytes is no separator of thousands to every version: without it then.
    for thousands in ([", thousands = '\u00a0'", ", thousands = '\u202f'", ""] if options else [""]):
        try:
            rows = connection.execute(f"FROM {reader}('{path}'{options}{thousands})").fetchall()
            if best and listed is not None:
                listed = connection.execute("SELECT COUNT(DISTINCT line) FROM reject_errors").fetchone()[0]
            outcomes.append(judge(rows, listed))
        except duckdb.Error as error:
            outcomes.append(shortly(error))
    return best_of(outcomes)


def with_pandas(path, best):
    import pandas
    dirty = path.name == "mistakes.csv"
    encodings = {"windows-1252.csv": "cp1252", "utf-16-tabs.txt": "utf-16"}
    options = [{}]
    if best and path.suffix != ".xlsx":
        # Its two readers differ in which blanks and which lines they take.
        options = [dict(sep="\t" if path.suffix == ".txt" else ";", encoding=encodings.get(path.name, "utf-8-sig"),
                        decimal=",", thousands=blank, parse_dates=["Date de vente"], dayfirst=True, engine=engine)
                   for engine in ("c", "python") for blank in ("\u00a0", "\u202f")]
    outcomes = []
    for option in options:
        noted = []
        if dirty and option.get("engine") == "python":
            option["on_bad_lines"] = lambda fields: noted.append(fields)
        elif dirty and option:
            option["on_bad_lines"] = "warn"
        try:
            frame = pandas.read_excel(path) if path.suffix == ".xlsx" else pandas.read_csv(path, **option)
            rows = frame.astype(object).where(frame.notna(), None).values.tolist()
            outcomes.append(judge(rows, len(noted) if dirty else None))
        except Exception as error:  # whatever a tool says is what it made of the file
            outcomes.append(shortly(error))
    return best_of(outcomes)


def best_of(outcomes):
    """Right before partly right before nothing."""
    return min(outcomes, key=lambda outcome: (not outcome.startswith("**"), outcome.startswith("error"), len(outcome)))


def inside():
    """Writes the workbook, then answers {"tool", "path", "best"} line by line."""
    import openpyxl
    tools = {"sqlite-utils": with_sqlite_utils, "DuckDB": with_duckdb, "pandas": with_pandas}
    for line in sys.stdin:
        question = json.loads(line)
        path = pathlib.Path(question["path"])
        if question["tool"] == "workbook":
            book = openpyxl.Workbook()
            book.active.append(HEADERS)
            for number, product, store, day, quantity, cents in lines():
                book.active.append([number, product, store, day, quantity, cents / 100])
            book.save(path)
            answer = ""
        else:
            answer = tools[question["tool"]](path, question["best"])
        print(json.dumps(answer), flush=True)


# Outside: Comptoir, over HTTP like anybody.

class Comptoir:
    def __init__(self, program, folder):
        self.ports = [free_port() for _ in range(3)]
        names = ("--db-port", "--script-port", "--dashboard-port")
        ports = [word for name, port in zip(names, self.ports) for word in (name, str(port))]
        self.process = subprocess.Popen([program, "up", "--no-sample", "--data", str(folder / "comptoir"), *ports],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                self.call(1, "/readyz")
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.05)
        for table, content in (("products", PRODUCTS), ("stores", STORES)):
            self.call(1, f"/jobs/import?table={table}", content.encode())

    def call(self, service, path, body=None):
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[service]}{path}", data=body,
                                         headers={"Prefer": "wait=60", "Content-Type": "application/octet-stream"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def sql(self, route, sql):
        body = json.dumps({"sql": sql}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.ports[0]}/v1/{route}", data=body,
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["rows"]

    def read(self, path):
        self.sql("execute", "DELETE FROM sales")
        job = self.call(1, "/jobs/import?table=sales", path.read_bytes())
        if job["state"] == "failed":
            return shortly(job["error"]["detail"])
        rows = []
        while True:
            last = rows[-1][0] if rows else 0
            page = self.sql("query", "SELECT id, product_id, store_id, sale_date, quantity, amount_cents / 100.0 FROM sales "
                                     f"WHERE id > {last} ORDER BY id LIMIT 1000")
            if not page:
                break
            rows += page
        listed = None
        if path.name == "mistakes.csv":
            listed = len(self.call(1, f"/jobs/{job['id']}/rejects")["rejects"])
        return judge(rows, listed)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(directory):
    python = pathlib.Path(directory) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--venv", metavar="DIR", help="keep the virtual environment here")
    parser.add_argument("--comptoir", metavar="FILE", help="the program; built by cargo when it is not given")
    parser.add_argument(INSIDE, action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside:
        return inside()
    program = arguments.comptoir
    if not program:
        subprocess.run(["cargo", "build", "--release", "-p", "comptoir"], cwd=ROOT, check=True)
        program = ROOT / "target" / "release" / "comptoir"
    with tempfile.TemporaryDirectory(prefix="compare-imports-") as directory:
        folder = pathlib.Path(directory)
        python = environment(arguments.venv or folder / "venv")
        tools = subprocess.Popen([python, __file__, INSIDE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def ask(tool, path, best=False):
            tools.stdin.write(json.dumps({"tool": tool, "path": str(path), "best": best}) + "\n")
            tools.stdin.flush()
            return json.loads(tools.stdout.readline())

        files = write_files(folder)
        ask("workbook", folder / "workbook.xlsx")
        comptoir = Comptoir(program, folder)
        try:
            print("| file | Comptoir | sqlite-utils | DuckDB | pandas |\n| --- | --- | --- | --- | --- |")
            for name in files:
                path = folder / name
                cells = [comptoir.read(path)]
                for tool in ("sqlite-utils", "DuckDB", "pandas"):
                    plain, best = ask(tool, path), ask(tool, path, best=True)
                    cells.append(plain if plain == best else f"{plain}<br>with options: {best}")
                print(f"| `{name}` | " + " | ".join(cells) + " |", flush=True)
        finally:
            comptoir.stop()
            tools.stdin.close()
            tools.wait()


if __name__ == "__main__":
    main()
