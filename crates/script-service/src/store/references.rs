//! Ids that rows of imports may refer to.

use db_client::db_api::QueryRequest;
use db_client::{DbClient, DbError, Rows as _};

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
