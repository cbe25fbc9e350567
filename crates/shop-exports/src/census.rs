//! What the columns of a file hold: counted over all of its records before anything is decided.

use crate::cells::{self, Cell, cell};
use crate::fold;
use crate::headers::Meaning;
use crate::numbers::{self, Mark};
use std::collections::{BTreeMap, HashSet};
use tabular::cents::DecimalMark;
use tabular::dates::{self, DateOrder, OrderEvidence};
use tabular::{Convention, Record};

/// How many different values of a column are kept.
const MAX_DISTINCT: usize = 400;
/// How many values are remembered to see whether all of a column differ.
const MAX_REMEMBERED: usize = 4_000_000;

/// What one column holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Column {
    /// Cells that are not empty.
    pub filled: u64,
    /// Cells that are numbers, of whatever country.
    pub numbers: u64,
    /// Cells that are whole numbers without a leading zero.
    pub ids: u64,
    /// Cells that are digits with a zero in front.
    pub zero_led: u64,
    /// Numbers other than zero.
    pub nonzero: u64,
    /// Numbers with a percent sign; numbers above one.
    pub percents: u64,
    pub above_one: u64,
    /// Cells that are days.
    pub days: u64,
    pub day_first: u64,
    pub month_first: u64,
    pub undecided_days: u64,
    /// Lines of the first value that reads only so.
    pub comma: Option<u64>,
    pub point: Option<u64>,
    pub ambiguous: u64,
    /// Currencies that stand in the cells.
    pub currencies: BTreeMap<&'static str, u64>,
    /// Different values, folded: how they are written first, and how often they come.
    pub distinct: BTreeMap<String, (String, u64)>,
    /// Whether there are more of them than are kept.
    pub overflows: bool,
    /// Values that begin with `#`; addresses of pages.
    pub hashes: u64,
    pub urls: u64,
    /// Values with a digit in them; values that are the same as the one before.
    pub with_digits: u64,
    pub adjacent: u64,
    last: u64,
    /// Whether a value came twice; only known of columns that may identify lines.
    pub repeats: bool,
    /// How many values came before.
    pub repeated: u64,
    remembered: Option<HashSet<u64>>,
}

impl Column {
    fn take(&mut self, cell: Cell<'_>, line: u64, meaning: Meaning) {
        if cell.text.is_empty() {
            return;
        }
        self.filled += 1;
        if cells::plain_id(cell.text).is_some() {
            self.ids += 1;
        }
        let is_zero_led = cell.text.len() > 1
            && cell.text.starts_with('0')
            && cell.text.bytes().all(|byte| byte.is_ascii_digit());
        self.zero_led += u64::from(is_zero_led);
        self.hashes += u64::from(cell.text.starts_with('#'));
        self.urls += u64::from(cell.text.contains("://"));
        self.with_digits += u64::from(cell.text.bytes().any(|byte| byte.is_ascii_digit()));
        if matches!(meaning, Meaning::LineNumber | Meaning::LineId) {
            let digest = digest(cell.text);
            self.adjacent += u64::from(self.filled > 1 && digest == self.last);
            self.last = digest;
        }
        match meaning {
            Meaning::Money(_) | Meaning::Quantity(_) | Meaning::DiscountPercent => {
                self.take_number(cell, line);
            }
            Meaning::Date(_) => self.take_day(cell),
            Meaning::Nothing => return,
            _ => {}
        }
        if let Some(remembered) = &mut self.remembered {
            if remembered.len() < MAX_REMEMBERED {
                let is_new = remembered.insert(digest(cell.text));
                self.repeats |= !is_new;
                self.repeated += u64::from(!is_new);
            } else {
                self.repeats = true;
            }
        }
        if !self.overflows && !matches!(meaning, Meaning::Money(_) | Meaning::Date(_)) {
            let key = fold::key(cell.text);
            if let Some((_, count)) = self.distinct.get_mut(&key) {
                *count += 1;
            } else if self.distinct.len() < MAX_DISTINCT {
                self.distinct.insert(key, (fold::shown(cell.text), 1));
            } else {
                self.overflows = true;
            }
        }
    }

    fn take_number(&mut self, cell: Cell<'_>, line: u64) {
        let read = [DecimalMark::Point, DecimalMark::Comma]
            .into_iter()
            .find_map(|mark| numbers::parse(cell.text, mark));
        let Some(number) = read else { return };
        self.numbers += 1;
        self.nonzero += u64::from(number.micro != 0);
        self.percents += u64::from(number.percent);
        self.above_one += u64::from(number.micro.abs() > numbers::ONE);
        if let Some(currency) = numbers::currency_of(cell.text) {
            *self.currencies.entry(currency).or_default() += 1;
        }
        if cell.is_number {
            return;
        }
        match numbers::mark(cell.text) {
            Mark::Silent => {}
            Mark::Ambiguous => self.ambiguous += 1,
            Mark::Says(DecimalMark::Comma) => {
                self.comma.get_or_insert(line);
            }
            Mark::Says(DecimalMark::Point) => {
                self.point.get_or_insert(line);
            }
        }
    }

