//! Workbooks of Excel in their binary form (.xlsb): records of a known length in the parts of a zip file, read in
//! order.

use super::package::{Package, broken};
use super::xlsx::{
    LAST_COLUMN, LAST_ROW, MAX_SHEETS, MAX_STYLES, Relation, Shared, Style, relations, style_of, style_of_id,
    too_many_texts,
};
use super::{MAX_CELL_BYTES, Row, RowSource, SheetInfo, cell_time, float};
use crate::record::FieldKind;
use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::sync::Arc;

const FOLDER: &str = "xl";

/// A workbook of Excel in its binary form.
pub(super) struct Xlsb {
    package: Package,
    sheets: Vec<(SheetInfo, String)>,
    shared: Arc<Shared>,
    styles: Arc<Vec<Style>>,
    from_1904: bool,
}

/// The records of a part.
struct Records {
    part: BufReader<Box<dyn Read + Send>>,
    kind: u16,
    body: Vec<u8>,
}

impl Records {
    fn open(package: &Package, name: &str) -> io::Result<Option<Self>> {
        Ok(package.part(name)?.map(|part| Self {
            part: BufReader::with_capacity(32 * 1024, part),
            kind: 0,
            body: Vec::new(),
        }))
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let mut byte = [0_u8; 1];
        Ok((self.part.read(&mut byte)? == 1).then_some(byte[0]))
    }

