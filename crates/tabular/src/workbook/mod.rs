//! Records of a workbook: the rows of its sheets, from their header on.
//!
//! | file | what it reads |
//! | --- | --- |
//! | `package` | the parts of a zip file, within limits |
//! | `xlsx`, `ods` | their XML, cell by cell |
//! | `compound`, `xls` | the records of Excel 97 to 2003, cell by cell |
//! | `xlsb` | the binary form of Excel 2007 and later, cell by cell |
//!
//! A workbook is a stranger's file of any size: its cells are read one by one, what it repeats or unpacks is bounded
//! before memory is taken for it, and cells far from the others cost nothing. That is why none of the libraries for
//! workbooks reads them here: they hold sheets, or the texts of all sheets, as a whole before anybody can say how much. Numbers keep the digits that the
//! spreadsheet shows; dates become `YYYY-MM-DD`.

mod compound;
mod ods;
mod package;
mod xls;
mod xlsb;
mod xlsx;

use crate::bytes::SourceRead;
use crate::columns::Spec;
use crate::dialect;
use crate::header;
use crate::options::Format;
use crate::record::{FieldKind, Record};
use crate::text::Text;
use jiff::civil::date;
use jiff::{SignedDuration, ToSpan as _};
use package::{Package, broken};
use std::collections::BTreeMap;
use std::io;

/// How much one cell may hold, and the cells of one row together, in bytes.
const MAX_CELL_BYTES: usize = 1 << 20;
/// The digits that a spreadsheet keeps of a number.
const DIGITS: usize = 15;
/// Counts of days above this are dates, however they are formatted.
const LATE_DAYS: f64 = 1_000.0;

/// Where a table of a workbook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetChoice {
    /// The sheet.
    pub name: String,
    /// How many rows stand before the header.
    pub skip_lines: u64,
}

/// A sheet, before anything of it is read.
#[derive(Debug, Clone)]
struct SheetInfo {
    name: String,
    visible: bool,
}

/// What is looked for in a workbook.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    /// The sheet; otherwise that whose header names most columns, a visible one before one that is hidden, the first
    /// of equals, and with it all visible ones that have the same header.
    pub sheet: Option<&'a str>,
    /// How many rows stand before the header; otherwise it is looked for.
    pub skip_lines: Option<u64>,
    pub spec: &'a Spec,
    pub mapping: &'a BTreeMap<String, String>,
}

/// A row of a sheet: the cells that hold something, in their order.
#[derive(Debug, Clone, Default)]
struct Row {
    /// Its number, the first being 1.
    line: u64,
    text: String,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    column: u32,
    start: usize,
    end: usize,
    kind: FieldKind,
}

impl Row {
    fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// Appends a cell; one without text is none.
    fn push(&mut self, column: u32, text: &str, kind: FieldKind) {
        if text.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(text);
        self.cells.push(Cell {
            column,
            start,
            end: self.text.len(),
            kind,
        });
    }

    /// Appends the cells of `other`, which stand behind its own.
    fn append(&mut self, other: &Self) {
        let start = self.text.len();
        self.text.push_str(&other.text);
        self.cells.extend(other.cells.iter().map(|cell| Cell {
            start: cell.start + start,
            end: cell.end + start,
            ..*cell
        }));
    }

    fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    /// The cell in `column`, which is 0 for the first.
    fn get(&self, column: usize) -> (&str, FieldKind) {
        let found = self
            .cells
            .binary_search_by_key(&column, |cell| cell.column as usize);
        match found {
            Ok(index) => {
                let cell = self.cells[index];
                (&self.text[cell.start..cell.end], cell.kind)
            }
            Err(_) => ("", FieldKind::Absent),
        }
    }

    /// The texts up to the last cell that holds something.
    fn texts(&self) -> Vec<String> {
        let width = self.cells.last().map_or(0, |cell| cell.column as usize + 1);
        (0..width).map(|column| self.get(column).0.to_owned()).collect()
    }
}

/// Gives the rows of a sheet in which there is something.
trait RowSource: Send {
    /// Fills `row` with the next one; `false` at the end.
    fn next(&mut self, row: &mut Row) -> io::Result<bool>;
}

/// A workbook that is looked into.
enum Book {
    Xlsx(xlsx::Xlsx),
    Ods(ods::Ods),
    Xls(xls::Xls),
    Xlsb(xlsb::Xlsb),
}

