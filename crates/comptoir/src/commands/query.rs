//! `comptoir query`: one read-only statement.

use super::DbAddress;
use crate::outcome::Outcome;
use crate::output::{self, Format};
use clap::Args;
use db_client::db_api::{Params, QueryRequest, QueryResult, Value};
use futures_util::StreamExt as _;
use std::io::{self, Write as _};

/// How many rows a table on the terminal holds.
const TABLE_ROWS: u64 = 1_000;

/// Run one read-only SQL statement.
#[derive(Debug, Args)]
pub(crate) struct Query {
    /// One statement, such as `SELECT SUM(amount) FROM sales WHERE sale_date >= ?`.
    sql: String,
    /// Its parameters, in order. A number, `null` or `true` is taken as such, anything else as text;
    /// `'"42"'` is the text 42.
    #[arg(allow_negative_numbers = true)]
    params: Vec<String>,
    /// The form of the answer; a table on a terminal, CSV elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    db: DbAddress,
}

impl Query {
    /// Prints the rows. CSV streams, whatever its size.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = self.db.client()?;
        let mut request = QueryRequest {
            params: Params::Positional(self.params.iter().map(|text| parameter(text)).collect()),
            sql: self.sql,
            ..QueryRequest::default()
        };
        match Format::or_default(self.format) {
            Format::Csv => {
                let mut chunks = Box::pin(client.query_stream(&request, "text/csv").await?);
                let mut out = io::stdout().lock();
                while let Some(chunk) = chunks.next().await {
                    out.write_all(&chunk?)?;
                }
                out.flush()?;
            }
            Format::Json => output::print(serde_json::to_string(&client.query_request(&request).await?)?)?,
            Format::Table => {
                request.max_rows = Some(TABLE_ROWS);
                print_table(&client.query_request(&request).await?)?;
            }
        }
        Ok(Outcome::Done)
    }
}

fn parameter(text: &str) -> Value {
    // An object would be a tagged value, and a list is no value.
    serde_json::from_str(text).unwrap_or_else(|_| Value::Text(text.to_owned()))
}

fn print_table(answer: &QueryResult) -> io::Result<()> {
    let heads: Vec<String> = answer.columns.iter().map(|column| column.name.clone()).collect();
    let is_number: Vec<bool> = (0..heads.len())
        .map(|column| {
            answer
                .rows
                .iter()
                .all(|row| matches!(row[column], Value::Integer(_) | Value::Real(_) | Value::Null))
        })
        .collect();
    let rows = answer.rows.iter().map(|row| row.iter().map(cell).collect());
    output::print(output::table(&heads, &is_number, rows))?;
    let more = if answer.truncated {
        " shown, there are more"
    } else {
        ""
    };
    output::print(format_args!(
        "{} rows{more}, {:.1} ms",
        answer.row_count, answer.elapsed_ms
    ))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Text(text) => text.clone(),
        Value::RawText(bytes) | Value::Blob(bytes) => format!("<{} bytes>", bytes.len()),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_what_it_looks_like() {
        assert_eq!(parameter("42"), Value::Integer(42));
        assert_eq!(parameter("-0.5"), Value::Real(-0.5));
        assert_eq!(parameter("null"), Value::Null);
        assert_eq!(parameter("Occitanie"), Value::Text("Occitanie".into()));
        assert_eq!(parameter("2023-11-01"), Value::Text("2023-11-01".into()));
        assert_eq!(parameter("\"42\""), Value::Text("42".into()));
    }
}