    fn take_day(&mut self, cell: Cell<'_>) {
        let reads = |order| cells::day(cell.text, order).is_some();
        if !reads(DateOrder::DayFirst) && !reads(DateOrder::MonthFirst) {
            return;
        }
        self.days += 1;
        match dates::evidence(cell.text) {
            OrderEvidence::Silent => {
                // What is behind the day may keep the whole from being looked at.
                match (reads(DateOrder::DayFirst), reads(DateOrder::MonthFirst)) {
                    (true, false) => self.day_first += 1,
                    (false, true) => self.month_first += 1,
                    _ => {}
                }
            }
            OrderEvidence::Ambiguous => self.undecided_days += 1,
            OrderEvidence::Says(DateOrder::DayFirst) => self.day_first += 1,
            OrderEvidence::Says(DateOrder::MonthFirst) => self.month_first += 1,
        }
    }

    /// Whether most of its cells are numbers.
    pub(crate) fn is_numeric(&self) -> bool {
        self.numbers > 0 && self.numbers * 2 >= self.filled
    }
}

/// A value as one number, to tell it from others.
pub(crate) fn digest(text: &str) -> u64 {
    let hash = blake3::hash(text.as_bytes());
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&hash.as_bytes()[..8]);
    u64::from_le_bytes(bytes)
}

/// What a whole file holds, column by column.
#[derive(Debug, Clone)]
pub(crate) struct Census {
    pub headers: Vec<String>,
    pub meanings: Vec<Meaning>,
    pub columns: Vec<Column>,
    pub records: u64,
}

impl Census {
    /// Of a file with these headers, each with its meaning.
    pub(crate) fn new(headers: &[String], meanings: Vec<Meaning>) -> Self {
        let columns = meanings
            .iter()
            .map(|meaning| Column {
                remembered: matches!(meaning, Meaning::LineId | Meaning::LineNumber).then(HashSet::new),
                ..Column::default()
            })
            .collect();
        Self {
            headers: headers.to_vec(),
            meanings,
            columns,
            records: 0,
        }
    }

    /// Counts `record`. One that cannot be read is not counted.
    pub(crate) fn take(&mut self, record: &Record) {
        if record.fault.is_some() {
            return;
        }
        self.records += 1;
        for (field, (column, meaning)) in self.columns.iter_mut().zip(&self.meanings).enumerate() {
            column.take(cell(record, field), record.line, *meaning);
        }
    }

    /// Forgets what was only needed for counting.
    pub(crate) fn finish(&mut self) {
        for column in &mut self.columns {
            column.remembered = None;
        }
    }

    /// The decimal mark of each column: by its own values, else by those of others, else by what the currency
    /// and the dates say of the country, else by `locale`. The second of each pair says that it was assumed.
    pub(crate) fn marks(&self, fixed: Option<DecimalMark>, locale: Convention) -> Vec<(DecimalMark, bool)> {
        let of = |column: &Column| match (column.comma, column.point) {
            (Some(_), None) => Some(DecimalMark::Comma),
            (None, Some(_)) => Some(DecimalMark::Point),
            _ => None,
        };
        let elsewhere = self.columns.iter().find_map(of);
        let says_point = self.columns.iter().any(|column| {
            column
                .currencies
                .keys()
                .any(|code| matches!(*code, "USD" | "GBP" | "CAD" | "AUD" | "INR"))
                || (column.month_first > 0 && column.day_first == 0)
        });
        let assumed = if says_point {
            DecimalMark::Point
        } else {
            match locale {
                Convention::Fr => DecimalMark::Comma,
                Convention::En => DecimalMark::Point,
            }
        };
        self.columns
            .iter()
            .map(|column| match fixed.or_else(|| of(column)) {
                Some(mark) => (mark, false),
                None if column.ambiguous > 0 => match elsewhere {
                    Some(mark) => (mark, false),
                    None => (assumed, !says_point),
                },
                None => (elsewhere.unwrap_or(DecimalMark::Point), false),
            })
            .collect()
    }

    /// The date order of column `field`, and whether it was assumed.
    pub(crate) fn order(
        &self,
        field: usize,
        fixed: Option<DateOrder>,
        locale: Convention,
    ) -> (DateOrder, bool) {
        if let Some(order) = fixed {
            return (order, false);
        }
        let column = &self.columns[field];
        match column.day_first.cmp(&column.month_first) {
            std::cmp::Ordering::Greater => (DateOrder::DayFirst, false),
            std::cmp::Ordering::Less => (DateOrder::MonthFirst, false),
            std::cmp::Ordering::Equal => {
                let order = match locale {
                    Convention::Fr => DateOrder::DayFirst,
                    Convention::En => DateOrder::MonthFirst,
                };
                (order, column.undecided_days > 0)
            }
        }
    }
}
