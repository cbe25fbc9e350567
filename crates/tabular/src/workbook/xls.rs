//! Workbooks of Excel 97 to 2003 (.xls): records of a known length in a compound file, read in order.

use super::compound::Compound;
use super::package::broken;
use super::xlsx::{Shared, Style, style_of, style_of_id};
use super::{MAX_CELL_BYTES, Row, RowSource, SheetInfo, cell_time, float};
use crate::bytes::SourceRead;
use crate::record::FieldKind;
use std::collections::BTreeMap;
use std::io::{self, Cursor, Read as _};
use std::sync::Arc;

/// How large a workbook may be, in bytes.
const MAX_BYTES: u64 = 32 << 20;
/// How many styles are looked at.
const MAX_STYLES: usize = 1 << 16;

/// The workbook's part of the file, held in memory.
type Stream = Cursor<Arc<[u8]>>;

/// A workbook of Excel 97 to 2003.
pub(super) struct Xls {
    stream: Arc<[u8]>,
    sheets: Vec<(SheetInfo, u64)>,
    shared: Arc<Shared>,
    styles: Arc<Vec<Style>>,
    from_1904: bool,
}

/// What follows in a workbook's stream.
struct Records {
    stream: Stream,
    kind: u16,
    body: Vec<u8>,
    at: usize,
}

impl Xls {
    /// Looks into `source`.
    pub(super) fn open(source: Box<dyn SourceRead>) -> io::Result<Self> {
        let mut compound = Compound::open(source, MAX_BYTES)?;
        let name = ["Workbook", "Book"].into_iter().find(|name| compound.has(name));
        let Some(name) = name else {
            return Err(broken(if compound.has("EncryptedPackage") {
                "the workbook is protected by a password; save it without one"
            } else if compound.has("WordDocument") {
                "this is a text document of Word: copy its table into a spreadsheet and save that"
            } else {
                "this is a file of Office that holds no workbook; save its table as .xlsx or CSV"
            }));
        };
        let stream = compound.stream(name)?;
        drop(compound);
        let mut book = Self {
            stream: stream.into(),
            sheets: Vec::new(),
            shared: Arc::default(),
            styles: Arc::default(),
            from_1904: false,
        };
        book.read_globals()?;
        Ok(book)
    }

    fn records(&self, at: u64) -> Records {
        let mut stream = Cursor::new(Arc::clone(&self.stream));
        stream.set_position(at);
        Records {
            stream,
            kind: 0,
            body: Vec::new(),
            at: 0,
        }
    }

    fn read_globals(&mut self) -> io::Result<()> {
        let mut records = self.records(0);
        let mut formats: BTreeMap<u16, Style> = BTreeMap::new();
        let mut styles = Vec::new();
        let mut shared = Shared::default();
        let mut ahead = false;
        while ahead || records.next()? {
            ahead = false;
            match records.kind {
                0x0809 => check_version(records.u16()?)?,
                0x002f => {
                    return Err(broken(
                        "the workbook is protected by a password; save it without one",
                    ));
                }
                0x0022 => self.from_1904 = records.u16()? == 1,
                0x041e => {
                    let id = records.u16()?;
                    let code = records.string()?;
                    if formats.len() < MAX_STYLES {
                        formats.insert(id, style_of(&code));
                    }
                }
                0x00e0 if styles.len() < MAX_STYLES => {
                    records.u16()?;
                    styles.push(records.u16()?);
                }
                0x0085 => {
                    let at = records.u32()?;
                    let visible = matches!(records.u8()? % 4, 0);
                    let is_sheet = records.u8()? == 0;
                    let length = usize::from(records.u8()?);
                    let name = records.characters(length)?;
                    if is_sheet {
                        self.sheets.push((SheetInfo { name, visible }, u64::from(at)));
                    }
                }
                0x00fc => {
                    records.u32()?;
                    let count = records.u32()?;
                    for _ in 0..count {
                        if records.at >= records.body.len() && !records.next_continued()? {
                            ahead = true;
                            break;
                        }
                        shared.push(&records.string()?)?;
                    }
                }
                0x000a => break,
                _ => {}
            }
        }
        let style = |id: &u16| {
            formats
                .get(id)
                .copied()
                .unwrap_or_else(|| style_of_id(u32::from(*id)))
        };
        self.styles = Arc::new(styles.iter().map(style).collect());
        self.shared = Arc::new(shared);
        Ok(())
    }

    /// The sheets that have cells, in their order.
    pub(super) fn sheets(&self) -> Vec<SheetInfo> {
        self.sheets.iter().map(|(info, _)| info.clone()).collect()
    }

