//! Whatever comes in: a finite answer or a named error, never a panic.

use forecast::{
    Diffuse, Forecast, ForecastError, Model, Params, Request, Series, Step, WarningCode, run, stop,
};
use jiff::civil::date;
use proptest::prelude::*;

fn series(values: Vec<Option<f64>>) -> Series {
    Series::new(date(2024, 1, 1), Step::Day, values).unwrap()
}

fn forecast(series: &Series, model: Model) -> Result<Forecast, ForecastError> {
    let request = Request {
        model,
        windows: 2,
        ..Request::default()
    };
    run(series, &request, stop::never())
}

/// The promise: as many points as asked, finite, with bounds in order around nothing but numbers.
fn assert_sound(result: Result<Forecast, ForecastError>, name: &str) {
    let forecast = match result {
        Ok(forecast) => forecast,
        Err(ForecastError::TooShort { .. } | ForecastError::Numerical { .. }) => return,
        Err(other) => panic!("{name}: {other}"),
    };
    assert_eq!(forecast.points.len(), 7, "{name}");
    for point in &forecast.points {
        assert!(point.value.is_finite(), "{name}: {point:?}");
        assert_eq!(point.intervals.len(), 2, "{name}");
        for bounds in &point.intervals {
            assert!(
                bounds.lower.is_finite() && bounds.upper.is_finite(),
                "{name}: {point:?}"
            );
            assert!(bounds.lower <= bounds.upper, "{name}: {point:?}");
        }
    }
    assert!(forecast.points.is_sorted_by_key(|point| point.date), "{name}");
}

/// Revenue with a weekend, a slow rise and noise, times `scale`.
fn revenue(days: u32, scale: f64) -> Vec<Option<f64>> {
    (0..days)
        .map(|day| {
            let weekend = if day % 7 > 4 { 180.0 } else { 0.0 };
            let noise = f64::from(day * 7_919 % 97);
            Some((1_000.0 + weekend + f64::from(day) + noise) * scale)
        })
        .collect()
}

fn cases() -> Vec<(&'static str, Vec<Option<f64>>)> {
    let mut gaps = revenue(90, 1.0);
    for day in (0..90).filter(|day| day % 5 == 1 || (40..52).contains(day)) {
        gaps[day] = None;
    }
    let mut outliers = revenue(90, 1.0);
    outliers[30] = Some(1e6);
    outliers[77] = Some(-1e6);
    let mut shift = revenue(90, 1.0);
    shift[45..]
        .iter_mut()
        .for_each(|value| *value = value.map(|v| v * 20.0));
    let closed = |day: usize, value| if day % 7 == 6 { Some(0.0) } else { value };
    let sundays = revenue(120, 1.0)
        .into_iter()
        .enumerate()
        .map(|(day, value)| closed(day, value))
        .collect();
    let trading = revenue(120, 1.0)
        .into_iter()
        .enumerate()
        .map(|(day, v)| v.filter(|_| day % 7 < 5))
        .collect();
    let negative = (0..90).map(|day| Some(f64::from(day % 13) - 6.5)).collect();
    let mut ends = revenue(60, 1.0);
    ends[..5].fill(None);
    ends[55..].fill(None);
    vec![
        ("one point", vec![Some(5.0)]),
        ("three points", revenue(3, 1.0)),
        ("eight points", revenue(8, 1.0)),
        ("constant", vec![Some(1_234.5); 60]),
        ("zeros", vec![Some(0.0); 60]),
        (
            "straight line",
            (0..60).map(|day| Some(f64::from(day) * 3.7)).collect(),
        ),
        (
            "alternating",
            (0..60).map(|day| Some(f64::from(day % 2))).collect(),
        ),
        (
            "one day out of line",
            (0..60)
                .map(|day| Some(if day == 30 { 1.0 } else { 0.0 }))
                .collect(),
        ),
        ("missing days", gaps),
        ("outliers", outliers),
        ("level shift", shift),
        ("closed sundays", sundays),
        ("trading days only", trading),
        ("negative days", negative),
        ("gaps at both ends", ends),
        ("1e9", revenue(90, 1e6)),
        ("1e-6", revenue(90, 1e-9)),
        ("1e300", revenue(90, 1e297)),
        ("1e-300", revenue(90, 1e-303)),
        (
            "level far above variation",
            (0..90).map(|day| Some(1e9 + f64::from(day * 31 % 17))).collect(),
        ),
        (
            "mostly unknown",
            (0..400)
                .map(|day| (day % 40 == 3).then_some(f64::from(day)))
                .collect(),
        ),
    ]
}

