//! The tables: SQL over them, with rows as types.
//!
//! | file | what it does |
//! | --- | --- |
//! | `daily_sums` | the sums by day and the state of the data |
//! | `analysis_sources` | what an analysis reads in place of the daily sums where there are filters |

pub(crate) mod analysis_sources;
pub(crate) mod daily_sums;
