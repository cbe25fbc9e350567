//! A progress bar for work that takes longer than a second: one line, whatever the width of the terminal.

use crate::output::count;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{self, Write as _};
use std::time::{Duration, Instant};

/// Work that is done sooner shows no bar.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// The line is written anew at most this often.
const DRAWN_EVERY: Duration = Duration::from_millis(50);
/// A rate over less time than this says nothing.
const RATE_AFTER: Duration = Duration::from_millis(500);
/// The bar is at least so wide, in characters; texts are shortened for it.
const LEAST_BAR: usize = 10;
/// How wide a terminal is that does not say.
const USUAL_COLUMNS: u16 = 80;

/// What the bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes, shown in KiB or MiB.
    Bytes,
    /// Rows.
    Rows,
    /// Models.
    Models,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Step {
    /// How much is done, in the unit of the bar.
    pub(crate) position: u64,
    /// How much there is, where it is known.
    pub(crate) total: Option<u64>,
    /// How much is done in a second, where somebody knows better than the bar, which takes the mean.
    pub(crate) per_second: Option<u64>,
    /// How many bytes are read, and how many there are, where the bar counts something else.
    pub(crate) bytes: Option<(u64, u64)>,
}

/// A progress bar on standard error; nothing is shown when that is no terminal.
pub(crate) struct ProgressLine {
    what: String,
    unit: Unit,
    started: Instant,
    /// When the current phase began, and where: rates are means since then.
    phase: Option<(Instant, u64)>,
    last: Step,
    drawn: Option<Instant>,
    bar: Option<ProgressBar>,
}

impl ProgressLine {
    /// Work begins now.
    pub(crate) fn start(what: impl Into<String>, unit: Unit) -> Self {
        Self {
            what: what.into(),
            unit,
            started: Instant::now(),
            phase: None,
            last: Step::default(),
            drawn: None,
            bar: None,
        }
    }

    /// What is done now.
    pub(crate) fn say(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.what != what {
            self.what = what;
            self.phase = None;
            self.drawn = None;
        }
    }

    /// What is counted from now on.
    pub(crate) fn count(&mut self, unit: Unit) {
        if self.unit != unit {
            self.unit = unit;
            self.phase = None;
            self.drawn = None;
        }
    }

    /// How far the work is; `total` where it is known.
    pub(crate) fn set(&mut self, position: u64, total: Option<u64>) {
        self.show(Step {
            position,
            total,
            ..Step::default()
        });
    }

