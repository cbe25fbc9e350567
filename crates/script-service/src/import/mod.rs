//! Reading sources: from bytes to rows of a table, without any service.
//!
//! | file | what it does |
//! | --- | --- |
//! | `bytes` | takes compression off |
//! | `encoding` | decides the encoding and decodes to UTF-8 |
//! | `dialect` | guesses how lines are cut into fields |
//! | `lines`, `delimited`, `json`, `sheet` | cut text and spreadsheets into [`record::Record`]s |
//! | `header`, `tables` | which header is which column of which table |
//! | `cents`, `dates` | text to cents and dates; evidence for a whole column |
//! | `survey` | the first pass: decides everything about a source |
//! | `rows` | the second pass: records to rows, or faults |
//! | `corrections` | rejects that come back, as text that is read again |
//! | `preview` | both over the beginning of a source |
//!
//! The invariant: what is read is decided before the first row is written, so a source read twice gives the
//! same rows in the same order.

pub(crate) mod bytes;
pub(crate) mod cents;
pub(crate) mod corrections;
pub(crate) mod dates;
pub(crate) mod delimited;
pub(crate) mod dialect;
pub(crate) mod encoding;
pub(crate) mod fault;
pub(crate) mod header;
pub(crate) mod ids;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod options;
pub(crate) mod preview;
pub(crate) mod record;
pub(crate) mod rows;
pub(crate) mod sheet;
pub(crate) mod survey;
pub(crate) mod tables;
