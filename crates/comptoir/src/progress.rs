//! A progress bar for work that takes longer than a second.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::time::{Duration, Instant};

/// Work that is done sooner shows no bar.
const SHOWN_AFTER: Duration = Duration::from_secs(1);

/// What the bar counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes, shown in MiB.
    Bytes,
    /// Rows.
    Rows,
    /// Models.
    Models,
}

/// Progress on standard error; nothing is shown when that is no terminal.
pub(crate) struct Progress {
    what: String,
    unit: Unit,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Work begins now.
    pub(crate) fn start(what: impl Into<String>, unit: Unit) -> Self {
        Self {
            what: what.into(),
            unit,
            started: Instant::now(),
            bar: None,
        }
    }

    /// What is done now.
    pub(crate) fn say(&mut self, what: impl Into<String>) {
        self.what = what.into();
        if let Some(bar) = &self.bar {
            bar.set_message(self.what.clone());
        }
    }

    /// What is counted from now on.
    pub(crate) fn count(&mut self, unit: Unit) {
        if self.unit != unit {
            self.unit = unit;
            if let Some(bar) = &self.bar {
                bar.unset_length();
                bar.set_style(style(unit, false));
                bar.reset_eta();
            }
        }
    }

    /// How far the work is; `total` where it is known.
    pub(crate) fn set(&mut self, position: u64, total: Option<u64>) {
        if self.bar.is_none() && self.started.elapsed() < SHOWN_AFTER {
            return;
        }
        let bar = self.bar.get_or_insert_with(|| {
            ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr())
                .with_style(style(self.unit, total.is_some()))
                .with_message(self.what.clone())
                .with_elapsed(self.started.elapsed())
        });
        if let Some(total) = total
            && bar.length() != Some(total)
        {
            bar.set_length(total);
            bar.set_style(style(self.unit, true));
        }
        bar.set_position(position);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(unit: Unit, total_is_known: bool) -> ProgressStyle {
    let template = match (unit, total_is_known) {
        (Unit::Bytes, true) => {
            "{msg} [{bar:30}] {percent:>3} % {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"
        }
        (Unit::Bytes, false) => "{msg} {spinner} {bytes}, {bytes_per_sec}, {elapsed}",
        (Unit::Rows, true) => {
            "{msg} [{bar:30}] {percent:>3} % {human_pos} of {human_len} rows, {per_sec}, {eta} left"
        }
        (Unit::Models, true) => "{msg} [{bar:30}] {human_pos} of {human_len} models, {elapsed}",
        (Unit::Models, false) => "{msg} {spinner} {elapsed}",
        (Unit::Rows, false) => "{msg} {spinner} {human_pos} rows, {per_sec}, {elapsed}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}
