//! Revenue by day, for forecasts.

use db_client::db_api::{Params, Value};
use db_client::{DbClient, DbError, Rows as _};
use jiff::civil::Date;
use std::collections::BTreeMap;

/// Which sales are meant.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SalesOf<'a> {
    pub region: Option<&'a str>,
    pub product: Option<i64>,
    pub category: Option<&'a str>,
}

/// What was sold on each day from `from` to `to` that has a sale, in cents. The inner `Err` holds how many days an
/// answer of db-service has at most, when there are more.
pub(crate) async fn daily_cents(
    db: &DbClient,
    of: SalesOf<'_>,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<Result<BTreeMap<Date, i64>, usize>, DbError> {
    let by_product = of.product.is_some() || of.category.is_some();
    let table = match (of.region, by_product) {
        (None, false) => "days",
        (None, true) => "product_days",
        (Some(_), false) => "store_days",
        (Some(_), true) => "sales",
    };
    let day = |day: Option<Date>, otherwise: &str| day.map_or(otherwise.to_owned(), |day| day.to_string());
    let mut params: Vec<(String, Value)> = vec![
        ("from".into(), day(from, "0000-01-01").into()),
        ("to".into(), day(to, "9999-12-31").into()),
    ];
    let mut conditions = String::new();
    if let Some(region) = of.region {
        conditions.push_str(
            " AND store_id IN (SELECT id FROM stores WHERE COALESCE(region, '(unknown)') = :region)",
        );
        params.push(("region".into(), region.into()));
    }
    if let Some(product) = of.product {
        conditions.push_str(" AND product_id = :product");
        params.push(("product".into(), product.into()));
    }
    if let Some(category) = of.category {
        conditions.push_str(
            " AND product_id IN (SELECT id FROM products WHERE COALESCE(category, '(unknown)') = :category)",
        );
        params.push(("category".into(), category.into()));
    }
    let result = db
        .query(
            &format!(
                "SELECT sale_date, SUM(amount_cents) AS cents FROM {table}
                WHERE sale_date BETWEEN :from AND :to{conditions}
                GROUP BY sale_date ORDER BY sale_date"
            ),
            Params::Named(params.into_iter().collect()),
        )
        .await?;
    if result.truncated {
        return Ok(Err(result.rows.len()));
    }
    let days: Vec<(Date, i64)> = result.rows_as()?;
    Ok(Ok(days.into_iter().collect()))
}

/// The members of `of` that no product or store bears.
pub(crate) async fn unknown(db: &DbClient, of: SalesOf<'_>) -> Result<Vec<&'static str>, DbError> {
    let checks = [
        (
            "region",
            of.region.map(Value::from),
            "SELECT id FROM stores WHERE COALESCE(region, '(unknown)') = ?1 LIMIT 1",
        ),
        (
            "product",
            of.product.map(Value::from),
            "SELECT id FROM products WHERE id = ?1",
        ),
        (
            "category",
            of.category.map(Value::from),
            "SELECT id FROM products WHERE COALESCE(category, '(unknown)') = ?1 LIMIT 1",
        ),
    ];
    let mut unknown = Vec::new();
    for (name, value, sql) in checks {
        let Some(value) = value else { continue };
        let found: Option<i64> = db.first_row(sql, [value]).await?;
        if found.is_none() {
            unknown.push(name);
        }
    }
    Ok(unknown)
}
