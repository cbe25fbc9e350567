//! Finds the sales in the exports of shops.
//!
//! A till, a web shop and a spreadsheet each write sales down in their own way: products by name, by code or by
//! id, prices of one piece or of the line, a discount on the first line of an order, refunds as a status. Records
//! of [`tabular`] come in; lines of sales, what was left out and why, and the questions that the file leaves open
//! come out. Pure: nothing is read or written, there is no clock.
//!
//! [`prepare`] looks at all records, some times over, and decides how they are read: a [`Plan`], with the
//! decisions in words and the questions that are open. [`Lines`] then reads them under the plan, once to look and
//! once to write. A [`Catalogue`] tells which product and store is meant, and which have to be made.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`fold`] | which names and codes are the same |
//! | `words`, [`headers`] | what a header says its column holds |
//! | [`numbers`] | numbers of any country, to millionths |
//! | [`statuses`] | what became of an order, in the words of shops |
//! | `census`, `orders` | what columns hold, and what the lines of an order say together |
//! | `relations` | which amount is another less a discount, with taxes, with shipping |
//! | [`layout`], `amounts`, [`plan`] | which column is what, how amounts are made, all decisions |
//! | `deciding`, `deciding_references`, `deciding_statuses`, [`currencies`] | one decision after the other |
//! | [`regions`] | the regions of France |
//! | [`pairs`] | lines and their orders in two tables |
//! | [`questions`] | what is left open, as data |
//! | [`references`] | products and stores: known, missing, made |
//! | `keys` | what makes a line the same when its file comes again |
//! | [`lines`] | records to lines |

pub mod amounts;
mod cells;
mod census;
pub mod currencies;
mod deciding;
mod deciding_references;
mod deciding_statuses;
pub mod fold;
pub mod headers;
mod keys;
pub mod layout;
pub mod lines;
pub mod numbers;
mod orders;
pub mod pairs;
pub mod plan;
pub mod questions;
pub mod references;
pub mod regions;
mod relations;
pub mod statuses;
mod words;

pub use keys::Repeats;
pub use lines::{Line, LineFault, LineKey, Lines, Outcome, Place};
pub use plan::{Database, NoSales, Options, Plan, Prepared, prepare};
pub use questions::{Decision, Question};
pub use references::{Catalogue, Known, Said, Unresolved, What};

/// What an export looks like to [`tabular`]: a table whose headers are those that shops use. Which column is which
/// is found out here, not there.
pub static EXPORT: tabular::Spec = tabular::Spec {
    stored_as: "sales",
    columns: &[],
    key: 0,
    knows_header: Some(headers::is_known),
};