impl Book {
    fn open(source: Box<dyn SourceRead>, format: Format) -> io::Result<Self> {
        if format == Format::Xls {
            return Ok(Self::Xls(xls::Xls::open(source)?));
        }
        let package = Package::open(source)?;
        Ok(match format {
            Format::Ods => Self::Ods(ods::Ods::open(package)?),
            Format::Xlsb => Self::Xlsb(xlsb::Xlsb::open(package)?),
            _ => Self::Xlsx(xlsx::Xlsx::open(package)?),
        })
    }

    fn sheets(&self) -> Vec<SheetInfo> {
        match self {
            Self::Xlsx(book) => book.sheets(),
            Self::Ods(book) => book.sheets(),
            Self::Xls(book) => book.sheets(),
            Self::Xlsb(book) => book.sheets(),
        }
    }

    fn rows(&self, index: usize) -> io::Result<Box<dyn RowSource>> {
        match self {
            Self::Xlsx(book) => book.rows(index),
            Self::Ods(book) => book.rows(index),
            Self::Xls(book) => Ok(book.rows(index)),
            Self::Xlsb(book) => book.rows(index),
        }
    }
}

/// A sheet with its header.
struct Headed {
    index: usize,
    visible: bool,
    choice: SheetChoice,
    /// How many columns the header names.
    named: usize,
    headers: Vec<String>,
}

/// The records of the sheets that are read, one sheet after the other.
pub(crate) struct SheetReader {
    book: Book,
    /// What is odd about the workbook.
    pub notes: Vec<Text>,
    /// The visible sheets with another header, which are not read.
    pub other_sheets: Vec<String>,
    /// The headers, as they stand in the first sheet.
    pub headers: Vec<String>,
    /// The sheets, and where their headers stand.
    pub choices: Vec<SheetChoice>,
    /// For each sheet its place in the workbook, and the columns in which the headers stand.
    places: Vec<(usize, Vec<usize>)>,
    /// How many sheets have been opened.
    opened: usize,
    rows: Option<Box<dyn RowSource>>,
    row: Row,
    offset: u64,
}

/// Opens what is `wanted` of the workbook `source`, at the first record.
pub(crate) fn open(
    source: Box<dyn SourceRead>,
    format: Format,
    wanted: &Wanted<'_>,
) -> io::Result<SheetReader> {
    let book = Book::open(source, format)?;
    let infos = book.sheets();
    let mut headed = Vec::new();
    for (index, info) in infos.iter().enumerate() {
        if wanted.sheet.is_none_or(|sheet| sheet == info.name) {
            headed.extend(find_header(&book, index, info, wanted)?);
        }
    }
    // Of equals the first: `max_by_key` gives the last.
    let best = headed
        .iter()
        .rev()
        .max_by_key(|sheet| (sheet.named > 0 && sheet.visible, sheet.named));
    let Some(best) = best.map(|best| best.index) else {
        let names: Vec<String> = infos.iter().map(|info| info.name.clone()).collect();
        return Err(match wanted.sheet {
            Some(sheet) if !names.iter().any(|name| name == sheet) => broken(format!(
                "the workbook has no sheet `{sheet}`; it has {}",
                header::list(&names)
            )),
            _ if names.is_empty() => broken("the workbook has no sheet"),
            _ => broken("the workbook is empty: not even a header"),
        });
    };
    let first = headed.iter().find(|sheet| sheet.index == best);
    let headers = first.map(|first| first.headers.clone()).unwrap_or_default();
    let mut notes = Vec::new();
    if let Some(first) = first.filter(|first| !first.visible && wanted.sheet.is_none()) {
        let name = &first.choice.name;
        notes.push(Text::new(
            format!("sheet `{name}` is hidden; it is read, as no visible sheet has such a header"),
            format!("la feuille `{name}` est masquée ; elle est lue, car aucune feuille visible n’a un tel en-tête"),
        ));
    }
    let (read, left_out): (Vec<Headed>, Vec<Headed>) = headed.into_iter().partition(|sheet| {
        sheet.index == best || (sheet.visible && sheet.named > 0 && order(&headers, &sheet.headers).is_some())
    });
    if read.len() > 1 {
        let names: Vec<String> = read.iter().map(|sheet| sheet.choice.name.clone()).collect();
        let (count, names) = (names.len(), header::list(&names));
        notes.push(Text::new(
            format!("{count} sheets have the same header, and all are read: {names}"),
            format!("{count} feuilles ont le même en-tête, et toutes sont lues : {names}"),
        ));
    }
    let mut other_sheets = Vec::new();
    for sheet in left_out {
        if sheet.visible && sheet.named > 0 {
            other_sheets.push(sheet.choice.name.clone());
        }
        let (en, fr) = if sheet.visible {
            ("has another header", "a un autre en-tête")
        } else {
            ("is hidden", "est masquée")
        };
        let name = &sheet.choice.name;
        notes.push(Text::new(
            format!("sheet `{name}` {en}: it is left out"),
            format!("la feuille `{name}` {fr} : elle n’est pas lue"),
        ));
    }
    let places = read
        .iter()
        .map(|sheet| (sheet.index, order(&headers, &sheet.headers).unwrap_or_default()))
        .collect();
    Ok(SheetReader {
        book,
        notes,
        other_sheets,
        headers,
        choices: read.into_iter().map(|sheet| sheet.choice).collect(),
        places,
        opened: 0,
        rows: None,
        row: Row::default(),
        offset: 0,
    })
}

