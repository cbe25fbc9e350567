//! The table at the end.

use crate::work::Bench;
use comfy_table::{Table, presets};

/// Collects lines.
pub(crate) struct Report {
    lines: Vec<[String; 4]>,
}

/// Whether a figure must be at least or at most its goal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// The figure must be no less.
    AtLeast(f64),
    /// The figure must be no more.
    AtMost(f64),
    /// Nothing is asked of it.
    None,
}

impl Report {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Adds a figure: what it is, the figure, its unit and the goal.
    pub(crate) fn add(&mut self, work: &str, figure: f64, unit: &str, goal: Goal) {
        let (goal, met) = match goal {
            Goal::AtLeast(least) => (format!("≥ {least}"), if figure >= least { "yes" } else { "NO" }),
            Goal::AtMost(most) => (format!("≤ {most}"), if figure <= most { "yes" } else { "NO" }),
            Goal::None => (String::new(), ""),
        };
        let digits = if figure.abs() >= 100.0 { 0 } else { 2 };
        let shown = format!("{figure:.digits$} {unit}");
        eprintln!("  {work}: {shown} {goal} {met}");
        self.lines.push([work.to_owned(), shown, goal, met.to_owned()]);
    }

    /// Prints it as a Markdown table.
    pub(crate) fn print(&self, bench: &Bench) {
        let mut table = Table::new();
        table
            .load_preset(presets::ASCII_MARKDOWN)
            .set_header(["work", "measured", "goal", "met"]);
        for line in &self.lines {
            table.add_row(line);
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("{table}");
        println!(
            "{cores} cores, load on the same cores, medians of {} rounds, {} rows",
            bench.rounds, bench.rows
        );
    }
}

/// The middle of `figures`.
pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
