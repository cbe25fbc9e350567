//! The sample data: ARIMA(5,1,0) on its November gives the published forecast.
//!
//! The sample was built to give these numbers, so this proves that the pieces fit together and nothing about
//! the quality of forecasts.

use forecast::arima;
use forecast::{Diffuse, Model, Order, Request, Series, Step, run, stop};
use jiff::civil::date;

use crate::references::worst;

/// Daily revenue of November 2023 in whole euros.
const NOVEMBER: [f64; 30] = [
    38948.0, 38721.0, 39452.0, 47299.0, 39454.0, 38316.0, 40948.0, 35839.0, 43825.0, 38318.0, 46621.0,
    39953.0, 35257.0, 37184.0, 36631.0, 41362.0, 39222.0, 44862.0, 49647.0, 38441.0, 51858.0, 51174.0,
    47729.0, 59940.0, 60918.0, 45266.0, 30725.0, 30304.0, 31811.0, 25653.0,
];

const PUBLISHED: [f64; 3] = [28_450.0, 29_120.0, 27_890.0];

fn november(factor: f64) -> Series {
    let values = NOVEMBER.iter().map(|value| Some(value * factor)).collect();
    Series::new(date(2023, 11, 1), Step::Day, values).unwrap()
}

#[test]
fn november_gives_the_published_forecast_within_one_percent() {
    for diffuse in [Diffuse::Concentrated, Diffuse::StatsmodelsDefault] {
        let mut request = Request {
            model: Model::Arima,
            ..Request::default()
        };
        request.params.diffuse = diffuse;

        let forecast = run(&november(1.0), &request, stop::never()).unwrap();

        assert_eq!(forecast.fit.label, "ARIMA(5,1,0)");
        assert_eq!(forecast.points[0].date, date(2023, 12, 1));
        let values = forecast.points.iter().map(|point| point.value);
        assert!(
            worst(values, &PUBLISHED) < 0.01,
            "{diffuse:?}: {:?}",
            forecast.points
        );
    }
}

#[test]
fn the_unit_of_the_data_does_not_matter() {
    let forecast = |factor: f64| {
        let fit = arima::fit(
            &november(factor),
            Order::new(5, 1, 0),
            Diffuse::Concentrated,
            stop::never(),
        )
        .unwrap();
        let ahead = fit.standard_errors(7).unwrap();
        ahead
            .iter()
            .flat_map(|(value, error)| [value / factor, error / factor])
            .collect::<Vec<_>>()
    };
    let euros = forecast(1.0);

    for factor in [100.0, 1e-3, 1e9, 1e-6] {
        assert!(worst(forecast(factor), &euros) < 1e-6, "times {factor}");
    }
}
