//! `comptoir analyze`: one analysis, computed now.

use super::{ScriptAddress, name_and_value};
use crate::outcome::Outcome;
use crate::output::{self, Format, grouped};
use anyhow::Context as _;
use clap::Args;
use comfy_table::Table;
use script_client::ScriptClient;
use script_client::script_api::{AnalysisColumn, Answer, ChartHint, ColumnType};
use serde_json::Value;
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

fn head(column: &AnalysisColumn) -> String {
    match &column.unit {
        Some(unit) => format!("{} ({unit})", column.name),
        None => column.name.clone(),
    }
}

fn cell(kind: ColumnType, value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) => match (kind, number.as_f64()) {
            (ColumnType::Money, Some(number)) => grouped(number, 2),
            (ColumnType::Percent | ColumnType::Index, Some(number)) => grouped(number, 1),
            _ => number.to_string(),
        },
        other => other.to_string(),
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
        let body = client.answer_as(&self.name, &self.options(), accept).await?;
        if format == Format::Table {
            let answer: Answer =
                serde_json::from_slice(&body).context("read the answer of script-service")?;
            let chart = if self.no_bars {
                None
            } else {
                let analyses = client.analyses().await?.analyses;
                let mut named = analyses.into_iter().filter(|analysis| analysis.name == self.name);
                named.next().and_then(|analysis| analysis.chart)
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
fn drawn(answer: &Answer, chart: Option<&ChartHint>) -> Option<Vec<Option<f64>>> {
    let chart = chart.filter(|chart| matches!(chart.kind.as_str(), "bar" | "line" | "map"))?;
    let name = chart.y.first()?;
    let column = answer.column(name)?;
    let values = answer.rows.iter().map(|row| row[column].as_f64());
    (answer.columns[column].kind.is_number() && answer.rows.len() > 1).then(|| values.collect())
}

fn print_table(answer: &Answer, chart: Option<&ChartHint>) -> io::Result<()> {
    let window = match (answer.window.from, answer.window.to) {
        (Some(from), Some(to)) => format!(", {from} to {to}"),
        _ => String::new(),
    };
    output::print(format_args!("{}{window}", answer.title))?;
    let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns);
    output::print(table(answer, chart, columns))?;
    for note in &answer.notes {
        output::print(note)?;
    }
    Ok(())
}

/// The rows of `answer`, with bars as `chart` says where a terminal of `columns` columns has room for them.
fn table(answer: &Answer, chart: Option<&ChartHint>, columns: Option<u16>) -> Table {
    let mut heads: Vec<String> = answer.columns.iter().map(head).collect();
    let is_number: Vec<bool> = answer
        .columns
        .iter()
        .map(|column| column.kind.is_number())
        .collect();
    let cells = |row: &Vec<Value>| {
        let cells = answer.columns.iter().zip(row);
        cells.map(|(column, value)| cell(column.kind, value)).collect()
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
            "analysis": "region",
            "title": "Sales by region",
            "titles": {},
            "window": {"from": "2023-11-01", "to": "2023-11-30"},
            "notes": [],
            "dataset_version": 1,
            "computed_at": "2023-12-01T00:00:00Z",
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
        let chart = ChartHint {
            kind: "bar".into(),
            x: None,
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
        let money = AnalysisColumn {
            name: "total_sales".into(),
            kind: ColumnType::Money,
            unit: Some("EUR".into()),
        };

        assert_eq!(cell(money.kind, &Value::Null), "–");
        assert_eq!(cell(money.kind, &serde_json::json!(450_230.0)), "450,230.00");
        assert_eq!(head(&money), "total_sales (EUR)");
    }
}
