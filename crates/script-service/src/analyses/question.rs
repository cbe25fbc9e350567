//! What is asked of an analysis.

use super::catalog::Analysis;
use super::parameters;
use super::rounding::Rounding;
use super::window::{self, WindowQuery};
use crate::store::analysis_sources::Taken;
use db_client::db_api::Value;
use service_kit::validation::Faults;
use std::collections::BTreeMap;

/// Lines that an answer counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters {
    pub region: Option<String>,
    pub store: Option<i64>,
    pub product: Option<i64>,
    pub category: Option<String>,
}

/// What is asked of an analysis.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    pub window: WindowQuery,
    pub filters: Filters,
    pub limit: Option<u64>,
    pub rounding: Rounding,
    /// Takes the sums from the lines instead of from the daily sums.
    pub from_lines: bool,
    /// Values of the analysis's own parameters.
    pub parameters: BTreeMap<String, String>,
}

impl Question {
    /// What the sums are taken of.
    pub(super) fn taken(&self) -> Taken {
        Taken {
            by_product: self.filters.product.is_some() || self.filters.category.is_some(),
            by_store: self.filters.store.is_some() || self.filters.region.is_some(),
            from_lines: self.from_lines,
        }
    }
}

/// What is wrong with `question` whatever the data is.
pub(crate) fn faults(analysis: &Analysis, question: &Question) -> Faults {
    self::parameters(analysis, question).err().unwrap_or_default()
}

/// The values of the analysis's own parameters. `Err` says all that is wrong with them and with the window.
pub(super) fn parameters(
    analysis: &Analysis,
    question: &Question,
) -> Result<BTreeMap<String, Value>, Faults> {
    let mut faults = Faults::default();
    faults.take(window::resolve(&question.window, analysis.header.window, None));
    let own = faults.take(parameters::own(&analysis.header, &question.parameters));
    faults.or(own.unwrap_or_default())
}
