//! What a forecast looks like: a table with a sparkline for people, CSV or JSON for programs.

use crate::output::{self, Format, grouped};
use ::forecast::{Forecast, Interval, Metrics, Point, Series};
use anyhow::Context as _;
use bytes::Bytes;
use script_client::script_api::{
    ForecastInterval, ForecastMetrics, ForecastPoint, ForecastRun, HistoryWindow, IntervalCoverage,
};
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Characters of a sparkline, lowest first.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// How many days a sparkline shows at most.
const SPARKLINE_DAYS: usize = 72;

/// A forecast in every form.
#[derive(Debug)]
pub(super) struct ForecastReport {
    shown: Shown,
    json: Bytes,
    csv: Bytes,
    /// The days before the forecast, oldest first.
    pub(super) history: Vec<Option<f64>>,
}

/// The parts of a forecast that a table shows.
#[derive(Debug)]
struct Shown {
    label: String,
    points: Vec<ForecastPoint>,
    /// In words.
    warnings: Vec<String>,
    metrics: Option<ForecastMetrics>,
    explanation: String,
    notes: Vec<String>,
    /// None when nobody knows.
    unit: Option<String>,
    window: HistoryWindow,
}

impl ForecastReport {
    /// The forecast of `series` that was made here.
    pub(super) fn of_file(forecast: Forecast, series: &Series) -> anyhow::Result<Self> {
        let mut json = serde_json::to_vec(&forecast)?;
        json.push(b'\n');
        let points: Vec<ForecastPoint> = forecast.points.into_iter().map(point).collect();
        Ok(Self {
            json: json.into(),
            csv: csv_of(&points)?.into(),
            history: series.values().to_vec(),
            shown: Shown {
                label: forecast.fit.label,
                points,
                warnings: forecast
                    .warnings
                    .into_iter()
                    .map(|warning| warning.detail)
                    .collect(),
                metrics: forecast.metrics.map(metrics),
                explanation: forecast.explanation,
                notes: Vec::new(),
                unit: None,
                window: HistoryWindow {
                    from: series.start(),
                    to: series.date(series.len() - 1)?,
                },
            },
        })
    }

    /// The forecast that script-service answered in both forms.
    pub(super) fn of_services(json: &Bytes, csv: Bytes) -> anyhow::Result<Self> {
        let run: ForecastRun = serde_json::from_slice(json).context("read the answer of script-service")?;
        Ok(Self {
            shown: Shown {
                label: run.label,
                points: run.points.unwrap_or_default(),
                warnings: run.warnings.into_iter().map(|warning| warning.detail).collect(),
                metrics: run.metrics,
                explanation: run.explanation,
                notes: run.notes,
                unit: Some(run.unit),
                window: run.window,
            },
            json: [json.as_ref(), b"\n"].concat().into(),
            csv,
            history: Vec::new(),
        })
    }

    /// The days of the history.
    pub(super) fn window(&self) -> HistoryWindow {
        self.shown.window
    }
}

/// A day that was forecast here as script-service says it.
fn point(of_file: Point) -> ForecastPoint {
    let interval = |Interval { level, lower, upper }| ForecastInterval { level, lower, upper };
    ForecastPoint {
        date: of_file.date,
        value: of_file.value,
        intervals: of_file.intervals.into_iter().map(interval).collect(),
    }
}

/// Accuracy that was measured here as script-service says it.
fn metrics(of_file: Metrics) -> ForecastMetrics {
    let coverage = of_file.coverage.into_iter().map(|within| IntervalCoverage {
        level: within.level,
        share: within.share,
        mean_width: within.mean_width,
    });
    ForecastMetrics {
        mae: of_file.mae,
        rmse: of_file.rmse,
        smape: of_file.smape,
        mase: of_file.mase,
        coverage: coverage.collect(),
        windows: of_file.windows,
    }
}

/// Where a forecast goes, and in which form.
#[derive(Debug)]
pub(super) struct Written {
    out: Option<PathBuf>,
    format: Format,
}

impl Written {
    /// Into the file `out`, or to standard output; without a form in the one that suits the place.
    pub(super) fn new(out: Option<PathBuf>, format: Option<Format>) -> Self {
        let format = match &out {
            None => Format::or_default(format),
            Some(path) => format.unwrap_or_else(|| {
                let is_json = path.extension().is_some_and(|extension| extension == "json");
                if is_json { Format::Json } else { Format::Csv }
            }),
        };
        Self { out, format }
    }

    /// Whether the days before the forecast are shown.
    pub(super) fn needs_history(&self) -> bool {
        self.format == Format::Table
    }

    /// Writes `answer` there.
    pub(super) fn write(&self, answer: &ForecastReport) -> anyhow::Result<()> {
        self.warn(answer);
        let text;
        let bytes: &[u8] = match self.format {
            Format::Csv => &answer.csv,
            Format::Json => &answer.json,
            Format::Table => {
                text = table(answer);
                text.as_bytes()
            }
        };
        if let Some(path) = &self.out {
            return std::fs::write(path, bytes).with_context(|| format!("write {}", path.display()));
        }
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.flush()?;
        Ok(())
    }

    /// What a reader of the file or of plain CSV would otherwise not learn.
    fn warn(&self, answer: &ForecastReport) {
        if self.out.is_some() || self.format == Format::Csv {
            for warning in &answer.shown.warnings {
                eprintln!("Warning: {warning}.");
            }
        }
    }
}

