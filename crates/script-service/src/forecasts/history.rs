//! Daily revenue as a series.
//!
//! The history never reaches beyond the data: it begins at the first sale of what is asked for and ends at the
//! latest sale of all, however far the request reaches. Within these days, a day without sales is a zero or a
//! gap, as the request says.

use super::ForecastFailure;
use crate::store::daily_sums::{self, DataState};
use crate::store::history::{self, SalesOf};
use db_client::DbClient;
use forecast::{Series, Step};
use jiff::civil::Date;
use script_api::{Gaps, HistoryWindow};
use service_kit::validation::{Fault, Faults};
use std::collections::BTreeMap;

/// How often the history is read again when the data changes under it.
const ATTEMPTS: usize = 4;

/// Which sales are meant; all of them by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Only sales in stores of this region.
    pub region: Option<String>,
    /// Only sales of this product.
    pub product: Option<i64>,
    /// Only sales of products of this category.
    pub category: Option<String>,
}

impl Scope {
    /// The sales that it means.
    fn sales(&self) -> SalesOf<'_> {
        SalesOf {
            region: self.region.as_deref(),
            product: self.product,
            category: self.category.as_deref(),
        }
    }
}

/// Which history is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HistoryQuery {
    pub scope: Scope,
    pub from: Option<Date>,
    pub to: Option<Date>,
    pub gaps: Gaps,
}

/// Daily revenue in EUR, and where it is from.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub series: Series,
    pub window: HistoryWindow,
    pub days_without_sales: usize,
    pub dataset_version: i64,
    /// Where the history is not what was asked for.
    pub notes: Vec<String>,
}

/// The history that `query` asks for.
pub(crate) async fn read(db: &DbClient, query: &HistoryQuery) -> Result<History, ForecastFailure> {
    check_scope(db, &query.scope).await?;
    let mut before = daily_sums::current_state(db).await?;
    let mut attempt = 1;
    loop {
        let sums = daily_cents(db, &query.scope, query.from, query.to).await?;
        let after = daily_sums::current_state(db).await?;
        if after.version == before.version || attempt == ATTEMPTS {
            return compose(query, &sums, &before);
        }
        before = after;
        attempt += 1;
    }
}

/// What was sold on each day that has a sale, in cents.
pub(crate) async fn daily_cents(
    db: &DbClient,
    scope: &Scope,
    from: Option<Date>,
    to: Option<Date>,
) -> Result<BTreeMap<Date, i64>, ForecastFailure> {
    let sums = history::daily_cents(db, scope.sales(), from, to).await?;
    let too_many = |most: usize| Fault::at("/from", format!("the history has more than {most} days"));
    Ok(sums.map_err(too_many)?)
}

/// An amount of cents in EUR.
#[expect(
    clippy::cast_precision_loss,
    reason = "a day's revenue stays far below 2^53 cents"
)]
pub(crate) fn euros(cents: i64) -> f64 {
    cents as f64 / 100.0
}

/// Refuses what no product or store bears.
async fn check_scope(db: &DbClient, scope: &Scope) -> Result<(), ForecastFailure> {
    let unknown = history::unknown(db, scope.sales()).await?;
    let faults: Faults = unknown
        .into_iter()
        .map(|name| Fault::at(format!("/{name}"), format!("there is no such {name}")))
        .collect();
    faults.or(()).map_err(ForecastFailure::from)
}

fn compose(
    query: &HistoryQuery,
    sums: &BTreeMap<Date, i64>,
    state: &DataState,
) -> Result<History, ForecastFailure> {
    let from = state
        .coverage
        .map(|coverage| query.from.unwrap_or(coverage.first));
    let first = from.and_then(|from| sums.range(from..).next());
    let (Some(coverage), Some((&first, _))) = (state.coverage, first) else {
        return Err(ForecastFailure::NoForecast(
            "there are no sales on the days asked for".into(),
        ));
    };
    let window = HistoryWindow {
        from: first,
        to: query.to.map_or(coverage.last, |to| to.min(coverage.last)),
    };
    let mut notes = Vec::new();
    if let Some(from) = query.from.filter(|from| *from < first) {
        notes.push(format!(
            "The history begins on {first}, with the first sale; it was asked for from {from}."
        ));
    }
    if let Some(to) = query.to.filter(|to| *to > window.to) {
        notes.push(format!(
            "The history ends on {}, with the latest sale; it was asked for up to {to}.",
            window.to
        ));
    }
    let mut values = Vec::new();
    let mut days_without_sales = 0;
    for day in window
        .from
        .series(jiff::Span::new().days(1))
        .take_while(|day| *day <= window.to)
    {
        let value = sums.get(&day).map(|cents| euros(*cents));
        days_without_sales += usize::from(value.is_none());
        values.push(match query.gaps {
            Gaps::Zero => Some(value.unwrap_or(0.0)),
            Gaps::Missing => value,
        });
        if values.len() > forecast::MAX_STEPS {
            break; // the series says so
        }
    }
    Ok(History {
        series: Series::new(window.from, Step::Day, values)?,
        window,
        days_without_sales,
        dataset_version: state.version,
        notes,
    })
}
