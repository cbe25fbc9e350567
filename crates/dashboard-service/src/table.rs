//! Rows as people see them, and the same rows to take away: CSV, CSV for a French Excel, JSON.

use crate::answer::{NamedAnswer, Row};
use crate::format;
use crate::labels;
use crate::language::Language;
use jiff::civil::Date;
use script_client::script_api::{AnalysisColumn, ColumnType};
use serde_json::Value;
use std::fmt::Write as _;

/// A table: what is on the screen and what is saved are the same rows of the same columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table {
    /// What it shows.
    pub(crate) caption: String,
    /// The columns.
    pub(crate) columns: Vec<Heading>,
    /// The rows.
    pub(crate) rows: Vec<Line>,
}

/// The head of a column.
#[derive(Debug, Clone)]
pub(crate) struct Heading {
    /// Its name in files.
    pub(crate) name: String,
    /// Its name for people.
    pub(crate) label: String,
    /// What its values are.
    pub(crate) kind: ColumnType,
}

impl Heading {
    /// Whether its values are set flush right.
    pub(crate) fn is_number(&self) -> bool {
        self.kind.is_number()
    }
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// The cells, one a column.
    pub(crate) cells: Vec<Cell>,
    /// Where its first cell leads.
    pub(crate) link: Option<String>,
    /// Whether it is the one that is chosen.
    pub(crate) chosen: bool,
    /// Whether it wants attention.
    pub(crate) marked: bool,
}

/// A cell.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// What it says.
    pub(crate) text: String,
    /// What it is sorted by.
    pub(crate) sort: String,
    /// What is saved.
    pub(crate) value: Value,
    /// Whether it is set flush right.
    pub(crate) number: bool,
}

/// How a table is saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Save {
    /// RFC 4180.
    Csv,
    /// What a French Excel opens with a double click.
    CsvFr,
    /// An array of objects.
    Json,
}

impl Save {
    /// The form of that name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        match name {
            "csv" => Some(Self::Csv),
            "csv-fr" => Some(Self::CsvFr),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    /// The media type.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvFr => "text/csv; charset=utf-8",
            Self::Json => "application/json",
        }
    }

    /// The end of a file name.
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvFr => "csv",
            Self::Json => "json",
        }
    }
}

impl Table {
    /// The columns `names` of `answer`, in that order; all of them when none is named.
    pub(crate) fn of(answer: &NamedAnswer, names: &[&str], language: Language) -> Self {
        let columns: Vec<&AnalysisColumn> = if names.is_empty() {
            answer.columns.iter().collect()
        } else {
            names
                .iter()
                .filter_map(|name| answer.columns.iter().find(|column| column.name == *name))
                .collect()
        };
        Self {
            caption: answer.title.in_language(language).to_owned(),
            columns: columns
                .iter()
                .map(|column| heading(&column.name, column.kind, language))
                .collect(),
            rows: answer
                .rows
                .iter()
                .map(|row| Line {
                    cells: columns
                        .iter()
                        .map(|column| {
                            cell(
                                row.get(&column.name).unwrap_or(&Value::Null),
                                column.kind,
                                language,
                            )
                        })
                        .collect(),
                    link: None,
                    chosen: false,
                    marked: false,
                })
                .collect(),
        }
    }

    /// `rows` as columns of `names` and kinds.
    pub(crate) fn from_rows(
        caption: &str,
        names: &[(&str, &str, ColumnType)],
        rows: &[Row],
        language: Language,
    ) -> Self {
        Self {
            caption: caption.to_owned(),
            columns: names
                .iter()
                .map(|(name, label, kind)| Heading {
                    name: (*name).to_owned(),
                    label: (*label).to_owned(),
                    kind: *kind,
                })
                .collect(),
            rows: rows
                .iter()
                .map(|row| Line {
                    cells: names
                        .iter()
                        .map(|(name, _, kind)| cell(row.get(*name).unwrap_or(&Value::Null), *kind, language))
                        .collect(),
                    link: None,
                    chosen: false,
                    marked: false,
                })
                .collect(),
        }
    }

