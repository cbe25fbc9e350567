//! Whether the ids of a file that is looked at are those of other sales in the database.

use super::partition::Moved;
use super::questions::{self, Open};
use crate::store::sales;
use db_client::{DbClient, DbError};
use script_api::Preview;
use std::collections::HashMap;

/// The question that the ids of the first rows of `preview` leave open, if they do: more than `percent` of those that are
/// in the database are sales of another day.
pub(crate) async fn doubted(db: &DbClient, preview: &Preview, percent: u32) -> Result<Option<Open>, DbError> {
    let value = |values: &serde_json::Value, name: &str| {
        let value = values.get(name)?;
        value
            .as_str()
            .map(str::to_owned)
            .or_else(|| value.as_i64().map(|number| number.to_string()))
    };
    let rows = preview.rows.iter().filter_map(|row| {
        let values = serde_json::to_value(row.values.as_ref()?).ok()?;
        let id: i64 = value(&values, "id")?.parse().ok()?;
        Some((id, value(&values, "sale_date")?))
    });
    let days: HashMap<i64, String> = rows.collect();
    if days.is_empty() {
        return Ok(None);
    }
    let ids: Vec<i64> = days.keys().copied().collect();
    let there = sales::days_of(db, &ids).await?;
    let moved: Vec<_> = there
        .iter()
        .filter(|sale| sale.has_no_id || days.get(&sale.id) != Some(&sale.sale_date))
        .collect();
    let of_no_id = moved.iter().any(|sale| sale.has_no_id);
    let Some(first) = moved.first() else {
        return Ok(None);
    };
    if !of_no_id && moved.len() * 100 <= there.len() * percent as usize {
        return Ok(None);
    }
    let header = preview
        .decisions
        .mapping
        .iter()
        .find(|column| column.column == "id")
        .map_or("id", |column| column.header.as_str());
    let first = Moved {
        key: first.id.to_string(),
        day: first.sale_date.clone(),
        job: first.import_job_id,
    };
    let counts = (moved.len() as u64, there.len() as u64);
    Ok(Some(questions::about_ids(header, counts, &first)))
}