#[test]
fn degenerate_series_give_a_finite_answer_or_a_named_error() {
    for (name, values) in cases() {
        let series = series(values);
        for model in Model::ALL {
            assert_sound(forecast(&series, model), &format!("{name}, {model}"));
        }
        let mut request = Request {
            model: Model::Arima,
            ..Request::default()
        };
        request.params.diffuse = Diffuse::StatsmodelsDefault;
        assert_sound(
            run(&series, &request, stop::never()),
            &format!("{name}, statsmodels"),
        );
    }
}

#[test]
fn a_constant_goes_on_as_it_is_and_says_so() {
    for model in [
        Model::Arima,
        Model::Sarima,
        Model::AutoArima,
        Model::Prophet,
        Model::Ets,
        Model::Mstl,
    ] {
        let forecast = forecast(&series(vec![Some(1_234.5); 60]), model).unwrap();
        for point in &forecast.points {
            assert!((point.value - 1_234.5).abs() < 1e-3, "{model}: {point:?}");
        }
        assert!(
            forecast
                .warnings
                .iter()
                .any(|w| w.code == WarningCode::NoVariation),
            "{model}"
        );
    }
}

#[test]
fn a_choice_without_a_measure_is_explained_once_and_in_the_right_unit() {
    let short = forecast(&series(revenue(3, 1.0)), Model::Auto).unwrap();
    assert!(short.explanation.contains("too short"), "{}", short.explanation);
    assert!(
        short
            .warnings
            .iter()
            .all(|w| w.code != WarningCode::CandidateFailed),
        "{:?}",
        short.warnings
    );

    let constant = forecast(&series(vec![Some(7.0); 60]), Model::Auto).unwrap();
    assert!(
        constant.explanation.contains("mean absolute error is 0.00"),
        "{}",
        constant.explanation
    );
}

#[test]
fn a_straight_line_goes_on_straight() {
    let line: Vec<Option<f64>> = (0..60).map(|day| Some(f64::from(day) * 0.5 + 3.0)).collect();

    let forecast = forecast(&series(line), Model::Arima).unwrap();

    assert!((forecast.points[6].value - (66.0 * 0.5 + 3.0)).abs() < 1e-9);
    assert_eq!(forecast.fit.converged, Some(true));
}

#[test]
fn too_little_history_is_told_in_numbers() {
    let refusal = forecast(&series(revenue(12, 1.0)), Model::Arima).unwrap_err();

    assert_eq!(
        refusal.to_string(),
        "ARIMA(5,1,0) needs at least 20 known points, the series has 12"
    );
}

#[test]
fn an_order_out_of_range_is_refused_by_name() {
    let params = Params {
        order: Some([40, 1, 0]),
        ..Params::default()
    };
    let request = Request {
        model: Model::Arima,
        params,
        ..Request::default()
    };

    let refusal = run(&series(revenue(90, 1.0)), &request, stop::never()).unwrap_err();

    assert!(
        matches!(refusal, ForecastError::Request { field: "order", .. }),
        "{refusal}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn any_series_gives_a_finite_answer_or_a_named_error(
        values in proptest::collection::vec(
            proptest::option::weighted(0.85, prop_oneof![
                3 => -100.0..1_000.0_f64,
                1 => Just(0.0),
                1 => (-12..12_i32).prop_map(|power| 10.0_f64.powi(power)),
            ]),
            1..70,
        ),
        exponent in -300..300_i32,
        model in 0..Model::ALL.len(),
    ) {
        let scale = 10.0_f64.powi(exponent);
        let scaled: Vec<_> = values.iter().map(|value| value.map(|v| v * scale)).collect();
        if let Ok(series) = Series::new(date(2024, 1, 1), Step::Day, scaled) {
            assert_sound(forecast(&series, Model::ALL[model]), "any series");
        }
    }

    #[test]
    fn arima_of_any_order_is_sound(
        p in 0..4_usize, d in 0..3_usize, q in 0..3_usize,
        sp in 0..2_usize, sd in 0..2_usize, sq in 0..2_usize,
        seed in 0..1_000_u32,
    ) {
        let values = revenue(60, 1.0).into_iter().enumerate()
            .map(|(at, value)| value.map(|v| v + f64::from((u32::try_from(at).unwrap() * seed) % 211)))
            .collect();
        let params = Params {
            order: Some([p, d, q]),
            seasonal_order: Some([sp, sd, sq, 7]),
            ..Params::default()
        };
        let request = Request { model: Model::Arima, params, windows: 0, ..Request::default() };
        assert_sound(run(&series(values), &request, stop::never()), "any order");
    }
}
