//! An answer as JSON or CSV.

use super::answer::Answer;
use super::figures::Figure;
use script_api::ColumnType;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The flavour of CSV.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CsvDialect {
    /// RFC 4180: commas, decimal points, ISO dates.
    #[default]
    Standard,
    /// What a French Excel opens with a double click: byte order mark, semicolons, decimal commas,
    /// dd/mm/yyyy.
    Fr,
}

/// The rows of `answer` as CSV.
pub(crate) fn csv(answer: &Answer, dialect: CsvDialect) -> Result<Vec<u8>, csv::Error> {
    let mut bytes = Vec::new();
    if dialect == CsvDialect::Fr {
        bytes.extend_from_slice(b"\xef\xbb\xbf");
    }
    let mut writer = csv::WriterBuilder::new()
        .delimiter(if dialect == CsvDialect::Fr { b';' } else { b',' })
        .terminator(csv::Terminator::CRLF)
        .from_writer(bytes);
    writer.write_record(answer.columns.iter().map(|column| column.name.as_str()))?;
    for row in &answer.rows {
        writer.write_record(
            answer
                .columns
                .iter()
                .zip(row)
                .map(|(column, figure)| cell(column.kind, figure, dialect)),
        )?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

fn cell(kind: ColumnType, figure: &Figure, dialect: CsvDialect) -> String {
    match (dialect, kind, figure) {
        (CsvDialect::Fr, ColumnType::Date, Figure::Text(day)) => match day.as_bytes() {
            [_, _, _, _, b'-', _, _, b'-', _, _] => format!("{}/{}/{}", &day[8..], &day[5..7], &day[..4]),
            _ => day.clone(),
        },
        (CsvDialect::Fr, _, Figure::Boolean(yes)) => if *yes { "oui" } else { "non" }.to_owned(),
        (CsvDialect::Fr, _, _) => figure.to_text(','),
        (CsvDialect::Standard, _, _) => figure.to_text('.'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use script_api::{AnalysisColumn, Window};

    fn answer() -> Answer {
        let column = |name: &str, kind| AnalysisColumn {
            name: name.into(),
            kind,
            unit: None,
        };
        Answer {
            analysis: "x".into(),
            title: "X".into(),
            titles: [("fr".to_owned(), "L’X".to_owned())].into(),
            window: Window { from: None, to: None },
            columns: vec![
                column("day", ColumnType::Date),
                column("total", ColumnType::Money),
                column("below", ColumnType::Boolean),
            ],
            rows: vec![vec![
                Figure::Text("2023-11-03".into()),
                Figure::Decimal {
                    scaled: 45_023_000,
                    decimals: 2,
                },
                Figure::Boolean(true),
            ]],
            figures: vec![(
                "uplift".into(),
                Figure::Decimal {
                    scaled: 180,
                    decimals: 1,
                },
            )],
            notes: vec![],
            dataset_version: 7,
            amounts: None,
            computed_at: "2023-12-01T00:00:00Z".into(),
        }
    }

    #[test]
    fn json_keeps_every_digit() {
        let json = serde_json::to_string(&answer()).unwrap();

        assert!(
            json.contains(r#""rows":[{"day":"2023-11-03","total":450230.00,"below":true}],"uplift":18.0"#),
            "{json}"
        );
        assert!(json.ends_with(r#""titles":{"fr":"L’X"}}"#), "{json}");
    }

    #[test]
    fn french_excel_gets_its_own_flavour() {
        let bytes = csv(&answer(), CsvDialect::Fr).unwrap();

        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "\u{feff}day;total;below\r\n03/11/2023;450230,00;oui\r\n"
        );
        let bytes = csv(&answer(), CsvDialect::Standard).unwrap();
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            "day,total,below\r\n2023-11-03,450230.00,true\r\n"
        );
    }
}
