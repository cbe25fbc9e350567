//! Reads the reference values; `tests/fixtures/README.md` says what they are.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use forecast::{Series, Step};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct References {
    pub cases: Vec<Case>,
}

#[derive(Deserialize)]
pub(crate) struct Case {
    pub id: String,
    start: String,
    freq: String,
    pub season_length: usize,
    values: Vec<Option<f64>>,
    pub expected: BTreeMap<String, Value>,
    pub backtest: Option<Value>,
}

#[derive(Deserialize)]
pub(crate) struct ArimaReference {
    pub loglik: f64,
    pub aic: f64,
    pub aicc: f64,
    pub bic: f64,
    pub forecast: Vec<f64>,
    pub se: Vec<f64>,
    pub lo80: Vec<f64>,
    pub hi95: Vec<f64>,
    pub reference_quality: String,
    pub optimum_loglik: f64,
}

#[derive(Deserialize)]
pub(crate) struct Bounds {
    pub forecast: Vec<f64>,
    pub lo80: Vec<f64>,
    pub hi80: Vec<f64>,
    pub lo95: Vec<f64>,
    pub hi95: Vec<f64>,
}

pub(crate) static REFERENCES: LazyLock<References> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../fixtures/references.json")).expect("the fixture is valid JSON")
});

pub(crate) fn case(id: &str) -> &'static Case {
    REFERENCES
        .cases
        .iter()
        .find(|case| case.id == id)
        .expect("the fixture holds the case")
}

impl Case {
    pub(crate) fn series(&self) -> Series {
        let step = match self.freq.as_str() {
            "D" => Step::Day,
            "MS" => Step::Month,
            "YS" => Step::Year,
            other => panic!("unknown spacing {other}"),
        };
        Series::new(self.start.parse().unwrap(), step, self.values.clone()).unwrap()
    }

    pub(crate) fn expected<T: for<'de> Deserialize<'de>>(&self, name: &str) -> Option<T> {
        self.expected
            .get(name)
            .map(|value| serde_json::from_value(value.clone()).unwrap())
    }
}

/// `|a - b| / |b|`, and the plain difference where `b` is 0.
pub(crate) fn relative(a: f64, b: f64) -> f64 {
    if b == 0.0 {
        (a - b).abs()
    } else {
        ((a - b) / b).abs()
    }
}

pub(crate) fn worst(ours: impl IntoIterator<Item = f64>, theirs: &[f64]) -> f64 {
    ours.into_iter()
        .zip(theirs)
        .map(|(a, b)| relative(a, *b))
        .fold(0.0, f64::max)
}
