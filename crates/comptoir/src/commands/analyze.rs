//! `comptoir analyze`: one analysis, computed now.

use super::ScriptAddress;
use crate::cli::Outcome;
use crate::output::{self, Format, grouped};
use crate::script_client::ScriptClient;
use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::io::{self, Write as _};

/// Compute an analysis.
#[derive(Debug, Args)]
pub(crate) struct Analyze {
    /// Its name, such as `region`, `product`, `trend` or `summary`; GET /analysis lists them.
    name: String,
    /// First day, `YYYY-MM-DD`; the default window is the 30 days that end on the latest sale.
    #[arg(long, conflicts_with = "period")]
    from: Option<String>,
    /// Last day, `YYYY-MM-DD`.
    #[arg(long, conflicts_with = "period")]
    to: Option<String>,
    /// `last_30_days`, `2023-11`, `2023-Q4`, `2023` or `all`.
    #[arg(long)]
    period: Option<String>,
    /// How many rows at most.
    #[arg(long)]
    limit: Option<u64>,
    /// A further parameter of the analysis, such as `region=Occitanie`; may be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    params: Vec<(String, String)>,
    /// The form of the answer; a table on a terminal, CSV elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
    #[command(flatten)]
    script: ScriptAddress,
}

/// The parts of an answer that a table shows.
#[derive(Debug, Deserialize)]
struct Answer {
    title: String,
    window: Option<Window>,
    columns: Vec<Column>,
    rows: Vec<Map<String, Value>>,
    #[serde(default)]
    notes: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Window {
    from: Option<String>,
    to: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
    unit: Option<String>,
}

impl Column {
    fn is_number(&self) -> bool {
        matches!(
            self.kind.as_str(),
            "money" | "percent" | "integer" | "number" | "index"
        )
    }

    fn head(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.name),
            None => self.name.clone(),
        }
    }

    fn cell(&self, value: Option<&Value>) -> String {
        match value {
            None | Some(Value::Null) => "–".to_owned(),
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => match (self.kind.as_str(), number.as_f64()) {
                ("money", Some(number)) => grouped(number, 2),
                ("percent" | "index", Some(number)) => grouped(number, 1),
                _ => number.to_string(),
            },
            Some(other) => other.to_string(),
        }
    }
}

impl Analyze {
    /// Prints the answer.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let format = Format::or_default(self.format);
        let accept = match format {
            Format::Csv => "text/csv",
            Format::Json | Format::Table => "application/json",
        };
        let body = client.analysis(&self.name, &self.options(), accept).await?;
        if format == Format::Table {
            let answer: Answer =
                serde_json::from_slice(&body).context("read the answer of script-service")?;
            print_table(&answer)?;
        } else {
            let mut out = io::stdout().lock();
            out.write_all(&body)?;
            if body.last() != Some(&b'\n') {
                out.write_all(b"\n")?;
            }
            out.flush()?;
        }
        Ok(Outcome::Done)
    }

    fn options(&self) -> Vec<(&str, String)> {
        let own = [
            ("from", self.from.clone()),
            ("to", self.to.clone()),
            ("period", self.period.clone()),
            ("limit", self.limit.map(|limit| limit.to_string())),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let further = self
            .params
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()));
        own.chain(further).collect()
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))
}

fn print_table(answer: &Answer) -> io::Result<()> {
    let window = match &answer.window {
        Some(Window {
            from: Some(from),
            to: Some(to),
        }) => format!(", {from} to {to}"),
        _ => String::new(),
    };
    output::print(format_args!("{}{window}", answer.title))?;
    let heads: Vec<String> = answer.columns.iter().map(Column::head).collect();
    let is_number: Vec<bool> = answer.columns.iter().map(Column::is_number).collect();
    let rows = answer.rows.iter().map(|row| {
        answer
            .columns
            .iter()
            .map(|column| column.cell(row.get(&column.name)))
            .collect()
    });
    output::print(output::table(&heads, &is_number, rows))?;
    for note in &answer.notes {
        match note {
            Value::String(text) => output::print(text)?,
            other => output::print(other)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_is_a_dash_and_money_has_cents() {
        let money = Column {
            name: "total_sales".into(),
            kind: "money".into(),
            unit: Some("EUR".into()),
        };

        assert_eq!(money.cell(Some(&Value::Null)), "–");
        assert_eq!(money.cell(Some(&serde_json::json!(450_230.0))), "450,230.00");
        assert_eq!(money.head(), "total_sales (EUR)");
    }
}
