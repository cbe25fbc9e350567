//! Records of a spreadsheet (xlsx, ods): the rows of one sheet, the first filled one being the header.
//!
//! A workbook is held in memory as a whole: its format cannot be read in order. Numbers keep the digits that
//! the spreadsheet shows; dates become `YYYY-MM-DD`.

use super::bytes::SourceRead;
use super::header;
use super::record::{FieldKind, Record};
use super::tables::Spec;
use calamine::{Data, Ods, Range, Reader, Xlsx};
use std::collections::BTreeMap;
use std::io::{self, BufReader};

/// How large a workbook may be, as packed, in bytes.
const MAX_BYTES: u64 = 64 << 20;

type Cell = (String, FieldKind);

/// The rows of a sheet.
#[derive(Debug)]
pub(crate) struct SheetReader {
    rows: std::vec::IntoIter<Vec<Cell>>,
    line: u64,
    offset: u64,
}

/// Opens the sheet of the workbook `source` whose header names most columns of `spec`; the first of equals.
pub(crate) fn open(
    mut source: Box<dyn SourceRead>,
    is_ods: bool,
    spec: &Spec,
    mapping: &BTreeMap<String, String>,
) -> io::Result<SheetReader> {
    let bytes = source.seek(io::SeekFrom::End(0))?;
    if bytes > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a workbook may be at most 64 MiB; save the sheet as CSV",
        ));
    }
    source.rewind()?;
    let source = BufReader::new(source);
    let sheets: Vec<Range<Data>> = if is_ods {
        let mut book: Ods<_> = calamine::open_workbook_from_rs(source).map_err(io::Error::other)?;
        book.worksheets().into_iter().map(|(_, sheet)| sheet).collect()
    } else {
        let mut book: Xlsx<_> = calamine::open_workbook_from_rs(source).map_err(io::Error::other)?;
        book.worksheets().into_iter().map(|(_, sheet)| sheet).collect()
    };
    let best = sheets.iter().rev().max_by_key(|sheet| {
        sheet
            .rows()
            .next()
            .map_or(0, |row| recognised(spec, row, mapping))
    });
    let Some(sheet) = best else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "the workbook has no sheet",
        ));
    };
    let line = sheet.start().map_or(1, |(row, _)| u64::from(row) + 1);
    let rows: Vec<Vec<Cell>> = sheet.rows().map(|row| row.iter().map(cell).collect()).collect();
    Ok(SheetReader {
        rows: rows.into_iter(),
        line,
        offset: 0,
    })
}

fn recognised(spec: &Spec, row: &[Data], mapping: &BTreeMap<String, String>) -> usize {
    let headers: Vec<String> = row.iter().map(|data| cell(data).0).collect();
    header::recognised(spec, &headers, mapping)
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
        use crate::import::options::ReadOptions;
        use crate::import::{survey, tables::Table};
        use std::collections::BTreeMap;

        let bytes = workbook();
        let open = || Ok(Box::new(std::io::Cursor::new(bytes.clone())) as Box<dyn SourceRead>);
        let mapping =
            ["product_id", "store_id", "quantity"].map(|name| (name.to_owned(), "N° ligne".to_owned()));
        let options = ReadOptions {
            mapping: BTreeMap::from(mapping),
            ..ReadOptions::default()
        };

        let survey = survey::survey(
            &open,
            Table::Sales,
            &options,
            false,
            &std::sync::Arc::default(),
            None,
        )
        .unwrap();
        let mut records = survey
            .reading
            .open(open().unwrap(), Table::Sales.spec(), &std::sync::Arc::default())
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