fn table(answer: &ForecastReport) -> String {
    let Shown {
        label,
        points,
        warnings,
        metrics,
        explanation,
        notes,
        unit,
        window,
    } = &answer.shown;
    let mut lines = Vec::new();
    lines.push(format!(
        "{label}, from the history of {} to {}",
        window.from, window.to
    ));
    let values: Vec<Option<f64>> = points.iter().map(|point| Some(point.value)).collect();
    if !answer.history.is_empty() {
        lines.push(sparkline(&answer.history, &values));
    }
    let with_unit = |name: &str| match unit {
        Some(unit) => format!("{name} ({unit})"),
        None => name.to_owned(),
    };
    let mut heads = vec!["date".to_owned(), with_unit("value")];
    for ForecastInterval { level, .. } in points.first().map_or(&[][..], |point| &point.intervals) {
        heads.extend([format!("lower {level} %"), format!("upper {level} %")]);
    }
    let is_number: Vec<bool> = (0..heads.len()).map(|column| column > 0).collect();
    let decimals = decimals_for(points);
    let rows = points.iter().map(|point| {
        let mut row = vec![point.date.to_string(), grouped(point.value, decimals)];
        for ForecastInterval { lower, upper, .. } in &point.intervals {
            row.extend([grouped(*lower, decimals), grouped(*upper, decimals)]);
        }
        row
    });
    lines.push(output::table(&heads, &is_number, rows).to_string());
    lines.push(explanation.clone());
    lines.extend(metrics.as_ref().map(|metrics| in_words(metrics, decimals)));
    lines.extend(warnings.iter().map(|warning| format!("Warning: {warning}.")));
    lines.extend(notes.iter().cloned());
    lines.push(String::new());
    lines.join("\n")
}

/// Two decimals, or as many as show four digits of small values; at most 12.
fn decimals_for(points: &[ForecastPoint]) -> usize {
    let mut largest = points
        .iter()
        .fold(0.0_f64, |largest, point| largest.max(point.value.abs()));
    let mut decimals = 2;
    while largest > 0.0 && largest < 10.0 && decimals < 12 {
        largest *= 10.0;
        decimals += 1;
    }
    decimals
}

fn in_words(metrics: &ForecastMetrics, decimals: usize) -> String {
    let mut text = format!(
        "Over the last {} windows: MAE {}, RMSE {}, sMAPE {:.1} %",
        metrics.windows,
        grouped(metrics.mae, decimals),
        grouped(metrics.rmse, decimals),
        metrics.smape
    );
    if let Some(mase) = metrics.mase {
        let _ = write!(text, ", MASE {mase:.2}"); // a String takes every write
    }
    for coverage in &metrics.coverage {
        let (share, level) = (100.0 * coverage.share, coverage.level);
        let _ = write!(text, ", {share:.0} % within the {level} % interval");
    }
    text.push('.');
    text
}

/// The last days of `history`, a line, and the forecast, each day as a bar.
fn sparkline(history: &[Option<f64>], forecast: &[Option<f64>]) -> String {
    let forecast = &forecast[..forecast.len().min(SPARKLINE_DAYS / 2)];
    let history = &history[history.len().saturating_sub(SPARKLINE_DAYS - forecast.len())..];
    let values = || history.iter().chain(forecast).flatten();
    let lowest = values().fold(f64::INFINITY, |lowest, value| lowest.min(*value));
    let highest = values().fold(f64::NEG_INFINITY, |highest, value| highest.max(*value));
    let bar = |value: &Option<f64>| match value {
        None => ' ',
        Some(value) if highest > lowest => {
            let share = (value - lowest) / (highest - lowest);
            let reached = |step: u8| share >= f64::from(step) / 8.0;
            let steps = (1..8).filter(|step| reached(*step)).count();
            BARS[steps]
        }
        Some(_) => BARS[3],
    };
    let past: String = history.iter().map(bar).collect();
    let future: String = forecast.iter().map(bar).collect();
    format!("{past}│{future}")
}

fn csv_of(points: &[ForecastPoint]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let mut head = vec!["date".to_owned(), "value".to_owned()];
    for ForecastInterval { level, .. } in points.first().map_or(&[][..], |point| &point.intervals) {
        head.extend([format!("lower_{level}"), format!("upper_{level}")]);
    }
    writer.write_record(&head)?;
    for point in points {
        let mut record = vec![point.date.to_string(), point.value.to_string()];
        for ForecastInterval { lower, upper, .. } in &point.intervals {
            record.extend([lower.to_string(), upper.to_string()]);
        }
        writer.write_record(&record)?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;

    #[test]
    fn small_values_show_four_digits() {
        let of = |value| {
            decimals_for(&[ForecastPoint {
                date: Date::MIN,
                value,
                intervals: Vec::new(),
            }])
        };

        assert_eq!([of(0.0), of(-28_450.0), of(10.0)], [2, 2, 2]);
        assert_eq!([of(3.0), of(0.5), of(1.16e-6), of(1e-300)], [3, 4, 9, 12]);
    }

    #[test]
    fn a_sparkline_has_a_bar_a_day_and_leaves_gaps_open() {
        let history = [Some(0.0), None, Some(8.0), Some(4.0)];

        assert_eq!(sparkline(&history, &[Some(2.0)]), "▁ █▅│▃");
        assert_eq!(sparkline(&[Some(1.0)], &[Some(1.0)]), "▄│▄");
        let long = sparkline(&vec![Some(1.0); 500], &vec![Some(2.0); 400]);
        assert_eq!(long.chars().count(), SPARKLINE_DAYS + 1);
    }
}
