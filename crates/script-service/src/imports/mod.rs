//! Imports: files into tables, as jobs. Reading a file itself is the crate `tabular`.
//!
//! | file | what it does |
//! | --- | --- |
//! | `job` | an import as a job |
//! | `request` | what may be asked, and what is imported when nothing is asked |
//! | `run` | a run: source by source, from a checkpoint on |
//! | `check` | the look at all sources before anything is written |
//! | `source` | one source: opened, and written batch by batch |
//! | `locate`, `fetch`, `pieces` | where its bytes are: the data folder, a URL, uploads |
//! | `survey` | what is decided about it, and kept |
//! | `questions` | what it leaves open |
//! | `tables` | our tables: columns, keys, the headers they go by |
//! | `rows`, `ids`, `fault` | records to rows, or why not |
//! | `exports`, `export_rows` | exports of shops: what is decided about them, their lines as rows |
//! | `pairs` | lines and their orders in two sources, or on two sheets |
//! | `batch` | some records of a source at a time |
//! | `keys` | whether ids are those of other sales, for previews |
//! | `partition` | which rows are new, change something, or are there already |
//! | `delivery` | a batch as one transaction |
//! | `daily_sums` | what new sales add to the sums by day |
//! | `foreseen` | what sources would leave, for dry runs |
//! | `replace` | sales that take the place of others, all at once |
//! | `undo` | taking back what a cancelled import wrote |
//! | `replay`, `corrections` | rejects that come back corrected |
//! | `preview` | both passes over the beginning of a source |
//! | `failure` | why imports fail, by stable codes |
//!
//! The invariant: a batch and the checkpoint behind it are one transaction, so a job that is taken up again leaves
//! what one run leaves.

mod batch;
mod check;
pub(crate) mod corrections;
mod daily_sums;
mod delivery;
mod export_rows;
pub(crate) mod exports;
pub(crate) mod failure;
mod fault;
pub(crate) mod fetch;
mod foreseen;
pub(crate) mod ids;
mod job;
pub(crate) mod keys;
pub(crate) mod locate;
pub(crate) mod pairs;
mod partition;
pub(crate) mod pieces;
pub(crate) mod preview;
pub(crate) mod questions;
mod replace;
pub(crate) mod replay;
pub(crate) mod request;
mod rows;
mod run;
mod source;
pub(crate) mod survey;
pub(crate) mod tables;
mod undo;