/// For each of `headers` its column among `others`; `None` where these are not the same.
fn order(headers: &[String], others: &[String]) -> Option<Vec<usize>> {
    let fold =
        |headers: &[String]| -> Vec<String> { headers.iter().map(|name| header::fold(name)).collect() };
    let (headers, others) = (fold(headers), fold(others));
    if headers == others {
        return Some((0..headers.len()).collect());
    }
    let mut taken = vec![false; others.len()];
    let mut places = Vec::with_capacity(headers.len());
    for header in &headers {
        let place = (0..others.len()).find(|&place| !taken[place] && others[place] == *header);
        match place {
            Some(place) => {
                taken[place] = true;
                places.push(place);
            }
            // A column without a name is none.
            None if header.is_empty() => places.push(usize::MAX),
            None => return None,
        }
    }
    let all = (0..others.len()).all(|place| taken[place] || others[place].is_empty());
    all.then_some(places)
}

/// Where the header of sheet `index` stands; `None` when nothing is in the sheet.
fn find_header(
    book: &Book,
    index: usize,
    info: &SheetInfo,
    wanted: &Wanted<'_>,
) -> io::Result<Option<Headed>> {
    let mut rows = book.rows(index)?;
    let mut row = Row::default();
    let mut seen: Vec<(u64, Vec<String>)> = Vec::new();
    while seen.len() < dialect::HEADER_WITHIN && rows.next(&mut row)? {
        if wanted.skip_lines.is_none_or(|skip_lines| row.line > skip_lines) {
            seen.push((row.line, row.texts()));
            if wanted.skip_lines.is_some() {
                break;
            }
        }
    }
    let (named, skip_lines) = dialect::header_among(
        seen.iter()
            .map(|(line, headers)| (header::recognised(wanted.spec, headers, wanted.mapping), line - 1)),
    );
    let header = seen.into_iter().find(|(line, _)| *line == skip_lines + 1);
    Ok(header.map(|(_, headers)| Headed {
        index,
        visible: info.visible,
        choice: SheetChoice {
            name: info.name.clone(),
            skip_lines: wanted.skip_lines.unwrap_or(skip_lines),
        },
        named,
        headers,
    }))
}

