//! Forecasts of evenly spaced histories: ARIMA that agrees with `statsmodels`, Prophet that agrees with
//! Prophet, exponential smoothing, the naive baselines, and a backtest that says which of them to trust.
//!
//! Pure: no input or output, no clock, no thread randomness. A seed and a stop function are arguments, and the
//! same input gives the same bytes. Whatever comes in, the answer is a finite forecast (with warnings) or a
//! [`ForecastError`] that names the fault.
//!
//! Two commands show what it is worth: `comptoir forecast quality` prints backtests of every model on public
//! series, and `python3 crates/forecast/benches/compare.py` times the fits against
//! `statsmodels` and Prophet.
//!
//! Start at [`run`]; [`compare`] ranks several models on one window, [`backtest()`] measures one.
//!
//! ```
//! use forecast::{Request, Series, Step, stop};
//!
//! let week = [80.0, 82.0, 81.0, 90.0, 120.0, 150.0, 60.0];
//! let history: Vec<_> = week.iter().cycle().take(70).map(|value| Some(*value)).collect();
//! let series = Series::new("2024-01-01".parse().unwrap(), Step::Day, history)?;
//! let forecast = forecast::run(&series, &Request::default(), stop::never())?;
//! assert_eq!(forecast.points.len(), 7);
//! assert_eq!(forecast.points[0].date, "2024-03-11".parse().unwrap());
//! # Ok::<(), forecast::ForecastError>(())
//! ```

pub mod arima;
mod backtest;
mod error;
mod ets;
mod forecast;
pub mod metrics;
mod model;
mod mstl;
mod naive;
mod normal;
mod optimize;
pub mod prophet;
mod random;
mod request;
mod run;
mod select;
mod series;
pub mod stop;

pub use arima::{Diffuse, Order};
pub use backtest::{Backtest, BacktestWindow, Plan, backtest};
pub use error::ForecastError;
pub use forecast::{FitSummary, Forecast, Interval, Point, Prediction, Warning, WarningCode};
pub use metrics::{Coverage, Metrics};
pub use model::{Fitted, Model};
pub use naive::SeasonalNaive;
pub use request::{MAX_HORIZON, Params, Request};
pub use run::{run, run_with_progress};
pub use select::{Candidate, Comparison, ComparisonProgress, compare};
pub use series::{MAX_STEPS, Series, Step};
pub use stop::Stop;
