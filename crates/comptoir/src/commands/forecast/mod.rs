//! `comptoir forecast`: the next days, from the services or from a file.
//!
//! `input.rs` reads a file, `answer.rs` prints, `quality.rs` measures every model on public series.

mod answer;
mod input;
mod quality;

use super::ScriptAddress;
use super::follow::follow;
use crate::interrupts::{Interrupted, Interrupts};
use crate::outcome::Outcome;
use crate::output::Format;
use crate::progress::{ProgressLine, Unit};
use ::forecast::prophet::{HolidayCalendar, ProphetOptions};
use ::forecast::{Diffuse, Model, Params, Request, Series, stop};
use answer::{ForecastReport, Written};
use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use jiff::civil::Date;
use script_client::ScriptClient;
use script_client::script_api::{
    self, ForecastParams, ForecastRequest, HistoryWindow, Job, JobState, ProphetParams,
};
use std::path::PathBuf;

/// In whose name a forecast is cancelled.
const BY: &str = "comptoir forecast (Ctrl-C)";

/// Forecast daily revenue, or a series in a file.
///
/// Without --input the running services forecast what they have imported, and keep the forecast. With --input
/// no service is needed: the file has the columns `date` and `value`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Forecast {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Measure every model on public series: rolling backtests, no service needed.
    Quality(quality::Quality),
}

#[derive(Debug, Args)]
struct Options {
    /// A CSV file with the columns `date` and `value`, `-` for standard input; instead of the services.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["region", "product", "category"])]
    input: Option<PathBuf>,
    /// `arima`, `sarima`, `auto_arima`, `prophet`, `ets`, `mstl`, `seasonal_naive`, `naive`, or `auto`, which
    /// takes the one that did best on the end of the history [default: auto, or arima with --order].
    #[arg(long, value_parser = model)]
    model: Option<Model>,
    /// Order of ARIMA: `p,d,q` [default: 5,1,0].
    #[arg(long, value_name = "P,D,Q", value_parser = numbers::<3>)]
    order: Option<[usize; 3]>,
    /// Seasonal order of ARIMA: `P,D,Q,s`, such as `0,1,1,7`.
    #[arg(long, value_name = "P,D,Q,S", value_parser = numbers::<4>)]
    seasonal: Option<[usize; 4]>,
    /// How ARIMA treats its unknown starting level: `unit-free`, or `statsmodels` as Python does [default: unit-free].
    #[arg(long, value_parser = diffuse)]
    diffuse: Option<Diffuse>,
    /// Public holidays to which Prophet gives an effect of their own; the other models know of none.
    #[arg(long, value_enum, value_name = "COUNTRY")]
    holidays: Option<Holidays>,
    /// How many days.
    #[arg(long, default_value_t = 7)]
    horizon: usize,
    /// Levels of the intervals in percent.
    #[arg(long, value_delimiter = ',', default_values_t = [80.0, 95.0])]
    levels: Vec<f64>,
    /// First day of the history, `YYYY-MM-DD`.
    #[arg(long)]
    from: Option<Date>,
    /// Last day of the history, `YYYY-MM-DD`; the forecast begins on the next.
    #[arg(long)]
    to: Option<Date>,
    /// Only sales in stores of this region.
    #[arg(long)]
    region: Option<String>,
    /// Only sales of the product with this id.
    #[arg(long)]
    product: Option<i64>,
    /// Only sales of products of this category.
    #[arg(long)]
    category: Option<String>,
    /// What a day that is not there counts as [default: zero, with --input missing].
    #[arg(long, value_enum)]
    gaps: Option<Gaps>,
    /// The form of the answer; a table on a terminal, CSV elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Write CSV, or JSON with --format json, into this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    script: ScriptAddress,
}

/// What a day that is not there counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Gaps {
    /// A zero.
    Zero,
    /// Nothing known.
    Missing,
}

/// Whose public holidays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Holidays {
    /// The eleven of France.
    Fr,
}

impl Holidays {
    fn calendar(self) -> HolidayCalendar {
        let Self::Fr = self;
        HolidayCalendar::France
    }
}

impl Forecast {
    /// Prints or writes the forecast.
    pub(crate) async fn run(self) -> anyhow::Result<Outcome> {
        match self.what {
            Some(What::Quality(quality)) => quality.run(),
            None => self.options.run().await,
        }
    }
}

impl Options {
    async fn run(self) -> anyhow::Result<Outcome> {
        let written = Written::new(self.out.clone(), self.format);
        let answer = match &self.input {
            Some(path) => self.of_series(&input::read(path, self.from, self.to)?)?,
            None => self.of_services(written.needs_history()).await?,
        };
        written.write(&answer)?;
        Ok(Outcome::Done)
    }

    fn model(&self) -> Model {
        let named = self.order.is_some() || self.seasonal.is_some();
        self.model
            .unwrap_or(if named { Model::Arima } else { Model::Auto })
    }

