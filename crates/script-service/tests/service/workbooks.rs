//! Workbooks over HTTP: xlsx and ods made here, one part after the other.

use crate::support::{Stack, counters};
use reqwest::Method;
use serde_json::Value;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

/// How much of other files a preview looks at, in bytes.
const PREVIEW_BYTES: usize = 2 << 20;
const ROWS: u64 = 12_000;

fn zipped(parts: &[(&str, String)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in parts {
        zip.start_file(*name, stored).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A cell of a workbook.
enum Cell {
    Text(String),
    Number(String),
    /// Days since the epoch of the workbook, and the same as a date.
    Date(u64, &'static str),
    Formula(&'static str, String),
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn xlsx(sheets: &[(&str, Vec<Vec<Cell>>)], is_1904: bool) -> Vec<u8> {
    const NS: &str = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
    const REL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const RELS: &str = "xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"";
    let mut names = String::new();
    let mut targets = format!("<Relationship Id=\"s\" Type=\"{REL}/styles\" Target=\"styles.xml\"/>");
    let mut parts = Vec::new();
    for (index, (name, rows)) in sheets.iter().enumerate() {
        let number = index + 1;
        write!(
            names,
            "<sheet name=\"{name}\" sheetId=\"{number}\" r:id=\"r{number}\"/>"
        )
        .unwrap();
        write!(
            targets,
            "<Relationship Id=\"r{number}\" Type=\"{REL}/worksheet\" Target=\"worksheets/sheet{number}.xml\"/>"
        )
        .unwrap();
        let mut data = String::new();
        for (row, cells) in rows.iter().enumerate() {
            write!(data, "<row r=\"{}\">", row + 1).unwrap();
            for (cell, column) in cells.iter().zip('A'..='Z') {
                let place = format!("r=\"{column}{}\"", row + 1);
                match cell {
                    Cell::Text(text) => {
                        write!(data, "<c {place} t=\"inlineStr\"><is><t>{text}</t></is></c>").unwrap();
                    }
                    Cell::Number(number) => write!(data, "<c {place}><v>{number}</v></c>").unwrap(),
                    Cell::Date(days, _) => write!(data, "<c {place} s=\"1\"><v>{days}</v></c>").unwrap(),
                    Cell::Formula(formula, value) => {
                        write!(data, "<c {place}><f>{formula}</f><v>{value}</v></c>").unwrap();
                    }
                }
            }
            data += "</row>";
        }
        parts.push((
            format!("xl/worksheets/sheet{number}.xml"),
            format!("<worksheet {NS}><sheetData>{data}</sheetData></worksheet>"),
        ));
    }
    let properties = if is_1904 {
        "<workbookPr date1904=\"1\"/>"
    } else {
        ""
    };
    let mut all = vec![
        (
            "_rels/.rels",
            format!(
                "<Relationships {RELS}><Relationship Id=\"w\" Type=\"{REL}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml",
            format!("<workbook {NS} xmlns:r=\"{REL}\">{properties}<sheets>{names}</sheets></workbook>"),
        ),
        (
            "xl/_rels/workbook.xml.rels",
            format!("<Relationships {RELS}>{targets}</Relationships>"),
        ),
        (
            "xl/styles.xml",
            format!(
                "<styleSheet {NS}><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            ),
        ),
    ];
    all.extend(
        parts
            .iter()
            .map(|(name, content)| (name.as_str(), content.clone())),
    );
    zipped(&all)
}

fn ods(sheets: &[(&str, Vec<Vec<Cell>>)]) -> Vec<u8> {
    let mut tables = String::new();
    for (name, rows) in sheets {
        write!(tables, "<table:table table:name=\"{name}\">").unwrap();
        for cells in rows {
            tables += "<table:table-row>";
            for cell in cells {
                match cell {
                    Cell::Text(text) => write!(
                        tables,
                        "<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"
                    ),
                    Cell::Number(number) | Cell::Formula(_, number) => write!(
                        tables,
                        "<table:table-cell office:value-type=\"currency\" office:value=\"{number}\"><text:p>{number} €</text:p></table:table-cell>"
                    ),
                    Cell::Date(_, date) => write!(
                        tables,
                        "<table:table-cell office:value-type=\"date\" office:date-value=\"{date}\"><text:p>{date}</text:p></table:table-cell>"
                    ),
                }
                .unwrap();
            }
            tables += "</table:table-row>";
        }
        tables += "</table:table>";
    }
    let names = ["office", "table", "text"]
        .map(|name| format!(" xmlns:{name}=\"urn:oasis:names:tc:opendocument:xmlns:{name}:1.0\""))
        .concat();
    zipped(&[
        (
            "mimetype",
            "application/vnd.oasis.opendocument.spreadsheet".to_owned(),
        ),
        (
            "META-INF/manifest.xml",
            "<manifest:manifest xmlns:manifest=\"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0\"/>"
                .to_owned(),
        ),
        (
            "content.xml",
            format!(
                "<office:document-content{names}><office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body></office:document-content>"
            ),
        ),
    ])
}

/// A sheet of notes, and one of sales below a title.
fn sheets(day: u64) -> Vec<(&'static str, Vec<Vec<Cell>>)> {
    let notes = vec![vec![text("Lisez-moi")], vec![text("Montants TTC, en euros")]];
    let mut sales = vec![
        vec![text("Ventes de novembre")],
        vec![],
        [
            "N° ligne",
            "Réf. produit",
            "Magasin",
            "Date de vente",
            "Quantité",
            "Montant TTC",
        ]
        .map(text)
        .into(),
    ];
    for id in 1..=ROWS {
        sales.push(vec![
            Cell::Number(id.to_string()),
            Cell::Number("1".into()),
            Cell::Number("10".into()),
            Cell::Date(day, "2023-11-13"),
            Cell::Number("2".into()),
            Cell::Formula("E4*6.25", "12.5".into()),
        ]);
    }
    // A mistake near the end, and an amount as text.
    sales.push(vec![
        Cell::Number("99001".into()),
        Cell::Number("9".into()),
        Cell::Number("10".into()),
        text("14/11/2023"),
        Cell::Number("1".into()),
        text("1 234,50"),
    ]);
    vec![("Notes", notes), ("Ventes", sales)]
}

async fn preview(stack: &Stack, query: &str, body: Vec<u8>) -> Value {
    let path = format!("/imports/preview?table=sales{query}");
    let request = stack.script.request(Method::POST, &path).body(body);
    request.send().await.unwrap().json().await.unwrap()
}

/// What a job keeps in both languages, as a preview tells it to an English reader.
fn in_english(told: &Value) -> Value {
    match told {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| *name != "fr")
            .map(|(name, value)| (name.clone(), in_english(value)))
            .collect(),
        Value::Array(items) => items.iter().map(in_english).collect(),
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_workbooks_are_previewed_and_imported_alike() {
    let files = [
        ("xlsx", xlsx(&sheets(45_243), false)),
        ("xlsx", xlsx(&sheets(43_781), true)),
        ("ods", ods(&sheets(0))),
    ];
    for (format, bytes) in files {
        let stack = Stack::start().await;
        stack.seed().await;
        assert!(bytes.len() > PREVIEW_BYTES, "{format} has {} bytes", bytes.len());

        let seen = preview(&stack, "", bytes.clone()).await;
        let job = stack.script.job("/jobs/import?table=sales", bytes).await;

        assert_eq!(seen["decisions"]["format"], format, "{seen:#}");
        assert_eq!(seen["decisions"]["sheet"]["name"], "Ventes");
        assert_eq!(seen["decisions"]["sheet"]["skip_lines"], 2);
        assert_eq!(seen["decisions"], in_english(&job["sources"][0]["decisions"]));
        let rows = seen["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 20);
        assert_eq!(rows[0]["line"], 4);
        assert_eq!(rows[0]["values"]["sale_date"], "2023-11-13");
        assert_eq!(rows[0]["values"]["amount"], "12.50");
        assert_eq!(counters(&job), [ROWS + 1, ROWS, 0, 0, 1], "{job:#}");
        let rejects = stack.script.rejects(&job).await;
        assert_eq!(rejects[0]["line"], ROWS + 4);
        assert_eq!(rejects[0]["raw"], "99001\t9\t10\t14/11/2023\t1\t1 234,50");
        let total = "SELECT SUM(amount_cents) || ' ' || MIN(sale_date) || ' ' || MAX(sale_date) FROM sales";
        assert_eq!(
            stack.value(total).await,
            format!("{} 2023-11-13 2023-11-13", ROWS * 1_250)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sheet_can_be_named_and_what_is_no_workbook_says_so() {
    let stack = Stack::start().await;
    stack.seed().await;
    let book = xlsx(&sheets(45_243), false);
    let old = [&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1][..], &[0; 600]].concat();

    let notes = preview(&stack, "&sheet=Notes", book.clone()).await;
    let missing = preview(&stack, "&sheet=Vente", book.clone()).await;
    let as_csv = preview(&stack, "&format=csv", book.clone()).await;
    let no_book = preview(&stack, "&format=xlsx", b"id,amount\n1,2\n".to_vec()).await;
    let old = preview(&stack, "", old).await;
    let cut = preview(&stack, "", book[..book.len() / 2].to_vec()).await;

    assert_eq!(notes["code"], "unknown_columns", "{notes:#}");
    assert!(
        notes["detail"].as_str().unwrap().contains("`Lisez-moi`"),
        "{notes:#}"
    );
    let detail = missing["detail"].as_str().unwrap();
    assert!(
        detail.contains("no sheet `Vente`") && detail.contains("`Notes`, `Ventes`"),
        "{detail}"
    );
    for (answer, word) in [(as_csv, "`format`"), (no_book, "`format`")] {
        assert_eq!(answer["code"], "unsupported_format", "{answer:#}");
        assert!(answer["detail"].as_str().unwrap().contains(word), "{answer:#}");
    }
    for broken in [cut, old] {
        assert_eq!(broken["code"], "unreadable", "{broken:#}");
    }
}
