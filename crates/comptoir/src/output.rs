//! What a command prints: a table for people, CSV or JSON for programs.

use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use std::io::{self, IsTerminal as _, Write as _};

/// The form of an answer on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table for people; the default on a terminal.
    Table,
    /// CSV with a header line; the default elsewhere.
    Csv,
    /// The answer of the service, as JSON.
    Json,
}

impl Format {
    /// The form asked for, or else what suits standard output.
    pub(crate) fn or_default(asked: Option<Self>) -> Self {
        asked.unwrap_or_else(|| {
            if io::stdout().is_terminal() {
                Self::Table
            } else {
                Self::Csv
            }
        })
    }
}

/// A table under `heads`; the columns that `is_number` names are aligned to the right.
pub(crate) fn table(
    heads: &[String],
    is_number: &[bool],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> Table {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(heads.iter().map(|head| visible(head)));
    for row in rows {
        table.add_row(row.iter().map(|cell| visible(cell)));
    }
    for (column, is_number) in table.column_iter_mut().zip(is_number) {
        if *is_number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Writes `text` and a line end to standard output.
pub(crate) fn print(text: impl std::fmt::Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}

/// `text` with its control characters as `\u{..}`: data must not steer a terminal.
fn visible(text: &str) -> String {
    if text.chars().all(|letter| !letter.is_control()) {
        return text.to_owned();
    }
    text.chars()
        .flat_map(|letter| {
            let (plain, escaped) = if letter.is_control() {
                (None, Some(letter.escape_default()))
            } else {
                (Some(letter), None)
            };
            plain.into_iter().chain(escaped.into_iter().flatten())
        })
        .collect()
}

/// A number of things, with commas between its thousands.
#[expect(clippy::cast_precision_loss, reason = "shown to people")]
pub(crate) fn count(number: u64) -> String {
    grouped(number as f64, 0)
}

/// `number` with commas between its thousands and `decimals` decimals: `1,245,678.00`.
pub(crate) fn grouped(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((text.as_str(), ""));
    let mut out = String::with_capacity(text.len() + whole.len() / 3 + 1);
    if number < 0.0 && text.bytes().any(|digit| digit.is_ascii_digit() && digit != b'0') {
        out.push('-');
    }
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(1_245_678.0, 2), "1,245,678.00");
        assert_eq!(grouped(450.5, 1), "450.5");
        assert_eq!(grouped(-1_000.0, 0), "-1,000");
        assert_eq!(grouped(-0.001, 2), "0.00");
    }

    #[test]
    fn data_cannot_steer_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("Île-de-France"), "Île-de-France");
    }
}
