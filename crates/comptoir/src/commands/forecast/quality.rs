//! `comptoir forecast quality`: how well each model forecasts public series.
//!
//! The series are those that the crate `forecast` is held against; its README of fixtures names their origin.

use crate::outcome::Outcome;
use crate::output::{self, Format};
use crate::progress::{ProgressLine, Unit};
use ::forecast::{Model, Params, Plan, Request, Series, Step, backtest, run, stop};
use anyhow::Context as _;
use clap::Args;
use serde::Deserialize;
use std::io;

const SERIES: &str = include_str!("../../../../forecast/tests/fixtures/references.json");

/// Every model, simplest first.
const MODELS: [Model; 8] = [
    Model::SeasonalNaive,
    Model::Naive,
    Model::Ets,
    Model::Mstl,
    Model::Arima,
    Model::Sarima,
    Model::AutoArima,
    Model::Prophet,
];

/// Steps in each window, and windows.
const HORIZON: usize = 7;
const WINDOWS: usize = 4;
const LEVELS: [f64; 2] = [80.0, 95.0];

/// Measure every model on public series: rolling backtests, no service needed.
///
/// Each model forecasts the last 4 windows of 7 steps from what was before them. MASE is its mean absolute error
/// over the mean step from one season to the next: below 1 it beats that step. `*` is what `auto` takes.
/// Coverage is how often the actual value lay within the interval.
#[derive(Debug, Args)]
pub(super) struct Quality {
    /// The form of the answer; a table on a terminal, CSV elsewhere.
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Deserialize)]
struct References {
    cases: Vec<Case>,
}

/// A public series.
#[derive(Deserialize)]
struct Case {
    id: String,
    start: String,
    freq: String,
    season_length: usize,
    values: Vec<Option<f64>>,
}

/// The measurements of one series.
struct Row {
    id: String,
    chosen: Model,
    /// For each of [`MODELS`]: its MASE, and the share within each of [`LEVELS`]; none when it cannot be fitted.
    measured: Vec<Option<(Option<f64>, Vec<f64>)>>,
}

impl Quality {
    /// Prints the table.
    pub(super) fn run(self) -> anyhow::Result<Outcome> {
        let references: References = serde_json::from_str(SERIES).context("read the public series")?;
        let total = references.cases.len() as u64;
        let mut progress = ProgressLine::start("Measuring", Unit::Models);
        let mut rows = Vec::new();
        for (done, case) in (0..).zip(references.cases) {
            progress.set(done, Some(total));
            rows.push(measure(case)?);
        }
        drop(progress);
        match Format::or_default(self.format) {
            Format::Table => print_table(&rows)?,
            Format::Csv => print_csv(&rows)?,
            Format::Json => print_json(&rows)?,
        }
        Ok(Outcome::Done)
    }
}

fn measure(case: Case) -> anyhow::Result<Row> {
    let step = match case.freq.as_str() {
        "MS" => Step::Month,
        "YS" => Step::Year,
        _ => Step::Day,
    };
    let series = Series::new(case.start.parse()?, step, case.values)?;
    let params = Params {
        period: Some(case.season_length),
        ..Params::default()
    };
    let plan = Plan {
        horizon: HORIZON,
        windows: WINDOWS,
        levels: &LEVELS,
        params: &params,
        seed: 0,
    };
    let request = Request {
        params: params.clone(),
        ..Request::default()
    };
    let measured = MODELS.map(|model| {
        let mean = backtest(&series, model, &plan, stop::never()).ok()?.mean;
        let shares = mean.coverage.iter().map(|coverage| coverage.share).collect();
        Some((mean.mase, shares))
    });
    Ok(Row {
        id: case.id,
        chosen: run(&series, &request, stop::never())?.model,
        measured: measured.into(),
    })
}

/// The mean share within the interval `level` (its index) of each model.
fn coverage(rows: &[Row], level: usize) -> Vec<f64> {
    (0..MODELS.len())
        .map(|model| {
            let shares = rows
                .iter()
                .filter_map(|row| row.measured[model].as_ref()?.1.get(level).copied());
            let (sum, count) = shares.fold((0.0, 0_u32), |(sum, count), share| (sum + share, count + 1));
            sum / f64::from(count.max(1))
        })
        .collect()
}

fn heads(first: &str) -> Vec<String> {
    let names = MODELS.iter().map(|model| model.name().to_owned());
    std::iter::once(first.to_owned()).chain(names).collect()
}

fn print_table(rows: &[Row]) -> io::Result<()> {
    output::print(format_args!(
        "MASE, mean of {WINDOWS} windows of {HORIZON} steps; * is what auto takes"
    ))?;
    let mases = rows.iter().map(|row| {
        let cells = MODELS.iter().zip(&row.measured).map(|(model, measured)| {
            let mark = if *model == row.chosen { "*" } else { "" };
            match measured {
                Some((Some(mase), _)) => format!("{mase:.3}{mark}"),
                Some((None, _)) => format!("?{mark}"),
                None => "–".to_owned(),
            }
        });
        std::iter::once(row.id.clone()).chain(cells).collect()
    });
    let shares = LEVELS.iter().enumerate().map(|(at, level)| {
        let cells = coverage(rows, at)
            .into_iter()
            .map(|share| format!("{:.0} %", 100.0 * share));
        std::iter::once(format!("coverage of {level} %"))
            .chain(cells)
            .collect()
    });
    let is_number: Vec<bool> = (0..=MODELS.len()).map(|column| column > 0).collect();
    output::print(output::table(&heads("series"), &is_number, mases.chain(shares)))
}

fn print_csv(rows: &[Row]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(io::stdout().lock());
    writer.write_record(["series", "model", "mase", "coverage_80", "coverage_95", "chosen"])?;
    for row in rows {
        for (model, measured) in MODELS.iter().zip(&row.measured) {
            let Some((mase, shares)) = measured else { continue };
            let share = |at: usize| shares.get(at).map(f64::to_string).unwrap_or_default();
            writer.write_record([
                row.id.clone(),
                model.to_string(),
                mase.map(|mase| mase.to_string()).unwrap_or_default(),
                share(0),
                share(1),
                (*model == row.chosen).to_string(),
            ])?;
        }
    }
    writer.flush()?;
    Ok(())
}

fn print_json(rows: &[Row]) -> io::Result<()> {
    let rows: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let models: Vec<_> = MODELS
                .iter()
                .zip(&row.measured)
                .filter_map(|(model, measured)| {
                    let (mase, shares) = measured.as_ref()?;
                    Some(serde_json::json!({ "model": model, "mase": mase, "coverage": shares }))
                })
                .collect();
            serde_json::json!({ "series": row.id, "chosen": row.chosen, "models": models })
        })
        .collect();
    output::print(serde_json::Value::from(rows))
}
