//! The measurements, one file each.

mod aggregate;
mod analyses;
mod bulk;
mod export;
mod import;
mod insert;
mod kill;
mod mix;
mod point;
mod preview;

use crate::data::Files;
use crate::report::Report;
use std::path::PathBuf;

/// How everything is measured.
pub(crate) struct Bench {
    /// Where files go.
    pub(crate) folder: PathBuf,
    /// How often each measurement is taken.
    pub(crate) rounds: usize,
    /// How long a server is under load in a round.
    pub(crate) seconds: f64,
    /// How many sales.
    pub(crate) rows: u64,
    /// How many sales the analyses work on.
    pub(crate) analysed_rows: u64,
    /// How large the file of the preview is.
    pub(crate) preview_bytes: u64,
    /// Where the Python tools are installed.
    pub(crate) venv: PathBuf,
}

impl Bench {
    /// The sales.
    pub(crate) fn files(&self) -> anyhow::Result<Files> {
        Files::make(&self.folder, self.rows)
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A measurement.
pub(crate) type Run = fn(&Bench, &mut Report) -> anyhow::Result<()>;

/// All of them, by name.
pub(crate) const ALL: [(&str, Run); 11] = [
    ("point", point::run),
    ("insert", insert::run),
    ("kill", kill::run),
    ("bulk", bulk::run),
    ("export", export::run),
    ("mix", mix::run),
    ("aggregate", aggregate::run),
    ("import", import::run),
    ("tickets", import::run_tickets),
    ("analyses", analyses::run),
    ("preview", preview::run),
];