    /// Reads the next one; `false` at the end.
    fn next(&mut self) -> io::Result<bool> {
        let Some(low) = self.byte()? else {
            return Ok(false);
        };
        self.kind = u16::from(low & 0x7f);
        if low & 0x80 != 0 {
            self.kind |= u16::from(self.byte()?.ok_or_else(cut_off)? & 0x7f) << 7;
        }
        let mut length = 0_usize;
        for shift in [0, 7, 14, 21] {
            let byte = self.byte()?.ok_or_else(cut_off)?;
            length |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if length > MAX_CELL_BYTES {
            return Err(broken(
                "a record of the workbook is longer than 1 MiB; save it as .xlsx or CSV",
            ));
        }
        self.body.resize(length, 0);
        self.part.read_exact(&mut self.body).map_err(|_| cut_off())?;
        Ok(true)
    }

    fn word(&self, at: usize) -> io::Result<u32> {
        let bytes = self.body.get(at..at + 4).ok_or_else(cut_off)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte)))
    }

    fn short(&self, at: usize) -> io::Result<u16> {
        let bytes = self.body.get(at..at + 2).ok_or_else(cut_off)?;
        Ok(u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    fn float(&self, at: usize) -> io::Result<f64> {
        let (low, high) = (u64::from(self.word(at)?), u64::from(self.word(at + 4)?));
        Ok(f64::from_bits(low | high << 32))
    }

    /// The text at `at`, and where it ends. A text that is missing is empty.
    fn text(&self, at: usize) -> io::Result<(String, usize)> {
        let length = self.word(at)?;
        let start = at + 4;
        if length == u32::MAX {
            return Ok((String::new(), start));
        }
        let end = usize::try_from(length)
            .ok()
            .and_then(|length| length.checked_mul(2)?.checked_add(start))
            .ok_or_else(cut_off)?;
        let units: Vec<u16> = self
            .body
            .get(start..end)
            .ok_or_else(cut_off)?
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        Ok((String::from_utf16_lossy(&units), end))
    }
}

fn cut_off() -> io::Error {
    broken("the workbook is broken: it is cut off")
}

impl Xlsb {
    /// Looks into `package`.
    pub(super) fn open(package: Package) -> io::Result<Self> {
        let relations = relations(&package, "xl/_rels/workbook.bin.rels", FOLDER)?;
        let target = |kind: &str, usual: &str| {
            let found = relations.values().find(|relation| relation.kind == kind);
            found.map_or_else(|| format!("{FOLDER}/{usual}"), |relation| relation.target.clone())
        };
        let mut records = Records::open(&package, "xl/workbook.bin")?.ok_or_else(cut_off)?;
        let mut sheets = Vec::new();
        let mut from_1904 = false;
        while records.next()? {
            match records.kind {
                0x99 => from_1904 = records.word(0)? & 1 != 0,
                0x9c if sheets.len() < MAX_SHEETS => {
                    let visible = records.word(0)? == 0;
                    let (id, end) = records.text(8)?;
                    let (name, _) = records.text(end)?;
                    let is_sheet = |relation: &&Relation| relation.kind == "worksheet";
                    if let Some(relation) = relations.get(&id).filter(is_sheet) {
                        sheets.push((SheetInfo { name, visible }, relation.target.clone()));
                    }
                }
                _ => {}
            }
        }
        let styles = styles(&package, &target("styles", "styles.bin"))?;
        let shared = shared(&package, &target("sharedStrings", "sharedStrings.bin"))?;
        Ok(Self {
            package,
            sheets,
            shared: Arc::new(shared),
            styles: Arc::new(styles),
            from_1904,
        })
    }

    /// The sheets that have cells, in their order.
    pub(super) fn sheets(&self) -> Vec<SheetInfo> {
        self.sheets.iter().map(|(info, _)| info.clone()).collect()
    }

    /// The rows of sheet `index`.
    pub(super) fn rows(&self, index: usize) -> io::Result<Box<dyn RowSource>> {
        Ok(Box::new(Sheet {
            records: Records::open(&self.package, &self.sheets[index].1)?.ok_or_else(cut_off)?,
            shared: Arc::clone(&self.shared),
            styles: Arc::clone(&self.styles),
            from_1904: self.from_1904,
            row: None,
            column: None,
            ended: false,
        }))
    }
}

/// What each style makes of a number.
fn styles(package: &Package, name: &str) -> io::Result<Vec<Style>> {
    let mut formats: BTreeMap<u16, Style> = BTreeMap::new();
    let mut found = Vec::new();
    let Some(mut records) = Records::open(package, name)? else {
        return Ok(found);
    };
    let mut in_cells = false;
    while records.next()? {
        match records.kind {
            0x2c if formats.len() < MAX_STYLES => {
                formats.insert(records.short(0)?, style_of(&records.text(2)?.0));
            }
            0x269 => in_cells = true,
            0x26a => in_cells = false,
            0x2f if in_cells && found.len() < MAX_STYLES => {
                let id = records.short(2)?;
                found.push(
                    formats
                        .get(&id)
                        .copied()
                        .unwrap_or_else(|| style_of_id(u32::from(id))),
                );
            }
            _ => {}
        }
    }
    Ok(found)
}

/// The texts that sheets share.
fn shared(package: &Package, name: &str) -> io::Result<Shared> {
    let mut found = Shared::default();
    let Some(mut records) = Records::open(package, name)? else {
        return Ok(found);
    };
    while records.next()? {
        if records.kind == 0x13 {
            found.push(&records.text(1)?.0).map_err(|_| too_many_texts())?;
        }
    }
    Ok(found)
}

/// The rows of a sheet, one after the other.
struct Sheet {
    records: Records,
    shared: Arc<Shared>,
    styles: Arc<Vec<Style>>,
    from_1904: bool,
    /// The row and the column that came last, counted from 0.
    row: Option<u32>,
    column: Option<u32>,
    ended: bool,
}

impl RowSource for Sheet {
    fn next(&mut self, row: &mut Row) -> io::Result<bool> {
        row.clear();
        row.line = self.row.map_or(0, |row| u64::from(row) + 1);
        while !self.ended && self.records.next()? {
            match self.records.kind {
                0x00 => {
                    let number = self.records.word(0)?;
                    if number > LAST_ROW || self.row.is_some_and(|last| number <= last) {
                        return Err(broken("the workbook is broken: its rows are out of order"));
                    }
                    self.row = Some(number);
                    self.column = None;
                    if !row.is_empty() {
                        return Ok(true);
                    }
                    row.line = u64::from(number) + 1;
                }
                0x92 => self.ended = true,
                1..=18 if self.row.is_some() => self.cell(row)?,
                _ => {}
            }
            if row.text.len() > MAX_CELL_BYTES {
                return Err(broken("a row of the workbook holds more than 1 MiB"));
            }
        }
        self.ended = true;
        Ok(!row.is_empty())
    }
}

impl Sheet {
    /// Adds the cell of the record that was read.
    fn cell(&mut self, row: &mut Row) -> io::Result<()> {
        let records = &self.records;
        // Records from 12 on stand in the column behind the last, and do not say so.
        let is_short = records.kind >= 12;
        let (column, at) = if is_short {
            (self.column.map_or(0, |last| last + 1), 4)
        } else {
            (records.word(0)?, 8)
        };
        if column > LAST_COLUMN || self.column.is_some_and(|last| column <= last) {
            return Err(broken("the workbook is broken: a row's cells are out of order"));
        }
        self.column = Some(column);
        let style = records.word(at - 4)? & 0x00ff_ffff;
        let style = usize::try_from(style)
            .ok()
            .and_then(|style| self.styles.get(style).copied());
        let number = |row: &mut Row, number: f64| match style.unwrap_or(Style::Number) {
            Style::Number => float(row, column, number),
            style => cell_time(
                row,
                column,
                &format!("{number}"),
                self.from_1904,
                style == Style::Duration,
            ),
        };
        match records.kind {
            2 | 13 => number(row, super::xls::packed(records.word(at)?)),
            3 | 11 | 14 => row.push(column, "#ERROR!", FieldKind::Written),
            4 | 10 | 15 => {
                let yes = records.body.get(at).is_some_and(|byte| *byte != 0);
                row.push(column, if yes { "true" } else { "false" }, FieldKind::Written);
            }
            5 | 9 | 16 => number(row, records.float(at)?),
            6 | 8 | 17 => row.push(column, &records.text(at)?.0, FieldKind::Written),
            7 | 18 => {
                let index = usize::try_from(records.word(at)?).unwrap_or(usize::MAX);
                row.push(
                    column,
                    self.shared.get(index).unwrap_or_default(),
                    FieldKind::Written,
                );
            }
            _ => {}
        }
        Ok(())
    }
}