    /// Orders the rows by `column`, as the page does: numbers by size, texts by letter, the unknown last. A
    /// column that is not there changes nothing.
    pub(crate) fn sort_by(&mut self, column: &str, descending: bool) {
        let Some(at) = self.columns.iter().position(|heading| heading.name == column) else {
            return;
        };
        self.rows.sort_by(|a, b| {
            let (a, b) = (&a.cells[at].sort, &b.cells[at].sort);
            let known = match (a.parse::<f64>(), b.parse::<f64>()) {
                (Ok(a), Ok(b)) => a.total_cmp(&b),
                _ => folded(a).cmp(&folded(b)),
            };
            let known = if descending { known.reverse() } else { known };
            a.is_empty().cmp(&b.is_empty()).then(known)
        });
    }

    /// The table as a file.
    pub(crate) fn save(&self, form: Save) -> String {
        match form {
            Save::Csv => self.csv(',', |cell, _| plain(&cell.value)),
            Save::CsvFr => format!("\u{feff}{}", self.csv(';', french)),
            Save::Json => {
                let rows: Vec<String> = self.rows.iter().map(|row| self.object(row)).collect();
                format!("[{}]", rows.join(","))
            }
        }
    }

    /// A row as an object, its members in the order of the columns.
    fn object(&self, row: &Line) -> String {
        let cells = self.columns.iter().zip(&row.cells);
        let members: Vec<String> = cells
            .map(|(column, cell)| format!("{}:{}", Value::from(column.name.as_str()), cell.value))
            .collect();
        format!("{{{}}}", members.join(","))
    }

    fn csv(&self, delimiter: char, write: impl Fn(&Cell, ColumnType) -> String) -> String {
        let mut file = String::new();
        let mut line = |fields: Vec<String>| {
            let fields: Vec<String> = fields.iter().map(|field| quoted(field, delimiter)).collect();
            let _ = write!(file, "{}\r\n", fields.join(&delimiter.to_string()));
        };
        line(self.columns.iter().map(|column| column.name.clone()).collect());
        for row in &self.rows {
            line(
                self.columns
                    .iter()
                    .zip(&row.cells)
                    .map(|(column, cell)| write(cell, column.kind))
                    .collect(),
            );
        }
        file
    }
}

/// The head of a column of that name.
pub(crate) fn heading(name: &str, kind: ColumnType, language: Language) -> Heading {
    Heading {
        name: name.to_owned(),
        label: labels::column(name, language),
        kind,
    }
}

/// `value` as a cell.
pub(crate) fn cell(value: &Value, kind: ColumnType, language: Language) -> Cell {
    Cell {
        text: shown(value, kind, language),
        sort: plain(value),
        value: value.clone(),
        number: kind.is_number(),
    }
}

/// `value` for people.
pub(crate) fn shown(value: &Value, kind: ColumnType, language: Language) -> String {
    let scaled = |decimals| format::scaled(value, decimals);
    let number = match kind {
        // Half a million euros need no cents; what a single line costs does.
        ColumnType::Money => match scaled(2) {
            Some(cents) if cents.abs() < 100_000 && cents % 100 != 0 => {
                Some(format::money(cents, 2, language))
            }
            Some(_) => scaled(0).map(|euros| format::money(euros, 0, language)),
            None => None,
        },
        ColumnType::Percent => scaled(1).map(|tenths| format::percent(tenths, language)),
        ColumnType::Index => scaled(1).map(|tenths| format::number(tenths, 1, language)),
        ColumnType::Integer => scaled(0).map(|whole| format::number(whole, 0, language)),
        ColumnType::Number => scaled(2).map(|hundredths| format::number(hundredths, 2, language)),
        _ => None,
    };
    if let Some(number) = number {
        return number;
    }
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => language.words().yes.to_owned(),
        Value::Bool(false) => language.words().no.to_owned(),
        Value::String(text) if kind == ColumnType::Date => text
            .parse::<Date>()
            .map_or_else(|_| text.clone(), format::short_date),
        Value::String(text) if kind == ColumnType::Month => format!("{text}-01")
            .parse::<Date>()
            .map_or_else(|_| text.clone(), |day| format::month(day, language)),
        Value::String(text) => labels::value(text, language).to_owned(),
        other => other.to_string(),
    }
}

