//! Prophet against Prophet.

use std::f64::consts::TAU;

use forecast::prophet::{self, HolidayCalendar, ProphetFit, ProphetOptions};
use forecast::{Fitted, Model, Params, Series, Step, WarningCode, stop};
use jiff::civil::{Date, date};
use serde::Deserialize;

use crate::references::{Case, REFERENCES, case};

#[derive(Deserialize)]
struct Reference {
    settings: Settings,
    yhat: Vec<f64>,
    trend: Vec<f64>,
    params: Parameters,
    lo80: Vec<f64>,
    hi80: Vec<f64>,
    lo95: Vec<f64>,
    hi95: Vec<f64>,
}

#[derive(Deserialize)]
struct Settings {
    weekly_seasonality: bool,
    yearly_seasonality: bool,
    n_changepoints: u32,
}

#[derive(Deserialize)]
struct Parameters {
    k: f64,
    m: f64,
    sigma_obs: f64,
    delta: Vec<f64>,
    beta: Vec<f64>,
    y_scale: f64,
}

/// The one series on which Python stops far short of the optimum: 9.1 in log-posterior. Its weekends never occur,
/// so the trend and the weekly season trade off, and the forecast of a Saturday rests on the prior alone.
const STOPPED_EARLY: &str = "prophet_example";

/// Each case that Prophet was run on, with its answer and our fit.
fn fits() -> impl Iterator<Item = (&'static Case, Reference, ProphetFit)> {
    REFERENCES.cases.iter().filter_map(|case| {
        let reference: Reference = case.expected("prophet")?;
        let options = ProphetOptions {
            weekly: Some(reference.settings.weekly_seasonality),
            yearly: Some(reference.settings.yearly_seasonality),
            changepoints: reference.settings.n_changepoints,
            samples: 20_000,
            ..ProphetOptions::default()
        };
        let fit = prophet::fit(&case.series(), &options, stop::never()).unwrap();
        Some((case, reference, fit))
    })
}

fn mean_level(series: &Series) -> f64 {
    let known: Vec<f64> = series
        .values()
        .iter()
        .flatten()
        .map(|value| value.abs())
        .collect();
    known.iter().sum::<f64>() / f64::from(u32::try_from(known.len()).unwrap())
}

fn days(date: Date) -> f64 {
    f64::from(i32::try_from(jiff::civil::date(1970, 1, 1).duration_until(date).as_hours() / 24).unwrap())
}

/// Prophet's log-posterior without constants, at Python's parameters, written a second time.
fn log_posterior(series: &Series, reference: &Reference) -> f64 {
    let Parameters {
        k,
        m,
        sigma_obs: sigma,
        delta,
        beta,
        y_scale,
    } = &reference.params;
    let known: Vec<(f64, f64)> = series
        .values()
        .iter()
        .enumerate()
        .filter_map(|(at, value)| Some((days(series.date(at).unwrap()), value.as_ref()? / y_scale)))
        .collect();
    let (first, last) = (known[0].0, known[known.len() - 1].0);
    let clock = |day: f64| (day - first) / (last - first);
    let history = f64::from(u32::try_from(known.len()).unwrap());
    let reach = (history * 0.8).floor() - 1.0;
    let changepoints: Vec<f64> = (1..=delta.len())
        .map(|at| {
            let share =
                f64::from(u32::try_from(at).unwrap()) / f64::from(u32::try_from(delta.len()).unwrap());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
            let index = (share * reach).round_ties_even() as usize;
            clock(known[index].0)
        })
        .collect();
    let mut terms: Vec<(f64, u32)> = Vec::new();
    if reference.settings.yearly_seasonality {
        terms.extend((1..=10).map(|order| (365.25, order)));
    }
    if reference.settings.weekly_seasonality {
        terms.extend((1..=3).map(|order| (7.0, order)));
    }
    let mut squares = 0.0;
    for (day, y) in &known {
        let t = clock(*day);
        let mut value = k * t + m;
        value += changepoints
            .iter()
            .zip(delta)
            .map(|(at, delta)| delta * (t - at).max(0.0))
            .sum::<f64>();
        for ((period, order), beta) in terms.iter().zip(beta.chunks(2)) {
            let angle = TAU * f64::from(*order) * day / period;
            value += angle.sin() * beta[0] + angle.cos() * beta[1];
        }
        squares += (y - value).powi(2);
    }
    let priors = 0.5 * (k / 5.0).powi(2)
        + 0.5 * (m / 5.0).powi(2)
        + delta.iter().map(|delta| delta.abs()).sum::<f64>() / 0.05
        + 0.5 * (sigma / 0.5).powi(2)
        + 0.5 * beta.iter().map(|beta| (beta / 10.0).powi(2)).sum::<f64>();
    -(priors + history * sigma.ln() + 0.5 * squares / (sigma * sigma))
}

