//! The Rust SDK `libsql`, remote, against a running db-service: `sdk-rust URL`.

use hyper::client::HttpConnector;
use libsql::{Builder, Connection, TransactionBehavior, Value, named_params, params};
use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("usage: sdk-rust URL")?;
    let db = Builder::new_remote(url, String::new())
        .connector(HttpConnector::new())
        .build()
        .await?;
    let conn = db.connect()?;

    // Values go in and come out as they were.
    conn.execute(
        "CREATE TABLE rust_libsql (id INTEGER PRIMARY KEY, name TEXT, amount REAL, data BLOB)",
        (),
    )
    .await?;
    let inserted = conn
        .execute(
            "INSERT INTO rust_libsql VALUES (?1, ?2, ?3, ?4)",
            params![i64::MAX - 1, "Île", -0.5, vec![0_u8, 255]],
        )
        .await?;
    assert_eq!((inserted, conn.last_insert_rowid()), (1, i64::MAX - 1));
    let mut rows = conn
        .query(
            "SELECT * FROM rust_libsql WHERE name = :name",
            named_params! {":name": "Île"},
        )
        .await?;
    let row = rows.next().await?.ok_or("no row")?;
    assert_eq!(row.get::<i64>(0)?, i64::MAX - 1);
    assert_eq!(row.get::<f64>(2)?, -0.5);
    assert_eq!(row.get_value(3)?, Value::Blob(vec![0, 255]));
    assert!(rows.next().await?.is_none());

    // Transactions, a script, a prepared statement.
    let undone = conn
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .await?;
    undone.execute("DELETE FROM rust_libsql", ()).await?;
    undone.rollback().await?;
    let done = conn.transaction().await?;
    done.execute("INSERT INTO rust_libsql (id, name) VALUES (1, 'b')", ())
        .await?;
    done.commit().await?;
    conn.execute_batch(
        "INSERT INTO rust_libsql (id, name) VALUES (2, ';'); UPDATE rust_libsql SET name = 'c' WHERE id = 1;",
    )
    .await?;
    assert_eq!(count(&conn).await?, 3);
    let by_id = conn.prepare("SELECT name FROM rust_libsql WHERE id = ?1").await?;
    let mut rows = by_id.query([1]).await?;
    assert_eq!(rows.next().await?.ok_or("no row")?.get::<String>(0)?, "c");

    // Errors name what is wrong and leave the connection usable.
    let error = conn
        .execute("INSERT INTO rust_libsql (id) VALUES (1)", ())
        .await
        .err()
        .ok_or("a duplicate was taken")?;
    assert!(error.to_string().contains("SQLITE_CONSTRAINT"), "{error}");
    assert_eq!(count(&conn).await?, 3);
    println!("ok");
    Ok(())
}

async fn count(conn: &Connection) -> Result<i64, Box<dyn Error>> {
    let mut rows = conn.query("SELECT count(*) FROM rust_libsql", ()).await?;
    Ok(rows.next().await?.ok_or("no row")?.get(0)?)
}
