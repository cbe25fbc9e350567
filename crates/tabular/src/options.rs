//! What a request may fix about the reading of a source. Nothing given is decided from the source.

use crate::cents::DecimalMark;
use crate::code_pages::Charset;
use crate::dates::DateOrder;
use csv_nose::Quote;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The format of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Fields between delimiters: CSV, TSV.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// An array of JSON objects.
    Json,
    /// A workbook of Excel.
    Xlsx,
    /// A workbook in the `OpenDocument` format.
    Ods,
    /// A workbook of Excel 97 to 2003.
    Xls,
    /// A workbook of Excel in its binary form.
    Xlsb,
}

impl Format {
    /// Whether it is a workbook.
    #[must_use]
    pub fn is_workbook(self) -> bool {
        matches!(self, Self::Xlsx | Self::Ods | Self::Xls | Self::Xlsb)
    }
}

/// How ambiguous numbers and dates are read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Convention {
    /// `1.234` is a thousand, `03/11/2023` is in November.
    #[default]
    Fr,
    /// `1,234` is a thousand, `03/11/2023` is in March.
    En,
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fr => "fr",
            Self::En => "en",
        })
    }
}

impl FromStr for Convention {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "fr" => Ok(Self::Fr),
            "en" => Ok(Self::En),
            _ => Err("it is one of fr, en".to_owned()),
        }
    }
}

impl Convention {
    /// The decimal mark of the locale.
    #[must_use]
    pub fn decimal(self) -> DecimalMark {
        match self {
            Self::Fr => DecimalMark::Comma,
            Self::En => DecimalMark::Point,
        }
    }

    /// The date order of the locale.
    #[must_use]
    pub fn date_order(self) -> DateOrder {
        match self {
            Self::Fr => DateOrder::DayFirst,
            Self::En => DateOrder::MonthFirst,
        }
    }

    /// The top-level domain that hints at legacy encodings.
    #[must_use]
    pub fn domain(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "com",
        }
    }
}

/// What a request fixes about the reading of a source; everything else is decided from its content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The format.
    pub format: Option<Format>,
    /// The encoding, by any name that browsers know, such as `windows-1252`.
    pub encoding: Option<String>,
    /// The character between fields: one ASCII character, or `tab`.
    pub delimiter: Option<String>,
    /// The character around fields that hold delimiters or line breaks: one ASCII character, or `none`.
    pub quote: Option<String>,
    /// The sheet of a workbook; otherwise that whose header names most columns.
    pub sheet: Option<String>,
    /// How many lines, or rows of a sheet, stand before the header.
    pub skip_lines: Option<u64>,
    /// The decimal mark of every amount.
    pub decimal: Option<DecimalMark>,
    /// The order of day and month in every date.
    pub date_order: Option<DateOrder>,
    /// The zone of the shop, such as `Europe/Paris`: a time with another zone is taken to it. Without one a day is what
    /// is written.
    pub time_zone: Option<String>,
    /// How ambiguous columns are read, whatever else the file says.
    pub locale: Option<Convention>,
    /// How they are read where neither the request nor the file says.
    pub default_locale: Convention,
    /// From column to header, for headers that are not recognised.
    pub mapping: BTreeMap<String, String>,
    /// Answers to questions, by their ids; others are left alone.
    pub answers: BTreeMap<String, String>,
    /// Whether an amount with more than two decimals is rejected instead of rounded.
    pub strict: bool,
}

impl ReadOptions {
    /// How ambiguous columns are read.
    #[must_use]
    pub fn convention(&self) -> Convention {
        self.locale.unwrap_or(self.default_locale)
    }

    /// The decimal mark of `column`, where the request says.
    pub(crate) fn mark_of(&self, column: &str) -> Option<DecimalMark> {
        let answer = self.answers.get(&format!("decimal.{column}"));
        match answer.map(String::as_str) {
            Some("comma") => Some(DecimalMark::Comma),
            Some("point") => Some(DecimalMark::Point),
            _ => self.decimal,
        }
    }

    /// The date order of `column`, where the request says.
    pub(crate) fn order_of(&self, column: &str) -> Option<DateOrder> {
        let answer = self.answers.get(&format!("date_order.{column}"));
        match answer.map(String::as_str) {
            Some("day_first") => Some(DateOrder::DayFirst),
            Some("month_first") => Some(DateOrder::MonthFirst),
            _ => self.date_order,
        }
    }

    /// Options that cannot be: which, and why.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, String)> {
        let checked = [
            ("delimiter", self.delimiter_byte().err()),
            ("quote", self.quote().err()),
            ("encoding", self.encoding().err()),
            ("time_zone", self.zone().err()),
        ];
        checked
            .into_iter()
            .filter_map(|(name, reason)| Some((name, reason?)))
            .collect()
    }

    /// The delimiter as a byte; `Err` holds what is wrong with it.
    pub fn delimiter_byte(&self) -> Result<Option<u8>, String> {
        match self.delimiter.as_deref() {
            None => Ok(None),
            Some("tab" | "\\t" | "\t") => Ok(Some(b'\t')),
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Some(*byte)),
                _ => Err(format!(
                    "the delimiter must be `tab` or one ASCII character that is neither a double quote nor a line end, \
                     not `{text}`"
                )),
            },
        }
    }

    /// The quote; `Err` holds what is wrong with it.
    pub fn quote(&self) -> Result<Option<Quote>, String> {
        match self.quote.as_deref() {
            None => Ok(None),
            Some("none") => Ok(Some(Quote::None)),
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii_punctuation() => Ok(Some(Quote::Some(*byte))),
                _ => Err(format!(
                    "the quote must be one ASCII punctuation character or `none`, not `{text}`"
                )),
            },
        }
    }

    /// The encoding; `Err` holds what is wrong with it.
    pub fn encoding(&self) -> Result<Option<Charset>, String> {
        match self.encoding.as_deref() {
            None => Ok(None),
            Some(label) => Charset::for_label(label)
                .map(Some)
                .ok_or_else(|| format!("no encoding is called `{label}`")),
        }
    }

    /// The zone of the shop; `Err` holds what is wrong with it.
    pub fn zone(&self) -> Result<Option<TimeZone>, String> {
        match self.time_zone.as_deref() {
            None => Ok(None),
            Some(name) => TimeZone::get(name)
                .map(Some)
                .map_err(|_| format!("no time zone is called `{name}`; one is `Europe/Paris`")),
        }
    }
}
