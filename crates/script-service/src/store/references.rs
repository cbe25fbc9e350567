//! Products and stores that rows of imports may refer to, and those that imports make.

use super::signed;
use db_client::db_api::{Params, QueryRequest, Statement, Value};
use db_client::{DbClient, DbError, Rows as _};
use serde::Deserialize;
use shop_exports::{Known, Said, What, fold};

/// How many ids are read at once.
const PAGE: i64 = 50_000;

/// Hands the id of every product to `take`.
pub(crate) async fn products(db: &DbClient, take: impl FnMut(i64)) -> Result<(), DbError> {
    ids(db, "products", take).await
}

/// Hands the id of every store to `take`.
pub(crate) async fn stores(db: &DbClient, take: impl FnMut(i64)) -> Result<(), DbError> {
    ids(db, "stores", take).await
}

async fn ids(db: &DbClient, table: &str, mut take: impl FnMut(i64)) -> Result<(), DbError> {
    let mut after = i64::MIN;
    loop {
        let page = db
            .query_request(&QueryRequest {
                sql: format!("SELECT id FROM {table} WHERE id > ?1 ORDER BY id LIMIT ?2"),
                params: [after.into(), PAGE.into()].into(),
                ..QueryRequest::default()
            })
            .await?;
        let ids: Vec<i64> = page.rows_as()?;
        let Some(last) = ids.last() else {
            return Ok(());
        };
        after = *last;
        ids.into_iter().for_each(&mut take);
    }
}

/// A product or a store, as it is looked for.
#[derive(Debug, Deserialize)]
struct KnownRow {
    id: i64,
    code: Option<String>,
    name: Option<String>,
    city: Option<String>,
    price_cents: Option<i64>,
}

/// All products, or all stores, with what they are called.
pub(crate) async fn known(db: &DbClient, what: What) -> Result<Vec<Known>, DbError> {
    let columns = match what {
        What::Product => "id, code, name, NULL AS city, price_cents FROM products",
        What::Store => "id, code, name, city, NULL AS price_cents FROM stores",
    };
    let mut known = Vec::new();
    let mut after = i64::MIN;
    loop {
        let page = db
            .query_request(&QueryRequest {
                sql: format!("SELECT {columns} WHERE id > ?1 ORDER BY id LIMIT ?2"),
                params: [after.into(), PAGE.into()].into(),
                ..QueryRequest::default()
            })
            .await?;
        let rows: Vec<KnownRow> = page.rows_as()?;
        let Some(last) = rows.last() else {
            return Ok(known);
        };
        after = last.id;
        known.extend(rows.into_iter().map(|row| Known {
            id: row.id,
            code: row.code,
            name: row.name,
            city: row.city,
            price_cents: row.price_cents,
        }));
    }
}

/// What is known of the amounts in the database.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Amounts {
    /// The code of their currency.
    pub currency: Option<String>,
    /// Whether they are with taxes: `included`, `excluded`, or `mixed`.
    pub taxes: Option<String>,
    /// Whether there are some.
    pub has_sales: bool,
}

/// What is known of the amounts in the database.
pub(crate) async fn amounts(db: &DbClient) -> Result<Amounts, DbError> {
    let amounts = db
        .first_row(
            "SELECT currency, taxes, EXISTS (SELECT 1 FROM sales) AS has_sales FROM dataset WHERE id = 1",
            Params::default(),
        )
        .await?;
    Ok(amounts.unwrap_or_default())
}

/// A statement that says in which currency amounts are, and whether with taxes, if nobody said so before.
pub(crate) fn say_amounts(currency: &str, taxes: &str) -> Statement {
    Statement::new(
        "UPDATE dataset SET currency = COALESCE(currency, ?1),
            taxes = CASE WHEN taxes IS NULL OR taxes = ?2 OR ?2 = 'unsaid' THEN NULLIF(COALESCE(taxes, ?2), 'unsaid')
                ELSE 'mixed' END
        WHERE id = 1",
        [currency.into(), taxes.into()],
    )
}

/// A statement that makes products; none when there are none. A conflict is an error: another import was faster.
pub(crate) fn make_products(job: i64, made: &[(i64, Said)]) -> Option<Statement> {
    make(
        "INSERT INTO products (id, name, code, code_key, name_key, category, made_by_job)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        made.iter().map(|(id, said)| {
            let code_key = said.code.as_deref().map(fold::key);
            // Of those with a code several may have a name.
            let name_key = said.code.is_none().then(|| fold::key(&said.shown()));
            vec![
                (*id).into(),
                said.shown().into(),
                said.code.clone().into(),
                code_key.into(),
                name_key.into(),
                said.category.clone().into(),
                job.into(),
            ]
        }),
    )
}

/// The same of stores.
pub(crate) fn make_stores(job: i64, made: &[(i64, Said)]) -> Option<Statement> {
    make(
        "INSERT INTO stores (id, city, region, code, name, code_key, name_key, made_by_job)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        made.iter().map(|(id, said)| {
            let name = said
                .name
                .clone()
                .or_else(|| said.code.is_none().then(|| said.shown()));
            vec![
                (*id).into(),
                said.city.clone().into(),
                said.region.clone().into(),
                said.code.clone().into(),
                name.clone().into(),
                said.code.as_deref().map(fold::key).into(),
                name.as_deref().map(fold::key).into(),
                job.into(),
            ]
        }),
    )
}

fn make(sql: &str, rows: impl Iterator<Item = Vec<Value>>) -> Option<Statement> {
    let rows: Vec<Params> = rows.map(Params::Positional).collect();
    (!rows.is_empty()).then(|| Statement {
        sql: sql.to_owned(),
        params_many: Some(rows),
        ..Statement::default()
    })
}

/// A statement that adds to what `job` made.
pub(crate) fn count_made(job: i64, products: u64, stores: u64) -> Statement {
    Statement::new(
        "UPDATE jobs SET created_products = created_products + ?2, created_stores = created_stores + ?3,
            revision = revision + 1
        WHERE id = ?1",
        [job.into(), signed(products), signed(stores)],
    )
}
