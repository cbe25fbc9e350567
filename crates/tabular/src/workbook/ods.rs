//! Workbooks in the `OpenDocument` format (.ods), read in order. A row or cell that stands for many is repeated only
//! as far as a sheet can reach, and only where something is in it.

use super::package::{Package, Xml, attribute, broken, push_entity};
use super::{MAX_CELL_BYTES, Row, RowSource, SheetInfo, cell_number};
use crate::record::FieldKind;
use quick_xml::events::Event;
use std::collections::HashSet;
use std::io;

const CONTENT: &str = "content.xml";
/// How many rows and columns a sheet can have.
const ROWS: u64 = 1_048_576;
const COLUMNS: u32 = 16_384;
/// How often one row with something in it is repeated; what repeats more often is no data.
const MAX_REPEATS: u64 = 1_000;
/// How many styles of tables are noted.
const MAX_STYLES: usize = 10_000;
/// How many sheets are looked at.
const MAX_SHEETS: usize = 1_000;

/// A workbook in the `OpenDocument` format.
pub(super) struct Ods {
    package: Package,
    sheets: Vec<SheetInfo>,
}

impl Ods {
    /// Looks into `package`.
    pub(super) fn open(package: Package) -> io::Result<Self> {
        let mut xml = content(&package)?;
        let mut sheets = Vec::new();
        let mut hidden = HashSet::new();
        let mut style = None;
        let mut buffer = Vec::new();
        // Tables may stand in cells; those are no sheets.
        let mut depth = 0_u32;
        loop {
            match xml.next(&mut buffer)? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "style" => style = attribute(&tag, "name"),
                    "table-properties"
                        if hidden.len() < MAX_STYLES
                            && attribute(&tag, "display").as_deref() == Some("false") =>
                    {
                        hidden.extend(style.take());
                    }
                    "table" => {
                        if depth == 0 && sheets.len() < MAX_SHEETS {
                            let style = attribute(&tag, "style-name");
                            sheets.push(SheetInfo {
                                name: attribute(&tag, "name").unwrap_or_default(),
                                visible: style.is_none_or(|style| !hidden.contains(&style)),
                            });
                        }
                        depth += 1;
                    }
                    _ => {}
                },
                Event::End(tag) if tag.local_name().as_ref() == "table" => depth = depth.saturating_sub(1),
                Event::Eof => break,
                _ => {}
            }
        }
        Ok(Self { package, sheets })
    }

    /// The sheets, in their order.
    pub(super) fn sheets(&self) -> Vec<SheetInfo> {
        self.sheets.clone()
    }

    /// The rows of sheet `index`.
    pub(super) fn rows(&self, index: usize) -> io::Result<Box<dyn RowSource>> {
        let mut xml = content(&self.package)?;
        let mut buffer = Vec::new();
        let (mut seen, mut depth) = (0, 0_u32);
        loop {
            match xml.next(&mut buffer)? {
                Event::Start(tag) if tag.local_name().as_ref() == "table" => {
                    if depth == 0 {
                        if seen == index {
                            break;
                        }
                        seen += 1;
                    }
                    depth += 1;
                }
                Event::End(tag) if tag.local_name().as_ref() == "table" => depth = depth.saturating_sub(1),
                Event::Eof => return Err(broken("the workbook is broken: a sheet is missing")),
                _ => {}
            }
        }
        Ok(Box::new(Sheet {
            xml,
            buffer: Vec::new(),
            line: 0,
            repeated: Row::default(),
            repeats: 0,
            ended: false,
        }))
    }
}

fn content(package: &Package) -> io::Result<Xml> {
    package
        .xml(CONTENT)?
        .ok_or_else(|| broken("the workbook is broken: it has no content"))
}

/// The rows of a sheet, one after the other.
struct Sheet {
    xml: Xml,
    buffer: Vec<u8>,
    /// The number of the row that came last.
    line: u64,
    /// A row that comes again, and how often.
    repeated: Row,
    repeats: u64,
    ended: bool,
}

