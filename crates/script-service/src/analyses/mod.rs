//! Analyses: a `.sql` file with a comment header becomes an answer.
//!
//! | file | what it does |
//! | --- | --- |
//! | `header` | parses the header of a file |
//! | `catalog` | the built-in files and those of a folder |
//! | `window` | which days an answer is about |
//! | `question` | what is asked: window, filters, parameters |
//! | `parameters` | the values of a statement's parameters |
//! | `compute` | runs the statement over the daily sums, or over the lines where a filter needs them |
//! | `answer` | an answer, put together from the rows |
//! | `job` | an analysis job: its request, and the answers it keeps |
//! | `figures` | exact values: money, shares, rates |
//! | `render` | JSON and CSV |
//!
//! The invariant: no figure passes through a float on its way from cents to the answer, and an answer says
//! which state of the data it was computed from.

pub(crate) mod answer;
pub(crate) mod catalog;
pub(crate) mod compute;
pub(crate) mod figures;
pub(crate) mod header;
pub(crate) mod job;
pub(crate) mod parameters;
pub(crate) mod question;
pub(crate) mod render;
pub(crate) mod rounding;
pub(crate) mod window;