impl SheetReader {
    /// Fills `record` with the next row; `false` at the end. Empty rows are passed over.
    pub(crate) fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        loop {
            if self.rows.is_none() && !self.open_next()? {
                return Ok(false);
            }
            let Some(rows) = self.rows.as_mut() else {
                return Ok(false);
            };
            if !rows.next(&mut self.row)? {
                self.rows = None;
                continue;
            }
            let places = &self.places[self.opened - 1].1;
            if places.iter().all(|&place| self.row.get(place).0.is_empty()) {
                continue;
            }
            record.begin(self.row.line, self.offset);
            record.sheet = self.opened - 1;
            for (index, &place) in places.iter().enumerate() {
                let (text, kind) = self.row.get(place);
                if index > 0 {
                    record.raw.push(b'\t');
                }
                extend_raw(&mut record.raw, text, kind);
                record.push(text.as_bytes(), kind);
            }
            self.offset += record.raw.len() as u64 + 1;
            return Ok(true);
        }
    }

    /// Opens the next sheet behind its header; `false` when there is none.
    fn open_next(&mut self) -> io::Result<bool> {
        let Some((index, _)) = self.places.get(self.opened) else {
            return Ok(false);
        };
        let mut rows = self.book.rows(*index)?;
        let skip_lines = self.choices[self.opened].skip_lines;
        while rows.next(&mut self.row)? {
            if self.row.line > skip_lines {
                break;
            }
        }
        self.rows = Some(rows);
        self.opened += 1;
        Ok(true)
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

/// Adds the number `written` in a workbook, with the digits that a spreadsheet shows. Where it has more of them than
/// are kept, and they are not written out, it is inexact.
fn cell_number(row: &mut Row, column: u32, written: &str) {
    let written = written.trim();
    let digits = written.strip_prefix('-').unwrap_or(written);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = !whole.is_empty()
        && [whole, decimals]
            .iter()
            .all(|part| part.bytes().all(|b| b.is_ascii_digit()));
    let kept = (whole.len() + decimals.len()).min(whole.trim_start_matches('0').len() + decimals.len());
    if is_plain && (decimals.is_empty() || kept <= DIGITS) {
        let text = if decimals.is_empty() {
            written.trim_end_matches('.')
        } else {
            written.trim_end_matches('0').trim_end_matches('.')
        };
        row.push(column, text, FieldKind::Number);
        return;
    }
    match written.parse::<f64>() {
        Ok(number) if number.is_finite() => {
            let kind = if number.abs() >= 1e15 {
                FieldKind::Inexact
            } else {
                FieldKind::Number
            };
            row.push(column, &shown(number), kind);
        }
        _ => row.push(column, written, FieldKind::Written),
    }
}

/// Adds the number `number`, of which no digits are written.
fn float(row: &mut Row, column: u32, number: f64) {
    if number.abs() < 1e15 {
        cell_number(row, column, &shown(number));
    } else {
        cell_number(row, column, &format!("{number:e}"));
    }
}

/// A number with the 15 digits that a spreadsheet shows: `0.1 + 0.2` is `0.3` there.
fn shown(number: f64) -> String {
    let rounded: f64 = format!("{number:.14e}").parse().unwrap_or(number);
    format!("{rounded}")
}

/// Adds the day, the day and time, or the span of time that `written` days stand for.
fn cell_time(row: &mut Row, column: u32, written: &str, from_1904: bool, is_span: bool) {
    let Some(days) = written.trim().parse::<f64>().ok().filter(|days| days.is_finite()) else {
        row.push(column, written, FieldKind::Written);
        return;
    };
    let text = if days.abs() < LATE_DAYS && (is_span || days < 1.0) {
        Some(span(days))
    } else {
        day(days, from_1904)
    };
    match text {
        Some(text) => row.push(column, &text, FieldKind::Written),
        None => cell_number(row, column, written),
    }
}

/// A time of day or a span of time.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most a thousand days, in seconds"
)]
fn span(days: f64) -> String {
    let seconds = (days * 86_400.0).round() as i64;
    let sign = if seconds < 0 { "-" } else { "" };
    let seconds = seconds.abs();
    format!(
        "{sign}{:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// The day that a spreadsheet counts as `days`, with its time where there is one. `None` where there is no such day.
#[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
fn day(days: f64, from_1904: bool) -> Option<String> {
    // 2 958 465 is the last day of the year 9999.
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    let seconds = (days * 86_400.0).round() as i64;
    // Spreadsheets have a 29 February 1900, so days before it count from a day later.
    let first = match (from_1904, days < 60.0) {
        (true, _) => date(1904, 1, 1),
        (false, true) => date(1899, 12, 31),
        (false, false) => date(1899, 12, 30),
    };
    let day = first.checked_add((seconds / 86_400).days()).ok()?;
    let time = SignedDuration::from_secs(seconds % 86_400);
    if time.is_zero() {
        return Some(day.to_string());
    }
    let seconds = time.as_secs();
    Some(format!(
        "{day} {:02}:{:02}:{:02}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_what_the_spreadsheet_shows() {
        assert_eq!(shown(0.1 + 0.2), "0.3");
        assert_eq!(shown(1234.56), "1234.56");
        assert_eq!(shown(-3.0), "-3");
    }

    #[test]
    fn days_are_counted_as_spreadsheets_count_them() {
        for (days, from_1904, expected) in [
            (45_243.0, false, Some("2023-11-13")),
            (43_781.0, true, Some("2023-11-13")),
            (45_243.5, false, Some("2023-11-13 12:00:00")),
            (45_243.999_999_9, false, Some("2023-11-14")),
            (1.0, false, Some("1900-01-01")),
            (61.0, false, Some("1900-03-01")),
            (-1.0, false, None),
            (3e9, false, None),
        ] {
            assert_eq!(day(days, from_1904).as_deref(), expected, "{days}");
        }
        assert_eq!(span(1.5), "36:00:00");
    }
}