impl RowSource for Sheet {
    fn next(&mut self, row: &mut Row) -> io::Result<bool> {
        if self.repeats > 0 {
            self.repeats -= 1;
            self.line += 1;
            row.clone_from(&self.repeated);
            row.line = self.line;
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.next_row(row, &mut buffer);
        self.buffer = buffer;
        self.ended = !matches!(outcome, Ok(true));
        outcome
    }
}

impl Sheet {
    fn next_row(&mut self, row: &mut Row, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let mut repeats = 1;
        let mut column = 0_u32;
        row.clear();
        loop {
            match self.xml.next(buffer)? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "table-row" => {
                        repeats = repeat(attribute(&tag, "number-rows-repeated"));
                        column = 0;
                        row.clear();
                    }
                    name @ ("table-cell" | "covered-table-cell") => {
                        let covered = name == "covered-table-cell";
                        let element = if covered {
                            "covered-table-cell"
                        } else {
                            "table-cell"
                        };
                        let times = repeat(attribute(&tag, "number-columns-repeated"));
                        let value = Value {
                            kind: attribute(&tag, "value-type").unwrap_or_default(),
                            number: attribute(&tag, "value"),
                            text: attribute(&tag, "string-value"),
                            date: attribute(&tag, "date-value").or_else(|| attribute(&tag, "time-value")),
                            yes: attribute(&tag, "boolean-value"),
                        };
                        let shown = self.text_of_cell(element)?;
                        // What is merged into another cell shows nothing.
                        let times = u32::try_from(times)
                            .unwrap_or(COLUMNS)
                            .min(COLUMNS - column.min(COLUMNS));
                        if !covered && !value.is_empty(&shown) {
                            for column in column..column + times {
                                value.push(row, column, &shown);
                                if row.text.len() > MAX_CELL_BYTES {
                                    return Err(broken("a row of the workbook holds more than 1 MiB"));
                                }
                            }
                        }
                        column += times;
                    }
                    _ => {}
                },
                Event::End(tag) => match tag.local_name().as_ref() {
                    "table-row" => {
                        self.line += 1;
                        if self.line > ROWS {
                            return Ok(false);
                        }
                        if row.is_empty() {
                            self.line = self.line.saturating_add(repeats - 1);
                            continue;
                        }
                        if repeats > MAX_REPEATS {
                            return Err(broken(format!(
                                "row {} of the workbook is repeated {repeats} times: that is no data; delete \
                                 it or save the sheet as CSV",
                                self.line
                            )));
                        }
                        row.line = self.line;
                        if repeats > 1 {
                            self.repeated.clone_from(row);
                            self.repeats = repeats - 1;
                        }
                        return Ok(true);
                    }
                    "table" => return Ok(false),
                    _ => {}
                },
                Event::Eof => return Ok(false),
                _ => {}
            }
        }
    }

    /// The text that a cell shows, read up to the end of the cell; notes beside it are left out.
    fn text_of_cell(&mut self, element: &str) -> io::Result<String> {
        let mut text = String::new();
        let mut buffer = Vec::new();
        let (mut paragraphs, mut in_paragraph, mut notes, mut inner) = (0, 0_u32, 0_u32, 0_u32);
        loop {
            match self.xml.next(&mut buffer)? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "annotation" => notes += 1,
                    name if name == element => inner += 1,
                    _ if notes > 0 => {}
                    "p" => {
                        if paragraphs > 0 {
                            text.push('\n');
                        }
                        paragraphs += 1;
                        in_paragraph += 1;
                    }
                    "s" => {
                        let blanks = repeat(attribute(&tag, "c")).min(1_000);
                        text.extend((0..blanks).map(|_| ' '));
                    }
                    "tab" => text.push('\t'),
                    "line-break" => text.push('\n'),
                    _ => {}
                },
                Event::End(tag) => match tag.local_name().as_ref() {
                    "annotation" => notes = notes.saturating_sub(1),
                    "p" if notes == 0 => in_paragraph = in_paragraph.saturating_sub(1),
                    name if name == element => {
                        if inner == 0 {
                            return Ok(text);
                        }
                        inner -= 1;
                    }
                    _ => {}
                },
                Event::Text(content) if in_paragraph > 0 && notes == 0 => {
                    text.push_str(&content.xml10_content());
                }
                Event::GeneralRef(entity) if in_paragraph > 0 && notes == 0 => {
                    push_entity(&entity, &mut text);
                }
                Event::Eof => return Ok(text),
                _ => {}
            }
            if text.len() > MAX_CELL_BYTES {
                return Err(broken("a cell of the workbook holds more than 1 MiB"));
            }
        }
    }
}

/// What a cell says it holds.
struct Value {
    kind: String,
    number: Option<String>,
    text: Option<String>,
    date: Option<String>,
    yes: Option<String>,
}

impl Value {
    fn is_empty(&self, shown: &str) -> bool {
        shown.is_empty()
            && self.number.is_none()
            && self.text.as_deref().is_none_or(str::is_empty)
            && self.date.is_none()
            && self.yes.is_none()
    }

    fn push(&self, row: &mut Row, column: u32, shown: &str) {
        match (self.kind.as_str(), &self.number, &self.date) {
            ("float" | "currency" | "percentage", Some(number), _) => cell_number(row, column, number),
            ("date", _, Some(date)) => row.push(column, date, FieldKind::Written),
            ("time", _, Some(time)) => row.push(column, time, FieldKind::Written),
            ("boolean", ..) => row.push(
                column,
                self.yes.as_deref().unwrap_or_default(),
                FieldKind::Written,
            ),
            _ => row.push(
                column,
                match &self.text {
                    Some(text) if !text.is_empty() => text,
                    _ => shown,
                },
                FieldKind::Written,
            ),
        }
    }
}

/// How often something stands there; once where nothing is said.
fn repeat(written: Option<String>) -> u64 {
    written
        .and_then(|written| written.trim().parse::<u64>().ok())
        .unwrap_or(1)
        .max(1)
}