    /// The rows of sheet `index`.
    pub(super) fn rows(&self, index: usize) -> Box<dyn RowSource> {
        Box::new(Sheet {
            records: self.records(self.sheets[index].1),
            shared: Arc::clone(&self.shared),
            styles: Arc::clone(&self.styles),
            from_1904: self.from_1904,
            depth: 0,
            last: None,
            pending: None,
            formula: None,
            ended: false,
        })
    }
}

impl Records {
    /// Reads the next one; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        let mut head = [0_u8; 4];
        match self.stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
        self.kind = u16::from_le_bytes([head[0], head[1]]);
        self.body
            .resize(usize::from(u16::from_le_bytes([head[2], head[3]])), 0);
        self.stream.read_exact(&mut self.body).map_err(|_| cut_off())?;
        self.at = 0;
        Ok(true)
    }

    /// Reads the next one where it continues this one; otherwise it is there as the next, and `false`.
    fn next_continued(&mut self) -> io::Result<bool> {
        Ok(self.next()? && self.kind == 0x003c)
    }

    fn u8(&mut self) -> io::Result<u8> {
        while self.at >= self.body.len() {
            if !self.next_continued()? {
                return Err(cut_off());
            }
        }
        self.at += 1;
        Ok(self.body[self.at - 1])
    }

    fn u16(&mut self) -> io::Result<u16> {
        Ok(u16::from_le_bytes([self.u8()?, self.u8()?]))
    }

    fn u32(&mut self) -> io::Result<u32> {
        Ok(u32::from(self.u16()?) | u32::from(self.u16()?) << 16)
    }

    fn f64(&mut self) -> io::Result<f64> {
        let (low, high) = (u64::from(self.u32()?), u64::from(self.u32()?));
        Ok(f64::from_bits(low | high << 32))
    }

    fn skip(&mut self, mut count: usize) -> io::Result<()> {
        while count > 0 {
            let here = count.min(self.body.len().saturating_sub(self.at));
            self.at += here;
            count -= here;
            if count > 0 && !self.next_continued()? {
                return Err(cut_off());
            }
        }
        Ok(())
    }

    /// A text with its length before it, and formatting behind it.
    fn string(&mut self) -> io::Result<String> {
        let length = usize::from(self.u16()?);
        let flags = self.u8()?;
        let runs = if flags & 8 != 0 {
            usize::from(self.u16()?)
        } else {
            0
        };
        let more = if flags & 4 != 0 { self.u32()? as usize } else { 0 };
        let text = self.units(length, flags & 1 != 0)?;
        self.skip(runs * 4)?;
        self.skip(more)?;
        Ok(text)
    }

    /// A text of `length` characters, their width before them.
    fn characters(&mut self, length: usize) -> io::Result<String> {
        let wide = self.u8()? & 1 != 0;
        self.units(length, wide)
    }

    /// `length` characters; where they go on in another record, their width is said anew.
    fn units(&mut self, length: usize, mut wide: bool) -> io::Result<String> {
        let mut units = Vec::with_capacity(length);
        while units.len() < length {
            if self.at >= self.body.len() {
                if !self.next_continued()? {
                    return Err(cut_off());
                }
                wide = self.u8()? & 1 != 0;
                continue;
            }
            units.push(if wide { self.u16()? } else { u16::from(self.u8()?) });
        }
        Ok(String::from_utf16_lossy(&units))
    }
}

/// Refuses versions before that of Excel 97.
fn check_version(version: u16) -> io::Result<()> {
    if version == 0x0600 {
        return Ok(());
    }
    Err(broken(
        "this is a workbook of Excel 95 or older: open it and save it as .xlsx or CSV",
    ))
}

fn cut_off() -> io::Error {
    broken("the workbook is broken: it is cut off")
}

/// The rows of a sheet, one after the other.
struct Sheet {
    records: Records,
    shared: Arc<Shared>,
    styles: Arc<Vec<Style>>,
    from_1904: bool,
    /// How many parts of the stream, such as charts, are open within each other.
    depth: u32,
    /// The row and column that came last.
    last: Option<(u16, u16)>,
    /// The first cell of the next row.
    pending: Option<(u16, Row)>,
    /// A cell whose text stands in the next record.
    formula: Option<(u16, u16)>,
    ended: bool,
}

impl RowSource for Sheet {
    fn next(&mut self, row: &mut Row) -> io::Result<bool> {
        row.clear();
        let mut number = None;
        if let Some((pending, cells)) = self.pending.take() {
            row.clone_from(&cells);
            number = Some(pending);
        }
        let mut cells = Row::default();
        while !self.ended && self.records.next()? {
            cells.clear();
            match self.records.kind {
                0x0809 => self.depth += 1,
                0x000a => {
                    self.depth = self.depth.saturating_sub(1);
                    self.ended = self.depth == 0;
                }
                _ if self.depth != 1 => {}
                _ => {
                    let Some(at) = self.cells(&mut cells)? else {
                        continue;
                    };
                    if cells.is_empty() {
                        continue;
                    }
                    if number.is_some_and(|number| number != at) {
                        cells.line = u64::from(at) + 1;
                        self.pending = Some((at, cells));
                        return Ok(true);
                    }
                    number = Some(at);
                    row.line = u64::from(at) + 1;
                    row.append(&cells);
                    if row.text.len() > MAX_CELL_BYTES {
                        return Err(broken("a row of the workbook holds more than 1 MiB"));
                    }
                }
            }
        }
        Ok(!row.is_empty())
    }
}

