//! Workbooks of Excel (.xlsx, .xlsm), read in order: cell by cell, so that memory does not grow with the sheet.
//!
//! Texts that sheets share are held as one, up to [`MAX_SHARED_BYTES`].

use super::package::{Package, Xml, attribute, broken, push_entity};
use super::{Row, RowSource, SheetInfo, cell_number, cell_time};
use crate::record::FieldKind;
use quick_xml::events::Event;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

/// How much text sheets may share, in bytes.
const MAX_SHARED_BYTES: usize = 24 << 20;
/// How many texts they may share.
const MAX_SHARED: usize = 2 << 20;
/// How many styles are looked at.
pub(super) const MAX_STYLES: usize = 1 << 16;
/// How many sheets are looked at.
pub(super) const MAX_SHEETS: usize = 1_000;
/// The last row and column that a sheet can have, counted from 0.
pub(super) const LAST_ROW: u32 = 1_048_575;
pub(super) const LAST_COLUMN: u32 = 16_383;

/// A workbook of Excel.
pub(super) struct Xlsx {
    package: Package,
    sheets: Vec<(SheetInfo, String)>,
    shared: Arc<Shared>,
    styles: Arc<Vec<Style>>,
    from_1904: bool,
}

/// What a cell's number means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Number,
    Time,
    Duration,
}

/// Texts one behind the other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    text: String,
    ends: Vec<u32>,
}

impl Shared {
    /// Appends a text.
    pub(super) fn push(&mut self, text: &str) -> io::Result<()> {
        self.text.push_str(text);
        self.end()
    }

    /// Ends the text that was appended.
    fn end(&mut self) -> io::Result<()> {
        if self.text.len() > MAX_SHARED_BYTES || self.ends.len() >= MAX_SHARED {
            return Err(too_many_texts());
        }
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        Ok(())
    }

    pub(super) fn get(&self, index: usize) -> Option<&str> {
        let end = *self.ends.get(index)? as usize;
        let start = match index {
            0 => 0,
            _ => self.ends[index - 1] as usize,
        };
        self.text.get(start..end)
    }
}

impl Xlsx {
    /// Looks into `package`.
    pub(super) fn open(package: Package) -> io::Result<Self> {
        let workbook = relations(&package, "_rels/.rels", "")?
            .into_values()
            .find(|relation| relation.kind == "officeDocument")
            .map_or_else(|| "xl/workbook.xml".to_owned(), |relation| relation.target);
        let (folder, file) = workbook.rsplit_once('/').unwrap_or(("", &workbook));
        let relations = relations(&package, &format!("{folder}/_rels/{file}.rels"), folder)?;
        let (named, from_1904) = sheets(&package, &workbook)?;
        let target = |kind: &str, usual: &str| {
            let found = relations.values().find(|relation| relation.kind == kind);
            found.map_or_else(|| format!("{folder}/{usual}"), |relation| relation.target.clone())
        };
        let styles = styles(&package, &target("styles", "styles.xml"))?;
        let shared = shared(&package, &target("sharedStrings", "sharedStrings.xml"))?;
        let sheets = named
            .into_iter()
            .filter_map(|(info, id)| {
                let relation = relations.get(&id)?;
                (relation.kind == "worksheet").then(|| (info, relation.target.clone()))
            })
            .collect();
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
        let (info, part) = &self.sheets[index];
        let xml = self.package.xml(part)?.ok_or_else(|| {
            broken(format!(
                "the workbook is broken: sheet `{}` is missing",
                info.name
            ))
        })?;
        Ok(Box::new(Sheet {
            xml,
            buffer: Vec::new(),
            shared: Arc::clone(&self.shared),
            styles: Arc::clone(&self.styles),
            from_1904: self.from_1904,
            row: None,
            column: None,
        }))
    }
}

/// What a part refers to.
pub(super) struct Relation {
    pub(super) kind: String,
    pub(super) target: String,
}