/// `text` as it is sorted in French: without regard to case and accents.
fn folded(text: &str) -> String {
    let plain = |letter| match letter {
        'à' | 'â' | 'ä' => 'a',
        'ç' => 'c',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'î' | 'ï' => 'i',
        'ô' | 'ö' => 'o',
        'ù' | 'û' | 'ü' => 'u',
        'ÿ' => 'y',
        other => other,
    };
    text.to_lowercase().chars().map(plain).collect()
}

/// `value` for programs.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A cell for a French Excel: decimal comma, dd/mm/yyyy, and nothing that it would take for a formula.
fn french(cell: &Cell, kind: ColumnType) -> String {
    match &cell.value {
        Value::Number(number) => number.to_string().replace('.', ","),
        Value::Bool(yes) => if *yes { "oui" } else { "non" }.to_owned(),
        Value::String(text) if kind == ColumnType::Date => text
            .parse::<Date>()
            .map_or_else(|_| text.clone(), format::short_date),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => format!("'{text}"),
        other => plain(other),
    }
}

fn quoted(field: &str, delimiter: char) -> String {
    if field.contains([delimiter, '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table() -> Table {
        let rows: Vec<Row> = [
            json!({"region": "=1+1; \"x\"", "total_sales": 450_230.5, "date": "2023-11-03", "below": true}),
            json!({"region": "Corse", "total_sales": null, "date": "2023-11-04", "below": false}),
        ]
        .into_iter()
        .map(|row| row.as_object().unwrap().clone())
        .collect();
        let columns = [
            ("region", "Région", ColumnType::Text),
            ("total_sales", "Ventes", ColumnType::Money),
            ("date", "Jour", ColumnType::Date),
            ("below", "Sous", ColumnType::Boolean),
        ];
        Table::from_rows("T", &columns, &rows, Language::Fr)
    }

    #[test]
    fn people_read_numbers_and_days_of_their_language() {
        let texts: Vec<_> = table().rows[0]
            .cells
            .iter()
            .map(|cell| cell.text.clone())
            .collect();

        assert_eq!(
            texts,
            ["=1+1; \"x\"", "450\u{202f}231\u{a0}€", "03/11/2023", "oui"]
        );
        assert_eq!(table().rows[1].cells[1].text, "–");
    }

    #[test]
    fn files_hold_the_same_rows() {
        assert_eq!(
            table().save(Save::Csv),
            "region,total_sales,date,below\r\n\"=1+1; \"\"x\"\"\",450230.5,2023-11-03,true\r\nCorse,,2023-11-04,false\r\n"
        );
        assert_eq!(
            table().save(Save::Json),
            r#"[{"region":"=1+1; \"x\"","total_sales":450230.5,"date":"2023-11-03","below":true},{"region":"Corse","total_sales":null,"date":"2023-11-04","below":false}]"#
        );
    }

    #[test]
    fn rows_are_ordered_with_the_unknown_last() {
        let mut table = table();
        table.rows.push(table.rows[0].clone());
        table.rows[2].cells[1].sort = "9.5".to_owned();
        let order = |table: &Table| -> Vec<String> {
            table.rows.iter().map(|row| row.cells[1].sort.clone()).collect()
        };

        table.sort_by("total_sales", false);
        assert_eq!(order(&table), ["9.5", "450230.5", ""]);
        table.sort_by("total_sales", true);
        assert_eq!(order(&table), ["450230.5", "9.5", ""]);
        table.sort_by("no such column", false);
        assert_eq!(folded("Île-de-France"), "ile-de-france");
        assert_eq!(order(&table), ["450230.5", "9.5", ""]);
    }

    #[test]
    fn a_french_excel_takes_no_cell_for_a_formula() {
        assert_eq!(
            table().save(Save::CsvFr),
            "\u{feff}region;total_sales;date;below\r\n\"'=1+1; \"\"x\"\"\";450230,5;03/11/2023;oui\r\nCorse;;04/11/2023;non\r\n"
        );
    }
}