#[test]
fn forecasts_agree_with_python_within_half_a_percent_of_the_level() {
    let mut misses = Vec::new();
    for (case, reference, fit) in fits().filter(|(case, ..)| case.id != STOPPED_EARLY) {
        let level = mean_level(&case.series());
        let prediction = fit.predict(7, &[], 0, stop::never()).unwrap();
        let trend = fit.components(7).unwrap().trend;
        for (at, (ours, theirs)) in prediction.values.iter().zip(&reference.yhat).enumerate() {
            let off = (ours - theirs).abs() / level;
            let trend_off = (trend[at] - reference.trend[at]).abs() / level;
            if off > 5e-3 {
                misses.push(format!(
                    "{} step {}: {off:.1e}, trend {trend_off:.1e}",
                    case.id,
                    at + 1
                ));
            }
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn where_python_stops_early_ours_is_the_better_posterior_and_weekdays_stay_close() {
    let (case, reference, fit) = fits().find(|(case, ..)| case.id == STOPPED_EARLY).unwrap();
    let series = case.series();
    let level = mean_level(&series);

    let ahead = fit.predict(7, &[], 0, stop::never()).unwrap().values;

    assert!(fit.log_posterior() - log_posterior(&series, &reference) > 9.0);
    assert!(
        fit.warnings()
            .iter()
            .any(|warning| warning.code == WarningCode::UnseenWeekday)
    );
    // Saturday and Sunday come first.
    for (ours, theirs) in ahead.iter().zip(&reference.yhat).skip(2) {
        assert!((ours - theirs).abs() / level < 2e-2, "{ours} and {theirs}");
    }
}

#[test]
fn no_posterior_ends_below_pythons() {
    let mut rows = Vec::new();
    for (case, reference, fit) in fits() {
        let theirs = log_posterior(&case.series(), &reference);
        rows.push((case.id.clone(), fit.log_posterior() - theirs));
    }
    let low: Vec<_> = rows
        .iter()
        .filter(|(_, gain)| *gain < -0.05 || gain.is_nan())
        .collect();

    assert!(low.is_empty(), "{low:?} of {rows:?}");
    // A gain beyond what an optimizer may leave would mean that the two posteriors differ.
    assert!(rows.iter().all(|(_, gain)| *gain < 10.0), "{rows:?}");
}

#[test]
fn interval_widths_agree_with_python_within_five_percent() {
    let mut misses = Vec::new();
    for (case, reference, fit) in fits() {
        let prediction = fit.predict(7, &[80.0, 95.0], 11, stop::never()).unwrap();
        for (at, bounds) in prediction.intervals.iter().enumerate() {
            let theirs = [
                reference.hi80[at] - reference.lo80[at],
                reference.hi95[at] - reference.lo95[at],
            ];
            for (ours, theirs) in bounds.iter().zip(theirs) {
                let ratio = (ours.upper - ours.lower) / theirs;
                if (ratio - 1.0).abs() > 0.05 {
                    misses.push(format!(
                        "{} step {} level {}: {ratio:.3}",
                        case.id,
                        at + 1,
                        ours.level
                    ));
                }
            }
        }
    }
    assert!(misses.is_empty(), "{}", misses.join("\n"));
}

#[test]
fn the_seed_decides_the_intervals_and_nothing_else_does() {
    let series = case("rev730").series();
    let params = Params {
        prophet: ProphetOptions {
            samples: 200,
            holidays: Some(HolidayCalendar::France),
            ..ProphetOptions::default()
        },
        ..Params::default()
    };
    let predict = |seed| {
        let fit = Model::Prophet.fit(&series, &params, stop::never()).unwrap();
        fit.predict(14, &[80.0, 95.0], seed, stop::never()).unwrap()
    };

    // Hash maps order the features anew in each fit, so three fits are three orders.
    assert_eq!(predict(1), predict(1));
    assert_eq!(predict(1), predict(1));
    assert_eq!(predict(1).values, predict(2).values);
    assert_ne!(predict(1).intervals, predict(2).intervals);
}

#[test]
fn a_public_holiday_that_halves_revenue_is_learnt() {
    let start = date(2021, 1, 1);
    let values = (0..1_095)
        .map(|at| {
            let day = start.saturating_add(jiff::ToSpan::days(at));
            let closed = prophet::french_holidays(day.year())
                .iter()
                .any(|(_, holiday)| *holiday == day);
            Some(if closed { 500.0 } else { 1_000.0 })
        })
        .collect();
    let series = Series::new(start, Step::Day, values).unwrap();
    let options = ProphetOptions {
        holidays: Some(HolidayCalendar::France),
        yearly: Some(false),
        ..ProphetOptions::default()
    };

    let fit = prophet::fit(&series, &options, stop::never()).unwrap();

    let ahead = fit.predict(7, &[], 0, stop::never()).unwrap().values;
    assert!((ahead[0] - 500.0).abs() < 20.0, "New Year's Day: {}", ahead[0]);
    assert!((ahead[1] - 1_000.0).abs() < 20.0, "the day after: {}", ahead[1]);
}
