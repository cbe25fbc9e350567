//! Records of a spreadsheet (xlsx, ods): the rows of one sheet from its header on.
//!
//! A workbook is held in memory as a whole: its format cannot be read in order. Numbers keep the digits that
//! the spreadsheet shows; dates become `YYYY-MM-DD`.

use crate::bytes::SourceRead;
use crate::columns::Spec;
use crate::dialect;
use crate::header;
use crate::record::{FieldKind, Record};
use calamine::{Data, Ods, Range, Reader, Xlsx};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, BufReader};
use utoipa::ToSchema;

/// How large a workbook may be, as packed, in bytes.
const MAX_BYTES: u64 = 64 << 20;
/// How large a workbook may be, unpacked, in bytes.
const MAX_UNPACKED_BYTES: u64 = 1 << 30;

type Cell = (String, FieldKind);

/// Where a workbook's table stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SheetChoice {
    /// The sheet.
    #[schema(example = "Ventes")]
    pub name: String,
    /// How many rows stand before the header.
    pub skip_lines: u64,
}

/// What is looked for in a workbook.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// The sheet; otherwise that whose header names most columns, the first of equals.
    pub(crate) sheet: Option<&'a str>,
    /// How many rows stand before the header; otherwise it is looked for.
    pub(crate) skip_lines: Option<u64>,
    pub(crate) spec: &'a Spec,
    pub(crate) mapping: &'a BTreeMap<String, String>,
}

/// The rows of a sheet.
#[derive(Debug)]
pub(crate) struct SheetReader {
    /// The sheet, and where its header stands.
    pub(crate) choice: SheetChoice,
    rows: std::vec::IntoIter<Vec<Cell>>,
    line: u64,
    offset: u64,
}

/// Opens the sheet that is `wanted` of the workbook `source`, at its header.
pub(crate) fn open(
    mut source: Box<dyn SourceRead>,
    is_ods: bool,
    wanted: &Wanted<'_>,
) -> io::Result<SheetReader> {
    check_size(source.as_mut())?;
    let source = BufReader::new(source);
    if is_ods {
        let book: Ods<_> = calamine::open_workbook_from_rs(source).map_err(broken)?;
        choose(book, wanted)
    } else {
        let book: Xlsx<_> = calamine::open_workbook_from_rs(source).map_err(broken)?;
        choose(book, wanted)
    }
}

fn broken(error: impl std::error::Error + Send + Sync + 'static) -> io::Error {
    invalid(format!(
        "the workbook is broken or protected by a password: {error}"
    ))
}

fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

/// Refuses a workbook that would not fit into memory.
fn check_size(source: &mut dyn SourceRead) -> io::Result<()> {
    let bytes = source.seek(io::SeekFrom::End(0))?;
    source.rewind()?;
    let archive = zip::ZipArchive::new(&mut *source).map_err(broken)?;
    let unpacked = archive.decompressed_size();
    source.rewind()?;
    if bytes > MAX_BYTES || unpacked.is_some_and(|unpacked| unpacked > u128::from(MAX_UNPACKED_BYTES)) {
        return Err(invalid(
            "a workbook may be at most 64 MiB, and 1 GiB unpacked; save the sheet as CSV",
        ));
    }
    Ok(())
}

