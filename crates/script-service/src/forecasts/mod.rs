//! Forecasts of daily revenue: what may be asked, the history read, the runs kept, how right they were.
//!
//! | file | what it does |
//! | --- | --- |
//! | `request` | what a request comes to, defaults filled in; a refusal names the field |
//! | `wire` | between the types of script-api and those of the models |
//! | `history` | daily sums from db-service as a series |
//! | `work` | fits on threads of their own, with a deadline |
//! | `runs` | the rows of `forecast_runs` and `forecast_points` |
//! | `job` | a forecast job |
//! | `accuracy` | a forecast against the days that have come |
//! | `failure` | why there is no forecast |
//!
//! The models are the crate `forecast`; nothing here computes one.

pub(crate) mod accuracy;
mod failure;
pub(crate) mod history;
pub(crate) mod job;
pub(crate) mod request;
pub(crate) mod runs;
pub(crate) mod wire;
pub(crate) mod work;

pub(crate) use failure::ForecastFailure;
