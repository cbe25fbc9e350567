//! The data that is measured on: sales as `comptoir generate` writes them.

use anyhow::Context as _;
use comptoir::generate::sales::{SalesPlan, write};
use rusqlite::Connection;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The tables of the measurements.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL NOT NULL, category TEXT NOT NULL) STRICT;
    CREATE TABLE stores (id INTEGER PRIMARY KEY, city TEXT NOT NULL, region TEXT NOT NULL, address TEXT NOT NULL) STRICT;
    CREATE TABLE sales (
        id INTEGER PRIMARY KEY,
        product_id INTEGER NOT NULL REFERENCES products (id),
        store_id INTEGER NOT NULL REFERENCES stores (id),
        sale_date TEXT NOT NULL,
        quantity INTEGER NOT NULL,
        amount REAL NOT NULL
    ) STRICT;
    CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
";

/// The insert of one sale.
pub(crate) const INSERT: &str =
    "INSERT INTO sales (id, product_id, store_id, sale_date, quantity, amount) VALUES (?, ?, ?, ?, ?, ?)";

/// A sale in memory.
pub(crate) type Sale = (i64, i64, i64, String, i64, f64);

/// Sales on disk.
pub(crate) struct Files {
    folder: PathBuf,
}

impl Files {
    /// Writes `rows` sales, their products and stores into `folder`, as CSV.
    pub(crate) fn make(folder: &Path, rows: u64) -> anyhow::Result<Self> {
        let folder = folder.join(format!("files-{rows}"));
        if !folder.join("sales.csv").exists() {
            write(&folder, SalesPlan { rows, seed: 1 }, |_| {}).context("generate sales")?;
        }
        Ok(Self { folder })
    }

    /// The same with the ticket of every line: of a store on a day, three lines after each other are one.
    pub(crate) fn with_tickets(folder: &Path, rows: u64) -> anyhow::Result<Self> {
        use std::io::{BufRead as _, Write as _};
        let plain = Self::make(folder, rows)?;
        let folder = folder.join(format!("tickets-{rows}"));
        if !folder.join("sales.csv").exists() {
            std::fs::create_dir_all(&folder)?;
            for file in ["products.csv", "stores.csv"] {
                std::fs::copy(plain.folder.join(file), folder.join(file))?;
            }
            let mut out = std::io::BufWriter::new(std::fs::File::create(folder.join("sales.csv"))?);
            let lines = std::io::BufReader::new(std::fs::File::open(plain.sales_csv())?).lines();
            let (mut day, mut sold) = (String::new(), HashMap::<String, u64>::new());
            for (number, line) in lines.enumerate() {
                let line = line?;
                if number == 0 {
                    writeln!(out, "{line},ticket_id")?;
                    continue;
                }
                let mut fields = line.split(',').skip(2);
                let (store, date) = fields
                    .next()
                    .zip(fields.next())
                    .context("store and day of a sale")?;
                if date != day {
                    date.clone_into(&mut day);
                    sold.clear();
                }
                let sold = sold.entry(store.to_owned()).or_default();
                writeln!(out, "{line},{store}-{}", *sold / 3 + 1)?;
                *sold += 1;
            }
            out.flush()?;
        }
        Ok(Self { folder })
    }

    /// Where they are.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The sales as CSV.
    pub(crate) fn sales_csv(&self) -> PathBuf {
        self.folder.join("sales.csv")
    }

    /// The sales as one JSON object a line.
    pub(crate) fn sales_ndjson(&self) -> anyhow::Result<PathBuf> {
        let path = self.folder.join("sales.ndjson");
        if !path.exists() {
            let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
            for sale in self.sales()? {
                use std::io::Write as _;
                let (id, product, store, date, quantity, amount) = sale?;
                writeln!(
                    out,
                    "{{\"id\":{id},\"product_id\":{product},\"store_id\":{store},\"sale_date\":\"{date}\",\"quantity\":{quantity},\"amount\":{amount}}}"
                )?;
            }
        }
        Ok(path)
    }

    /// The sales one by one.
    pub(crate) fn sales(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Sale>>> {
        let reader = csv::Reader::from_path(self.sales_csv())?;
        Ok(reader
            .into_deserialize::<Sale>()
            .map(|sale| sale.context("read a sale")))
    }

    /// A new database at `path` with products and stores, and the sales when `full`.
    pub(crate) fn database(&self, path: &Path, full: bool) -> anyhow::Result<Connection> {
        for end in ["", "-wal", "-shm"] {
            // Nothing is there the first time.
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
        let mut conn = Connection::open(path)?;
        conn.execute_batch(
            "PRAGMA journal_mode = wal; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;",
        )?;
        conn.execute_batch(SCHEMA)?;
        let transaction = conn.transaction()?;
        for (file, table, columns) in [("products.csv", "products", 4), ("stores.csv", "stores", 4)] {
            let mut sql = format!("INSERT INTO {table} VALUES (?");
            for _ in 1..columns {
                write!(sql, ", ?")?;
            }
            sql.push(')');
            let mut insert = transaction.prepare(&sql)?;
            for record in csv::Reader::from_path(self.folder.join(file))?.into_records() {
                insert.execute(rusqlite::params_from_iter(record?.iter()))?;
            }
        }
        if full {
            insert_sales(&transaction, self.sales()?)?;
        }
        transaction.commit()?;
        Ok(conn)
    }
}

/// Inserts sales through one prepared statement.
pub(crate) fn insert_sales(
    conn: &Connection,
    sales: impl Iterator<Item = anyhow::Result<Sale>>,
) -> anyhow::Result<()> {
    let mut insert = conn.prepare(INSERT)?;
    for sale in sales {
        insert.execute(sale?)?;
    }
    Ok(())
}