/// The sheet of `book` that is `wanted`.
fn choose<B: Reader<BufReader<Box<dyn SourceRead>>>>(
    mut book: B,
    wanted: &Wanted<'_>,
) -> io::Result<SheetReader>
where
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let all = book.sheet_names();
    let mut best: Option<(usize, SheetChoice, Range<Data>)> = None;
    let mut failure = None;
    for name in &all {
        if wanted.sheet.is_some_and(|sheet| sheet != name) {
            continue;
        }
        // Of several sheets one may be none of cells, such as a chart.
        let sheet = match book.worksheet_range(name) {
            Ok(sheet) => sheet,
            Err(error) => {
                failure = Some(broken(error));
                continue;
            }
        };
        let (named, skip_lines) = find_header(&sheet, wanted);
        if best.as_ref().is_none_or(|(most, ..)| named > *most) {
            let choice = SheetChoice {
                name: name.clone(),
                skip_lines,
            };
            best = Some((named, choice, sheet));
        }
    }
    let Some((_, choice, sheet)) = best else {
        return Err(match (wanted.sheet, failure) {
            (_, Some(failure)) => failure,
            (Some(sheet), None) => invalid(format!(
                "the workbook has no sheet `{sheet}`; it has {}",
                header::list(&all)
            )),
            (None, None) => invalid("the workbook has no sheet"),
        });
    };
    let first = first_line(&sheet);
    let above = usize::try_from(choice.skip_lines.saturating_sub(first - 1)).unwrap_or(usize::MAX);
    let rows: Vec<Vec<Cell>> = sheet
        .rows()
        .skip(above)
        .map(|row| row.iter().map(cell).collect())
        .collect();
    Ok(SheetReader {
        line: first.max(choice.skip_lines + 1),
        choice,
        rows: rows.into_iter(),
        offset: 0,
    })
}

/// The number of the first row that has anything in it.
fn first_line(sheet: &Range<Data>) -> u64 {
    sheet.start().map_or(1, |(row, _)| u64::from(row) + 1)
}

/// How many columns the header of `sheet` names, and how many rows stand before it.
fn find_header(sheet: &Range<Data>, wanted: &Wanted<'_>) -> (usize, u64) {
    let first = first_line(sheet);
    let lines = sheet
        .rows()
        .zip(first..)
        .filter(|(row, _)| row.iter().any(|data| !cell(data).0.is_empty()))
        .filter(|(_, line)| wanted.skip_lines.is_none_or(|skip_lines| *line > skip_lines))
        .map(|(row, line)| {
            let headers: Vec<String> = row.iter().map(|data| cell(data).0).collect();
            (
                header::recognised(wanted.spec, &headers, wanted.mapping),
                line - 1,
            )
        });
    match wanted.skip_lines {
        Some(skip_lines) => {
            let named = { lines }.next().map_or(0, |(named, _)| named);
            (named, skip_lines)
        }
        None => dialect::header_among(lines),
    }
}

impl SheetReader {
    /// Fills `record` with the next row; `false` at the end. Empty rows are passed over.
    pub(crate) fn next(&mut self, record: &mut Record) -> bool {
        for row in self.rows.by_ref() {
            let line = self.line;
            self.line += 1;
            if row.iter().all(|(text, _)| text.is_empty()) {
                continue;
            }
            record.begin(line, self.offset);
            for (index, (text, kind)) in row.iter().enumerate() {
                if index > 0 {
                    record.raw.push(b'\t');
                }
                extend_raw(&mut record.raw, text, *kind);
                record.push(text.as_bytes(), *kind);
            }
            self.offset += record.raw.len() as u64 + 1;
            return true;
        }
        false
    }
}

/// Adds the text of a cell to a line that can be read again: quoted where it must be. A number with three
/// decimals gets a fourth, so that no one takes its point for one of thousands.
fn extend_raw(raw: &mut Vec<u8>, text: &str, kind: FieldKind) {
    if text.contains(['\t', '\n', '\r', '"']) {
        raw.push(b'"');
        raw.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        raw.push(b'"');
        return;
    }
    raw.extend_from_slice(text.as_bytes());
    let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    if kind == FieldKind::Number && decimals == 3 {
        raw.push(b'0');
    }
}

fn cell(data: &Data) -> Cell {
    match data {
        Data::Empty => (String::new(), FieldKind::Absent),
        Data::Int(number) => (number.to_string(), FieldKind::Number),
        Data::Float(number) => (shown(*number), FieldKind::Number),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => {
            (text.clone(), FieldKind::Written)
        }
        Data::Bool(yes) => (yes.to_string(), FieldKind::Written),
        Data::DateTime(time) => {
            let (year, month, day, ..) = time.to_ymd_hms_milli();
            (format!("{year:04}-{month:02}-{day:02}"), FieldKind::Written)
        }
        Data::Error(error) => (error.to_string(), FieldKind::Written),
    }
}