/// The relations that the part `name` lists, by their ids; targets are relative to `folder`.
pub(super) fn relations(
    package: &Package,
    name: &str,
    folder: &str,
) -> io::Result<HashMap<String, Relation>> {
    let mut found = HashMap::new();
    let Some(mut xml) = package.xml(name)? else {
        return Ok(found);
    };
    let mut buffer = Vec::new();
    loop {
        match xml.next(&mut buffer)? {
            Event::Start(tag) if tag.local_name().as_ref() == "Relationship" => {
                let (Some(id), Some(kind), Some(target)) = (
                    attribute(&tag, "Id"),
                    attribute(&tag, "Type"),
                    attribute(&tag, "Target"),
                ) else {
                    continue;
                };
                let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
                let target = match target.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None if folder.is_empty() => target,
                    None => format!("{folder}/{}", target.trim_start_matches("./")),
                };
                if found.len() < MAX_SHEETS {
                    found.insert(id, Relation { kind, target });
                }
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// The sheets that the part `name` lists with the ids of their relations, and whether days count from 1904.
fn sheets(package: &Package, name: &str) -> io::Result<(Vec<(SheetInfo, String)>, bool)> {
    let mut xml = package
        .xml(name)?
        .ok_or_else(|| broken("the workbook is broken: it lists no sheets"))?;
    let mut found = Vec::new();
    let mut from_1904 = false;
    let mut buffer = Vec::new();
    loop {
        match xml.next(&mut buffer)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "sheet" if found.len() < MAX_SHEETS => {
                    let info = SheetInfo {
                        name: attribute(&tag, "name").unwrap_or_default(),
                        visible: attribute(&tag, "state").is_none_or(|state| state == "visible"),
                    };
                    // `r:id` beside `sheetId`: the prefix is left to the writer.
                    found.push((info, attribute(&tag, "id").unwrap_or_default()));
                }
                "workbookPr" => {
                    from_1904 = attribute(&tag, "date1904").is_some_and(|is| is == "1" || is == "true");
                }
                _ => {}
            },
            Event::Eof => return Ok((found, from_1904)),
            _ => {}
        }
    }
}

/// What each style makes of a number.
fn styles(package: &Package, name: &str) -> io::Result<Vec<Style>> {
    let mut formats: BTreeMap<u32, Style> = BTreeMap::new();
    let mut found = Vec::new();
    let Some(mut xml) = package.xml(name)? else {
        return Ok(found);
    };
    let mut in_cells = false;
    let mut buffer = Vec::new();
    loop {
        match xml.next(&mut buffer)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "numFmt" if formats.len() < MAX_STYLES => {
                    let id = attribute(&tag, "numFmtId").and_then(|id| id.parse().ok());
                    if let (Some(id), Some(code)) = (id, attribute(&tag, "formatCode")) {
                        formats.insert(id, style_of(&code));
                    }
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells && found.len() < MAX_STYLES => {
                    let id = attribute(&tag, "numFmtId").and_then(|id| id.parse().ok());
                    let id: u32 = id.unwrap_or(0);
                    found.push(formats.get(&id).copied().unwrap_or_else(|| style_of_id(id)));
                }
                _ => {}
            },
            Event::End(tag) if tag.local_name().as_ref() == "cellXfs" => in_cells = false,
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// What the number format shows that every spreadsheet knows by its `id`.
pub(super) fn style_of_id(id: u32) -> Style {
    match id {
        14..=17 | 22 | 27..=36 | 50..=58 => Style::Time,
        18..=21 | 45..=47 => Style::Duration,
        _ => Style::Number,
    }
}

/// What the number format `code` shows: a date, a time of day or span of time, or a number.
pub(super) fn style_of(code: &str) -> Style {
    let (mut quoted, mut bracketed, mut escaped) = (false, false, false);
    let (mut day, mut time, mut month) = (false, false, false);
    for character in code.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '[' => bracketed = true,
            ']' => bracketed = false,
            // `[h]` counts hours; colours and countries stand in brackets too.
            'h' | 'H' | 's' | 'S' if !bracketed => time = true,
            'h' | 'H' if code.contains("[h") || code.contains("[H") => time = true,
            _ if bracketed => {}
            'd' | 'D' | 'y' | 'Y' | 'j' | 'J' => day = true,
            'm' | 'M' => month = true,
            ';' => break,
            _ => {}
        }
    }
    match (day || (month && !time), time) {
        (true, _) if !code.starts_with("General") => Style::Time,
        (false, true) => Style::Duration,
        _ => Style::Number,
    }
}

/// The texts that sheets share.
fn shared(package: &Package, name: &str) -> io::Result<Shared> {
    let mut found = Shared::default();
    let Some(mut xml) = package.xml(name)? else {
        return Ok(found);
    };
    let mut buffer = Vec::new();
    loop {
        match xml.next(&mut buffer)? {
            Event::Start(tag) if tag.local_name().as_ref() == "si" => {
                text_until(&mut xml, "si", &mut found.text, MAX_SHARED_BYTES)?;
                found.end()?;
            }
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

pub(super) fn too_many_texts() -> io::Error {
    broken("the texts of the workbook take more than 24 MiB; save the sheet as CSV")
}

/// Appends what `t` elements hold up to the end of `element` to `text`, which may grow to `limit` bytes. What is
/// spoken (`rPh`) is not written.
fn text_until(xml: &mut Xml, element: &str, text: &mut String, limit: usize) -> io::Result<()> {
    let mut buffer = Vec::new();
    let (mut in_text, mut spoken) = (false, false);
    loop {
        match xml.next(&mut buffer)? {
            Event::Start(tag) => match tag.local_name().as_ref() {
                "t" => in_text = true,
                "rPh" => spoken = true,
                _ => {}
            },
            Event::End(tag) => match tag.local_name().as_ref() {
                "t" => in_text = false,
                "rPh" => spoken = false,
                name if name == element => return Ok(()),
                _ => {}
            },
            Event::Text(content) if in_text && !spoken => text.push_str(&content.xml10_content()),
            Event::CData(content) if in_text && !spoken => text.push_str(&content.xml10_content()),
            Event::GeneralRef(entity) if in_text && !spoken => push_entity(&entity, text),
            Event::Eof => return Ok(()),
            _ => {}
        }
        if text.len() > limit {
            return Err(too_many_texts());
        }
    }
}

/// The rows of a sheet, one after the other.
struct Sheet {
    xml: Xml,
    buffer: Vec<u8>,
    shared: Arc<Shared>,
    styles: Arc<Vec<Style>>,
    from_1904: bool,
    /// The row and the column that came last, counted from 0.
    row: Option<u32>,
    column: Option<u32>,
}

impl RowSource for Sheet {
    fn next(&mut self, row: &mut Row) -> io::Result<bool> {
        row.clear();
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = self.next_row(row, &mut buffer);
        self.buffer = buffer;
        outcome
    }
}

impl Sheet {
    fn next_row(&mut self, row: &mut Row, buffer: &mut Vec<u8>) -> io::Result<bool> {
        loop {
            match self.xml.next(buffer)? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "row" => {
                        let written = attribute(&tag, "r").and_then(|number| number.parse::<u32>().ok());
                        let number = match written {
                            Some(number) => number.wrapping_sub(1),
                            None => self.row.map_or(0, |last| last.saturating_add(1)),
                        };
                        if number > LAST_ROW || self.row.is_some_and(|last| number <= last) {
                            return Err(broken(format!(
                                "the workbook is broken: row {} follows row {}",
                                written.unwrap_or_default(),
                                self.row.map_or(0, |last| last + 1)
                            )));
                        }
                        self.row = Some(number);
                        self.column = None;
                        row.clear();
                        row.line = u64::from(number) + 1;
                    }
                    "c" => {
                        let written = attribute(&tag, "r").and_then(|place| column(&place));
                        let column = written.unwrap_or_else(|| self.column.map_or(0, |last| last + 1));
                        if column > LAST_COLUMN || self.column.is_some_and(|last| column <= last) {
                            return Err(broken("the workbook is broken: a row's cells are out of order"));
                        }
                        self.column = Some(column);
                        let kind = attribute(&tag, "t").unwrap_or_default();
                        let style = attribute(&tag, "s").and_then(|style| style.parse::<usize>().ok());
                        let style = style.and_then(|style| self.styles.get(style)).copied();
                        self.cell(row, column, &kind, style.unwrap_or(Style::Number))?;
                    }
                    _ => {}
                },
                Event::End(tag) if tag.local_name().as_ref() == "row" && !row.is_empty() => return Ok(true),
                Event::End(tag) if tag.local_name().as_ref() == "sheetData" => return Ok(false),
                Event::Eof => return Ok(false),
                _ => {}
            }
        }
    }

    /// Reads the rest of a cell.
    fn cell(&mut self, row: &mut Row, column: u32, kind: &str, style: Style) -> io::Result<()> {
        let mut value = String::new();
        let mut in_value = false;
        let mut buffer = Vec::new();
        loop {
            match self.xml.next(&mut buffer)? {
                Event::Start(tag) => match tag.local_name().as_ref() {
                    "v" => in_value = true,
                    "is" => text_until(&mut self.xml, "is", &mut value, super::MAX_CELL_BYTES)?,
                    _ => {}
                },
                Event::Text(content) if in_value => value.push_str(&content.xml10_content()),
                Event::GeneralRef(entity) if in_value => push_entity(&entity, &mut value),
                Event::End(tag) => match tag.local_name().as_ref() {
                    "v" => in_value = false,
                    "c" => break,
                    _ => {}
                },
                Event::Eof => break,
                _ => {}
            }
            if value.len() > super::MAX_CELL_BYTES {
                return Err(broken("a cell of the workbook holds more than 1 MiB"));
            }
        }
        if value.is_empty() {
            return Ok(());
        }
        match kind {
            "s" => {
                let shared = value.trim().parse().ok().and_then(|index| self.shared.get(index));
                row.push(column, shared.unwrap_or_default(), FieldKind::Written);
            }
            "b" => row.push(
                column,
                if value == "1" { "true" } else { "false" },
                FieldKind::Written,
            ),
            "" | "n" => match style {
                Style::Number => cell_number(row, column, &value),
                Style::Time | Style::Duration => {
                    cell_time(row, column, &value, self.from_1904, style == Style::Duration);
                }
            },
            // Texts of formulas, dates in ISO 8601, errors.
            _ => row.push(column, &value, FieldKind::Written),
        }
        Ok(())
    }
}

/// The column of a cell such as `C7`, counted from 0.
fn column(place: &str) -> Option<u32> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic);
    let mut column = 0_u32;
    for letter in letters {
        column = column
            .checked_mul(26)?
            .checked_add(u32::from(letter.to_ascii_uppercase() - b'A') + 1)?;
    }
    column.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_formats_are_told_apart() {
        for (code, expected) in [
            ("dd/mm/yyyy", Style::Time),
            ("[$-40C]d mmm yy;@", Style::Time),
            ("jj/mm/aaaa", Style::Time),
            ("yyyy\\-mm\\-dd hh:mm", Style::Time),
            ("mmm", Style::Time),
            ("[h]:mm:ss", Style::Duration),
            ("hh:mm", Style::Duration),
            ("0.00", Style::Number),
            ("#,##0.00 \"d'euros\"", Style::Number),
            ("[Red]0.00", Style::Number),
            ("General", Style::Number),
            ("0.00 _d", Style::Number),
        ] {
            assert_eq!(style_of(code), expected, "{code}");
        }
    }

    #[test]
    fn columns_count_in_letters() {
        assert_eq!(column("A1"), Some(0));
        assert_eq!(column("Z9"), Some(25));
        assert_eq!(column("AA10"), Some(26));
        assert_eq!(column("XFD1048576"), Some(LAST_COLUMN));
        assert_eq!(column("7"), None);
        assert_eq!(column("ZZZZZZZZZZZZ1"), None);
    }
}
