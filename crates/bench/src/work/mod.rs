//! The measurements, one file each.

mod aggregate;
mod bulk;
mod export;
mod insert;
mod kill;
mod mix;
mod point;

use crate::data::Files;
use crate::report::Report;
use std::path::PathBuf;

/// How everything is measured.
pub struct Bench {
    /// Where files go.
    pub folder: PathBuf,
    /// How often each measurement is taken.
    pub rounds: usize,
    /// How long a server is under load in a round.
    pub seconds: f64,
    /// How many sales.
    pub rows: u64,
}

impl Bench {
    /// The sales.
    pub fn files(&self) -> anyhow::Result<Files> {
        Files::make(&self.folder, self.rows)
    }

    /// A file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// A measurement.
pub type Run = fn(&Bench, &mut Report) -> anyhow::Result<()>;

/// All of them, by name.
pub const ALL: [(&str, Run); 7] = [
    ("point", point::run),
    ("insert", insert::run),
    ("kill", kill::run),
    ("bulk", bulk::run),
    ("export", export::run),
    ("mix", mix::run),
    ("aggregate", aggregate::run),
];