/// A number with the 15 digits that a spreadsheet shows: `0.1 + 0.2` is `0.3` there.
fn shown(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workbook with one sheet: header, a sale whose date is a styled number, an empty row, a sale.
    fn workbook() -> Vec<u8> {
        const NS: &str = "xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"";
        const REL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let text =
            |cell: &str, text: &str| format!("<c r=\"{cell}\" t=\"inlineStr\"><is><t>{text}</t></is></c>");
        let number = |cell: &str, number: &str, style: u8| {
            format!("<c r=\"{cell}\" s=\"{style}\"><v>{number}</v></c>")
        };
        let rows = [
            format!(
                "<row r=\"1\">{}{}{}</row>",
                text("A1", "N° ligne"),
                text("B1", "Date de vente"),
                text("C1", "Montant")
            ),
            format!(
                "<row r=\"2\">{}{}{}</row>",
                number("A2", "1", 0),
                number("B2", "45243", 1),
                number("C2", "1234.56", 0)
            ),
            format!(
                "<row r=\"4\">{}{}{}</row>",
                number("A4", "2", 0),
                text("B4", "14/11/2023"),
                text("C4", "1 234,5")
            ),
        ]
        .concat();
        let files = [
            (
                "_rels/.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
                     <Relationship Id=\"rId1\" Type=\"{REL}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/workbook.xml",
                format!(
                    "<workbook {NS} xmlns:r=\"{REL}\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
                ),
            ),
            (
                "xl/_rels/workbook.xml.rels",
                format!(
                    "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
                     <Relationship Id=\"rId1\" Type=\"{REL}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
                     <Relationship Id=\"rId2\" Type=\"{REL}/styles\" Target=\"styles.xml\"/></Relationships>"
                ),
            ),
            (
                "xl/styles.xml",
                format!(
                    "<styleSheet {NS}><cellXfs count=\"2\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
                ),
            ),
            (
                "xl/worksheets/sheet1.xml",
                format!("<worksheet {NS}><sheetData>{rows}</sheetData></worksheet>"),
            ),
        ];
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let stored =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for (name, content) in files {
            zip.start_file(name, stored).unwrap();
            std::io::Write::write_all(&mut zip, content.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }

    #[test]
    fn a_workbook_is_surveyed_and_read() {
        use crate::options::ReadOptions;
        use crate::specs::SALES;
        use crate::survey;
        use std::collections::BTreeMap;

        let bytes = workbook();
        let open = || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn SourceRead>);
        let mapping =
            ["product_id", "store_id", "quantity"].map(|name| (name.to_owned(), "N° ligne".to_owned()));
        let options = ReadOptions {
            mapping: BTreeMap::from(mapping),
            ..ReadOptions::default()
        };

        let survey =
            survey::survey(&open, &SALES, &options, false, &std::sync::Arc::default(), None).unwrap();
        let mut records = survey
            .reading
            .open(open().unwrap(), &SALES, &std::sync::Arc::default())
            .unwrap();
        let mut record = Record::default();
        let mut found = Vec::new();
        while records.next(&mut record).unwrap() {
            found.push((record.line, record.texts()));
        }

        let row = |texts: [&str; 3]| texts.map(str::to_owned).to_vec();
        assert_eq!(
            found,
            [
                (2, row(["1", "2023-11-13", "1234.56"])),
                (4, row(["2", "14/11/2023", "1 234,5"])),
            ]
        );
        assert_eq!(survey.records, 2);
        assert_eq!(survey.decisions.columns.len(), 2);
    }

    #[test]
    fn numbers_are_what_the_spreadsheet_shows() {
        assert_eq!(shown(0.1 + 0.2), "0.3");
        assert_eq!(shown(1234.56), "1234.56");
        assert_eq!(shown(-3.0), "-3");
    }
}
