//! Reads tables from files as people have them: CSV and its relatives, JSON, NDJSON and workbooks, packed or
//! not, in any usual encoding, with the numbers and dates of any usual country.
//!
//! Bytes come in, decisions and records come out. Pure: nothing is read but what the caller opens, there is no
//! clock, and no service is asked. What is looked for is handed in as a [`Spec`]: columns, their meaning, the
//! headers they go by.
//!
//! Two passes over a source. [`survey()`] is a sniffer that reads to the end: it decides what no single cell can
//! say (encoding, delimiter, where the header is, which mark is decimal, whether the day comes first) and tells
//! it as [`Decisions`]. The [`Reading`] that it gives then opens the same source as [`Records`], as often as
//! wanted. Everything is decided before the first record is handed out, so a source read twice gives the same
//! records in the same order.
//!
//! ```
//! use std::io::Cursor;
//! use tabular::{Column, Kind, ReadOptions, Record, SourceRead, Spec, cents};
//!
//! static SPEC: Spec = Spec {
//!     stored_as: "takings",
//!     key: 0,
//!     knows_header: None,
//!     columns: &[
//!         Column { name: "day", stored_as: "day", kind: Kind::Date, required: true, synonyms: &["date"] },
//!         Column { name: "amount", stored_as: "cents", kind: Kind::Cents, required: true, synonyms: &["montant"] },
//!     ],
//! };
//! let open = || {
//!     let file = "Date;Montant (€)\r\n13/11/2023;1 234,50\r\n";
//!     Ok(Box::new(Cursor::new(file)) as Box<dyn SourceRead>)
//! };
//! let progress = Default::default();
//!
//! let survey = tabular::survey(&open, &SPEC, &ReadOptions::default(), false, &progress, None)?;
//!
//! let reading = &survey.reading;
//! let mut records = reading.open(open()?, &SPEC, &progress)?;
//! let mut record = Record::default();
//! assert!(records.next(&mut record)?);
//! let amount = cents::parse(&record.texts()[1], reading.marks[1]).unwrap();
//! assert_eq!(amount.cents, 123_450);
//! # Ok::<(), tabular::SurveyError>(())
//! ```
//!
//! | module | what it does |
//! | --- | --- |
//! | [`bytes`] | takes compression off, looks into archives |
//! | [`encoding`], `code_pages` | decide the encoding and decode to UTF-8 |
//! | `dialect` | guesses how lines are cut into fields |
//! | `lines`, [`delimited`], `json`, `workbook` | cut text and workbooks into [`Record`]s |
//! | [`header`] | which header is which column |
//! | [`cents`], [`dates`] | text to cents and dates; evidence for a whole column |
//! | `magic` | what is no table, by its first bytes |
//! | `text` | words for people, in English and French |
//! | `survey` | the first pass: decides everything about a source, and says what is to be asked |

pub mod bytes;
pub mod cents;
mod code_pages;
mod columns;
pub mod dates;
mod decisions;
pub mod delimited;
mod dialect;
pub mod encoding;
pub mod header;
mod joined;
mod json;
mod lines;
mod magic;
mod options;
mod reading;
mod record;
#[cfg(test)]
mod specs;
mod survey;
mod text;
mod workbook;

pub use bytes::SourceRead;
pub use cents::DecimalMark;
pub use code_pages::Charset;
pub use columns::{Column, Kind, Spec};
pub use dates::DateOrder;
pub use decisions::{Choice, ColumnDecision, DecidedBy, Decisions, Question};
pub use dialect::{Dialect, LineEnd};
pub use header::{MappedColumn, Mapping, MappingError, MatchedBy};
pub use joined::{Joined, MAX_JOINED_BYTES, key_of};
pub use magic::Foreign;
pub use options::{Convention, Format, ReadOptions};
pub use reading::{Reading, Records, WholeEvidence};
pub use record::{FieldKind, Record, Unreadable};
pub use survey::{Opener, Survey, SurveyError, survey};
pub use text::Text;
pub use workbook::SheetChoice;
