//! Finds the sales in the exports of shops.
//!
//! A till, a web shop and a spreadsheet each write sales down in their own way: products by name, by code or by
//! id, prices of one piece or of the line, a discount on the first line of an order, refunds as a status. Records
//! of [`tabular`] come in; lines of sales, what was left out and why, and the questions that the file leaves open
//! come out. Pure: nothing is read or written, there is no clock.
//!
//! | module | what it does |
//! | --- | --- |
//! | [`fold`] | which names and codes are the same |
//! | `words`, [`headers`] | what a header says its column holds |

mod cells;
mod census;
mod amounts;
pub mod fold;
pub mod headers;
mod keys;
pub mod layout;
pub mod lines;
pub mod numbers;
mod orders;
pub mod plan;
pub mod questions;
pub mod references;
pub mod statuses;
mod words;