    /// How far the work is, with all that is known about it.
    pub(crate) fn show(&mut self, step: Step) {
        if self.drawn.is_some_and(|drawn| drawn.elapsed() < DRAWN_EVERY) {
            return;
        }
        self.drawn = Some(Instant::now());
        if step.position < self.last.position {
            self.phase = None;
        }
        self.last = step;
        let (began, from) = *self.phase.get_or_insert_with(|| (Instant::now(), step.position));
        if self.bar.is_none() && self.started.elapsed() < SHOWN_AFTER {
            return;
        }
        let per_second = step
            .per_second
            .or_else(|| mean(step.position - from, began.elapsed()));
        let details = details(self.unit, step, per_second, self.started.elapsed());
        let (what, details) = fitted(&self.what, &details, columns());
        let bar = self
            .bar
            .get_or_insert_with(|| ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()));
        // Text and position go together, so that no frame shows the one without the other.
        bar.set_style(style(&what, &details, step.total.is_some()));
        bar.update(|state| {
            state.set_len(step.total.unwrap_or_default());
            state.set_pos(step.position);
        });
    }

    /// The work stands where it stood.
    pub(crate) fn stand(&mut self) {
        self.show(Step {
            per_second: None,
            ..self.last
        });
    }

    /// A line on standard error for good, above the bar; also where no bar is shown.
    pub(crate) fn tell(&self, line: &str) {
        // Nobody is left to be told when standard error is closed.
        let write = || drop(writeln!(io::stderr(), "{line}"));
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(what: &str, details: &str, total_is_known: bool) -> ProgressStyle {
    let [what, details] = [what, details].map(|text| text.replace('{', "{{").replace('}', "}}"));
    let template = if total_is_known {
        format!("{what} [{{wide_bar}}] {details}")
    } else {
        format!("{what} {{spinner}} {details}")
    };
    ProgressStyle::with_template(&template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// How many columns standard error has.
fn columns() -> usize {
    let size = console::Term::stderr().size_checked();
    usize::from(size.map_or(USUAL_COLUMNS, |(_, columns)| columns))
}

/// How much was done in a second when `done` took `took`; `None` while that is too early to say.
fn mean(done: u64, took: Duration) -> Option<u64> {
    let took_ms = u64::try_from(took.as_millis()).ok()?;
    (took >= RATE_AFTER).then(|| done.saturating_mul(1_000) / took_ms)
}

/// What stands beside the bar, from all that can be said to the least.
fn details(unit: Unit, step: Step, per_second: Option<u64>, elapsed: Duration) -> Vec<String> {
    let position = step.position;
    let percent = step
        .total
        .filter(|total| *total > 0)
        .map(|total| format!("{} %", position.min(total).saturating_mul(100) / total));
    let amount = match (unit, step.total) {
        (Unit::Bytes, Some(total)) => Some(bytes_of(position, total)),
        (Unit::Bytes, None) => Some(bytes(position)),
        (Unit::Rows, Some(total)) => Some(format!("{} of {} rows", count(position), count(total))),
        (Unit::Rows, None) => Some(format!("{} rows", count(position))),
        (Unit::Models, Some(total)) => Some(format!("{position} of {total} models")),
        (Unit::Models, None) => None,
    };
    let rate = per_second.filter(|rate| *rate > 0).and_then(|rate| match unit {
        Unit::Bytes => Some(format!("{}/s", bytes(rate))),
        Unit::Rows => Some(format!("{} rows/s", count(rate))),
        Unit::Models => None,
    });
    let time = match (unit, step.total, per_second) {
        (Unit::Bytes | Unit::Rows, Some(total), Some(rate)) if rate > 0 => {
            let left = Duration::from_secs(total.saturating_sub(position).div_ceil(rate));
            Some(format!("{} left", duration(left)))
        }
        (Unit::Bytes | Unit::Rows, Some(_), _) => None,
        (Unit::Models, _, _) | (_, None, _) => Some(duration(elapsed)),
    };
    let read = step.bytes.map(|(done, total)| bytes_of(done, total));
    let parts = |parts: &[&Option<String>]| {
        let parts: Vec<&str> = parts.iter().filter_map(|part| part.as_deref()).collect();
        let text = parts.join(", ");
        match &percent {
            Some(percent) if text.is_empty() => percent.clone(),
            Some(percent) => format!("{percent}, {text}"),
            None => text,
        }
    };
    vec![
        parts(&[&read, &amount, &rate, &time]),
        parts(&[&amount, &rate, &time]),
        parts(&[&rate, &time]),
        parts(&[&time]),
        parts(&[]),
    ]
}

/// `what` and the longest of `details` that leave room for a bar in a terminal of `columns` columns.
fn fitted(what: &str, details: &[String], columns: usize) -> (String, String) {
    // Two blanks, two brackets, and the last column, in which some terminals wrap.
    let room = columns.saturating_sub(LEAST_BAR + 5);
    let what_width = console::measure_text_width(what);
    let fits = |detail: &&String| what_width + console::measure_text_width(detail) <= room;
    let detail = details.iter().find(fits).or(details.last());
    let detail = detail.cloned().unwrap_or_default();
    let left = room.saturating_sub(console::measure_text_width(&detail));
    let what = console::truncate_str(what, left, "…").into_owned();
    (what, detail)
}

const MIB: u64 = 1 << 20;

fn bytes(number: u64) -> String {
    if number < MIB {
        format!("{} KiB", number >> 10)
    } else {
        format!("{} MiB", count(number >> 20))
    }
}

fn bytes_of(done: u64, total: u64) -> String {
    if total < MIB {
        format!("{} of {} KiB", done >> 10, total >> 10)
    } else {
        format!("{} of {} MiB", count(done >> 20), count(total >> 20))
    }
}

fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: Step = Step {
        position: 450_000,
        total: Some(1_000_000),
        per_second: None,
        bytes: Some((12 << 20, 27 << 20)),
    };

    fn shown(step: Step, rate: Option<u64>, columns: usize) -> (String, String) {
        let details = details(Unit::Rows, step, rate, Duration::from_secs(4));
        fitted("Importing", &details, columns)
    }

    #[test]
    fn a_wide_terminal_shows_bytes_rows_their_rate_and_the_time_left() {
        assert_eq!(
            shown(HALF, Some(120_000), 120).1,
            "45 %, 12 of 27 MiB, 450,000 of 1,000,000 rows, 120,000 rows/s, 5 s left"
        );
        assert_eq!(
            shown(HALF, Some(120_000), 85).1,
            "45 %, 450,000 of 1,000,000 rows, 120,000 rows/s, 5 s left"
        );
    }

    #[test]
    fn a_line_leaves_room_for_the_bar_at_every_width() {
        for columns in 20..200 {
            for total in [Some(1_000_000), None] {
                let (what, details) = shown(Step { total, ..HALF }, Some(120_000), columns);
                let width = what.chars().count() + details.chars().count();
                assert!(
                    width + 4 + LEAST_BAR < columns,
                    "{columns} columns: {what} [] {details}"
                );
            }
        }
        assert_eq!(shown(HALF, Some(120_000), 40).1, "45 %, 5 s left");
        let file = "Sending what-was-sold-last-december.csv";
        let (what, details) = fitted(file, &details(Unit::Rows, HALF, None, Duration::ZERO), 40);
        assert_eq!(
            (what.as_str(), details.as_str()),
            ("Sending what-was-sol…", "45 %")
        );
    }

    #[test]
    fn an_unknown_rate_is_not_made_up() {
        assert_eq!(mean(8_000_000, Duration::from_millis(1)), None);
        assert_eq!(mean(1_000_000, Duration::from_secs(2)), Some(500_000));
        assert_eq!(
            shown(HALF, None, 200).1,
            "45 %, 12 of 27 MiB, 450,000 of 1,000,000 rows"
        );
    }

    #[test]
    fn amounts_are_whole_and_have_a_unit() {
        assert_eq!(bytes(31_457_280), "30 MiB");
        assert_eq!(bytes(300 << 10), "300 KiB");
        assert_eq!(bytes_of(5 << 20, 3 << 30), "5 of 3,072 MiB");
        assert_eq!(duration(Duration::from_secs(65)), "1 min 5 s");
        assert_eq!(duration(Duration::from_mins(125)), "2 h 5 min");
        let no_total = Step {
            total: None,
            bytes: None,
            ..HALF
        };
        assert_eq!(shown(no_total, Some(3), 200).1, "450,000 rows, 3 rows/s, 4 s");
    }
}