impl Sheet {
    /// Adds the cells of the record that was read, and tells their row; `None` where it holds none.
    fn cells(&mut self, cells: &mut Row) -> io::Result<Option<u16>> {
        let records = &mut self.records;
        if records.kind == 0x0207 {
            let Some((row, column)) = self.formula.take() else {
                return Ok(None);
            };
            let text = records.string()?;
            cells.push(u32::from(column), &text, FieldKind::Written);
            return Ok(Some(row));
        }
        if !matches!(
            records.kind,
            0x0203 | 0x027e | 0x00bd | 0x00fd | 0x0204 | 0x00d6 | 0x0205 | 0x0006
        ) {
            return Ok(None);
        }
        let (row, column) = (records.u16()?, records.u16()?);
        if self.last.is_some_and(|last| (row, column) <= last) {
            return Err(broken("the workbook is broken: its cells are out of order"));
        }
        self.last = Some((row, column));
        if records.kind == 0x00bd {
            let count = records.body.len().saturating_sub(6) / 6;
            for index in 0..count {
                let style = self.records.u16()?;
                let number = packed(self.records.u32()?);
                let column = u32::from(column) + u32::try_from(index).unwrap_or(u32::MAX);
                self.number(cells, column, style, number);
            }
            let width = u16::try_from(count.saturating_sub(1)).unwrap_or(u16::MAX);
            self.last = Some((row, column.saturating_add(width)));
            return Ok(Some(row));
        }
        let style = records.u16()?;
        let place = u32::from(column);
        match records.kind {
            0x0203 => {
                let number = records.f64()?;
                self.number(cells, place, style, number);
            }
            0x027e => {
                let number = packed(records.u32()?);
                self.number(cells, place, style, number);
            }
            0x00fd => {
                let index = records.u32()? as usize;
                let text = self.shared.get(index).unwrap_or_default();
                cells.push(place, text, FieldKind::Written);
            }
            0x0204 | 0x00d6 => {
                let length = usize::from(records.u16()?);
                let text = records.characters(length)?;
                cells.push(place, &text, FieldKind::Written);
            }
            0x0205 => {
                let (value, is_error) = (records.u8()?, records.u8()? != 0);
                let text = match (is_error, value) {
                    (true, _) => "#ERROR!",
                    (false, 0) => "false",
                    (false, _) => "true",
                };
                cells.push(place, text, FieldKind::Written);
            }
            _ => {
                let bits = records.f64()?.to_bits().to_le_bytes();
                match bits {
                    [0, _, _, _, _, _, 0xff, 0xff] => self.formula = Some((row, column)),
                    [1, _, yes, _, _, _, 0xff, 0xff] => {
                        let text = if yes == 0 { "false" } else { "true" };
                        cells.push(place, text, FieldKind::Written);
                    }
                    [2, _, _, _, _, _, 0xff, 0xff] => cells.push(place, "#ERROR!", FieldKind::Written),
                    [3, _, _, _, _, _, 0xff, 0xff] => {}
                    bits => self.number(cells, place, style, f64::from_le_bytes(bits)),
                }
            }
        }
        Ok(Some(row))
    }

    fn number(&self, cells: &mut Row, column: u32, style: u16, number: f64) {
        match self
            .styles
            .get(usize::from(style))
            .copied()
            .unwrap_or(Style::Number)
        {
            Style::Number => float(cells, column, number),
            style => cell_time(
                cells,
                column,
                &format!("{number}"),
                self.from_1904,
                style == Style::Duration,
            ),
        }
    }
}

/// A number that is packed into 30 bits.
pub(super) fn packed(bits: u32) -> f64 {
    let number = if bits & 2 == 0 {
        f64::from_bits(u64::from(bits & !3) << 32)
    } else {
        f64::from(bits.cast_signed() >> 2)
    };
    if bits & 1 == 0 { number } else { number / 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_numbers_are_unpacked() {
        assert_eq!(packed(7 << 2 | 2).to_bits(), 7.0_f64.to_bits());
        assert_eq!(packed(1_250 << 2 | 3).to_bits(), 12.5_f64.to_bits());
        assert_eq!(packed(0xffff_fffe).to_bits(), (-1.0_f64).to_bits());
    }
}
