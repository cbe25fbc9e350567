//! `comptoir analyze`: one analysis, computed now.

use super::{ScriptAddress, name_and_value};
use crate::cli::Outcome;
use crate::output::{self, Format, grouped};
use crate::script_client::{Chart, ScriptClient};
use anyhow::Context as _;
use clap::Args;
use comfy_table::Table;
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
    /// `last_30_days`, `month`, `quarter`, `year`, `2023-11`, `2023-Q4`, `2023` or `all`.
    #[arg(long)]
    period: Option<String>,
    /// How many rows at most.
    #[arg(long)]
    limit: Option<u64>,
    /// A further parameter of the analysis, such as `region=Occitanie`; may be repeated.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = name_and_value)]
    params: Vec<(String, String)>,
    /// Leaves the bars out of a table.
    #[arg(long)]
    no_bars: bool,
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
            let chart = if self.no_bars {
                None
            } else {
                client.chart(&self.name).await?
            };
            print_table(&answer, chart.as_ref())?;
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

/// How wide the longest bar is at most, in characters.
const WIDEST_BAR: u16 = 24;
/// A longest bar below this shows nothing: there are none then.
const NARROWEST_BAR: u16 = 8;
/// Parts of a character, an eighth each.
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// How wide the longest bar may be beside a table of `heads` and `rows` in a terminal of `columns` columns; any
/// width without one. `None` when there is no room for bars.
fn room_for_bars(heads: &[String], rows: &[Vec<String>], columns: Option<u16>) -> Option<u16> {
    let Some(columns) = columns else {
        return Some(WIDEST_BAR);
    };
    // Each column has a blank on both sides and a line after it; the first line is of the table.
    let widest = |index: usize| {
        let cells = rows.iter().filter_map(|row| row.get(index));
        let widths = cells
            .chain(heads.get(index))
            .map(|cell| console::measure_text_width(cell) + 3);
        widths.max().unwrap_or_default()
    };
    let table = 1 + (0..heads.len()).map(widest).sum::<usize>();
    let room = columns.saturating_sub(u16::try_from(table + 3).unwrap_or(u16::MAX));
    (room >= NARROWEST_BAR).then_some(room.min(WIDEST_BAR))
}

/// A bar for each of `values`, the one of the value furthest from zero `widest` characters long; those below zero
/// are dotted, and what is undefined has none.
fn bars(values: &[Option<f64>], widest: u16) -> Vec<String> {
    let longest = values
        .iter()
        .flatten()
        .fold(0.0_f64, |longest, value| longest.max(value.abs()));
    values
        .iter()
        .map(|value| match value {
            Some(value) if longest > 0.0 => bar(value / longest, widest),
            _ => String::new(),
        })
        .collect()
}

fn bar(part: f64, widest: u16) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and eight times the width"
    )]
    let eighths = (part.abs().min(1.0) * f64::from(widest) * 8.0).round() as usize;
    if part < 0.0 {
        return "░".repeat(eighths.div_ceil(8));
    }
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8]);
    }
    bar
}

/// The values that `chart` draws first, if they are numbers of `answer` and more than one.
fn drawn(answer: &Answer, chart: Option<&Chart>) -> Option<Vec<Option<f64>>> {
    let chart = chart.filter(|chart| matches!(chart.kind.as_str(), "bar" | "line" | "map"))?;
    let name = chart.y.first()?;
    let column = answer.columns.iter().find(|column| column.name == *name)?;
    let values = answer
        .rows
        .iter()
        .map(|row| row.get(name).and_then(Value::as_f64));
    (column.is_number() && answer.rows.len() > 1).then(|| values.collect())
}

fn print_table(answer: &Answer, chart: Option<&Chart>) -> io::Result<()> {
    let window = match &answer.window {
        Some(Window {
            from: Some(from),
            to: Some(to),
        }) => format!(", {from} to {to}"),
        _ => String::new(),
    };
    output::print(format_args!("{}{window}", answer.title))?;
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns);
    output::print(table(answer, chart, columns))?;
    for note in &answer.notes {
        match note {
            Value::String(text) => output::print(text)?,
            other => output::print(other)?,
        }
    }
    Ok(())
}

/// The rows of `answer`, with bars as `chart` says where a terminal of `columns` columns has room for them.
fn table(answer: &Answer, chart: Option<&Chart>, columns: Option<u16>) -> Table {
    let mut heads: Vec<String> = answer.columns.iter().map(Column::head).collect();
    let is_number: Vec<bool> = answer.columns.iter().map(Column::is_number).collect();
    let cells = |row: &Map<String, Value>| {
        let cells = answer.columns.iter();
        cells.map(|column| column.cell(row.get(&column.name))).collect()
    };
    let mut rows: Vec<Vec<String>> = answer.rows.iter().map(cells).collect();
    if let Some(values) = drawn(answer, chart)
        && let Some(widest) = room_for_bars(&heads, &rows, columns)
    {
        // The name is that of a column on the left, so it may go where it is wider than the bars.
        let name = chart
            .and_then(|chart| chart.y.first())
            .cloned()
            .unwrap_or_default();
        heads.push(if console::measure_text_width(&name) > usize::from(widest) {
            String::new()
        } else {
            name
        });
        for (row, bar) in rows.iter_mut().zip(bars(&values, widest)) {
            row.push(bar);
        }
    }
    output::table(&heads, &is_number, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> Answer {
        serde_json::from_value(serde_json::json!({
            "title": "Sales by region",
            "columns": [{"name": "region", "type": "text"}, {"name": "total_sales", "type": "money"}],
            "rows": [
                {"region": "Île-de-France", "total_sales": 450_230.0},
                {"region": "Bretagne", "total_sales": 112_557.5},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn bars_never_wrap() {
        let chart = Chart {
            kind: "bar".into(),
            y: vec!["total_sales".into()],
        };
        let longest = |columns: Option<u16>| {
            let mut table = table(&answer(), Some(&chart), columns);
            if let Some(columns) = columns {
                table.set_width(columns);
            }
            let text = table.to_string();
            // Three lines, the head and two rows.
            assert_eq!(text.lines().count(), 6, "{columns:?}:\n{text}");
            text.lines().map(|line| line.matches('█').count()).max()
        };

        assert_eq!(longest(None), Some(24));
        assert_eq!(longest(Some(80)), Some(24));
        assert_eq!(longest(Some(44)), Some(10));
        assert_eq!(longest(Some(40)), Some(0));
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        assert_eq!(
            bars(
                &[Some(100.0), Some(50.0), Some(1.0), Some(-25.0), None, Some(0.0)],
                24
            ),
            [&"█".repeat(24), &"█".repeat(12), "▎", "░░░░░░", "", ""]
        );
        assert_eq!(bars(&[Some(0.0)], 24), [""]);
    }

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