    fn of_series(&self, series: &Series) -> anyhow::Result<ForecastReport> {
        let series = match self.gaps {
            Some(Gaps::Zero) => series.clone().with_gaps_as_zeros(),
            Some(Gaps::Missing) | None => series.clone(),
        };
        let request = Request {
            model: self.model(),
            horizon: self.horizon,
            levels: self.levels.clone(),
            params: Params {
                order: self.order,
                seasonal_order: self.seasonal,
                diffuse: self.diffuse.unwrap_or_default(),
                prophet: ProphetOptions {
                    holidays: self.holidays.map(Holidays::calendar),
                    ..ProphetOptions::default()
                },
                ..Params::default()
            },
            ..Request::default()
        };
        let mut progress = ProgressLine::start("Comparing models", Unit::Models);
        let forecast = ::forecast::run_with_progress(
            &series,
            &request,
            &mut |step| {
                if let Some(next) = step.next {
                    progress.say(format!("Comparing models ({next})"));
                }
                progress.set(step.done as u64, Some(step.total as u64));
            },
            stop::never(),
        )?;
        drop(progress);
        ForecastReport::of_file(forecast, &series)
    }

    async fn of_services(&self, with_history: bool) -> anyhow::Result<ForecastReport> {
        let client = ScriptClient::new(&self.script.script_url)?;
        let mut interrupts = Interrupts::listen();
        let job = client.submit_forecast(&self.request()).await?;
        let progress = ProgressLine::start("Forecasting", Unit::Models);
        let job = follow(&client, job, &mut interrupts, BY, progress, show).await?;
        if job.state == JobState::Cancelled && interrupts.presses() > 0 {
            return Err(Interrupted(format!("there is no forecast: job {} is cancelled", job.id)).into());
        }
        if job.state.has_failed() {
            bail!("there is no forecast (job {}): {}", job.id, job.reason());
        }
        let id = job.forecast_id().context("the job has no forecast")?;
        let json = client.forecast_as(id, "application/json").await?;
        let csv = client.forecast_as(id, "text/csv").await?;
        let mut answer = ForecastReport::of_services(&json, csv)?;
        if with_history {
            answer.history = self.history(&client, answer.window()).await?;
        }
        Ok(answer)
    }

    fn request(&self) -> ForecastRequest {
        ForecastRequest {
            model: Some(self.model().name().to_owned()),
            horizon: Some(self.horizon),
            from: self.from,
            to: self.to,
            region: self.region.clone(),
            product: self.product,
            category: self.category.clone(),
            levels: Some(self.levels.clone()),
            params: Some(ForecastParams {
                order: self.order,
                seasonal_order: self.seasonal,
                diffuse: self.diffuse.map(|diffuse| match diffuse {
                    Diffuse::Concentrated => script_api::Diffuse::UnitFree,
                    Diffuse::StatsmodelsDefault => script_api::Diffuse::Statsmodels,
                }),
                prophet: self.holidays.map(|Holidays::Fr| ProphetParams {
                    holidays: Some(script_api::Holidays::Fr),
                    ..ProphetParams::default()
                }),
                ..ForecastParams::default()
            }),
            gaps: self.gaps.map(|gaps| match gaps {
                Gaps::Zero => script_api::Gaps::Zero,
                Gaps::Missing => script_api::Gaps::Missing,
            }),
            ..ForecastRequest::default()
        }
    }

    /// Revenue of the days before the forecast, for the sparkline.
    async fn history(
        &self,
        client: &ScriptClient,
        HistoryWindow { from, to }: HistoryWindow,
    ) -> anyhow::Result<Vec<Option<f64>>> {
        let options = [
            ("from", Some(from.to_string())),
            ("to", Some(to.to_string())),
            ("region", self.region.clone()),
            ("product", self.product.map(|product| product.to_string())),
            ("category", self.category.clone()),
        ];
        let options: Vec<_> = options
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let trend = client.answer("trend", &options).await?;
        let sales = trend
            .column("total_sales")
            .context("the trend has no column `total_sales`")?;
        Ok(trend.rows.iter().map(|day| day[sales].as_f64()).collect())
    }
}

fn show(job: &Job, progress: &mut ProgressLine) {
    if let Some(phase) = &job.progress.phase {
        progress.say(format!("Forecasting: {phase}"));
    }
    progress.set(0, None);
}

fn model(name: &str) -> Result<Model, String> {
    name.parse()
        .map_err(|error: ::forecast::ForecastError| error.to_string())
}

fn diffuse(name: &str) -> Result<Diffuse, String> {
    name.parse()
        .map_err(|error: ::forecast::ForecastError| error.to_string())
}

/// `N` whole numbers with commas between them.
fn numbers<const N: usize>(text: &str) -> Result<[usize; N], String> {
    let numbers: Result<Vec<usize>, _> = text.split(',').map(|number| number.trim().parse()).collect();
    numbers
        .ok()
        .and_then(|numbers| numbers.try_into().ok())
        .ok_or_else(|| format!("`{text}` is not {N} whole numbers with commas between them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_whole_numbers_with_commas() {
        assert_eq!(numbers::<3>("5,1,0"), Ok([5, 1, 0]));
        assert_eq!(numbers::<4>("0, 1, 1, 7"), Ok([0, 1, 1, 7]));
        assert!(numbers::<3>("5,1").is_err());
        assert!(numbers::<3>("5,1,x").is_err());
    }
}
