//! Prints how well each model forecasts the public series: rolling backtests of 4 windows of 7 steps.
//!
//! ```sh
//! cargo run --release -p forecast --example quality
//! ```
//!
//! MASE is the mean absolute error over the mean seasonal step of the training part: below 1 a model beats the
//! average step from one season to the next. Coverage is how often the actual value lay within the interval.

use std::error::Error;
use std::io::{self, Write};

use forecast::{Model, Params, Plan, Request, Series, Step, backtest, run, stop};
use serde_json::Value;

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

fn main() -> Result<(), Box<dyn Error>> {
    let references: Value = serde_json::from_str(include_str!("../tests/fixtures/references.json"))?;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "MASE, mean of 4 windows of 7 steps; * is what `auto` picks\n"
    )?;
    let names: Vec<String> = MODELS
        .iter()
        .map(|model| format!("{:>15}", model.name()))
        .collect();
    writeln!(out, "{:<24}{}", "series", names.concat())?;
    let mut coverage = vec![Vec::new(); MODELS.len()];
    for case in references["cases"].as_array().into_iter().flatten() {
        let Some((id, series, period)) = read(case) else {
            continue;
        };
        let params = Params {
            period: Some(period),
            ..Params::default()
        };
        let plan = Plan {
            horizon: 7,
            windows: 4,
            levels: &[80.0, 95.0],
            params: &params,
            seed: 0,
        };
        let request = Request {
            params: params.clone(),
            ..Request::default()
        };
        let chosen = run(&series, &request, stop::never())?.model;
        write!(out, "{id:<24}")?;
        for (at, model) in MODELS.into_iter().enumerate() {
            match backtest(&series, model, &plan, stop::never()) {
                Ok(measured) => {
                    let mark = if model == chosen { "*" } else { " " };
                    write!(out, "{:>14.3}{mark}", measured.mean.mase.unwrap_or(f64::NAN))?;
                    coverage[at].push(measured.mean.coverage);
                }
                Err(_) => write!(out, "{:>14} ", "-")?,
            }
        }
        writeln!(out)?;
    }
    for (at, level) in [80, 95].into_iter().enumerate() {
        write!(out, "{:<24}", format!("coverage of {level} %"))?;
        for rows in &coverage {
            let shares: Vec<f64> = rows.iter().filter_map(|row| Some(row.get(at)?.share)).collect();
            let count = f64::from(u32::try_from(shares.len())?);
            write!(out, "{:>13.0}% ", 100.0 * shares.iter().sum::<f64>() / count)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn read(case: &Value) -> Option<(&str, Series, usize)> {
    let step = match case["freq"].as_str()? {
        "MS" => Step::Month,
        "YS" => Step::Year,
        _ => Step::Day,
    };
    let values = case["values"].as_array()?.iter().map(Value::as_f64).collect();
    let series = Series::new(case["start"].as_str()?.parse().ok()?, step, values).ok()?;
    Some((
        case["id"].as_str()?,
        series,
        usize::try_from(case["season_length"].as_u64()?).ok()?,
    ))
}
