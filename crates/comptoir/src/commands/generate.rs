//! `comptoir generate`: files made by the program itself.

use crate::generate::sales::SalesPlan;
use crate::generate::{WrittenFile, sales, sample};
use crate::outcome::Outcome;
use crate::progress::{ProgressLine, Unit};
use clap::Args;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// Write sales of any length, or the sample data, as CSV files.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["rows", "sample"]))]
pub(crate) struct Generate {
    /// How many sales to write, with the products and stores they need; 100 million take 3.6 GB.
    #[arg(long)]
    rows: Option<u64>,
    /// Write the sample data of `data/` instead.
    #[arg(long)]
    sample: bool,
    /// Folder for the files; it is made when there is none, and files of the same names are replaced.
    #[arg(long)]
    out: PathBuf,
    /// Which of the many possible sets of sales: the same number gives the same bytes.
    #[arg(long, default_value_t = 1, conflicts_with = "sample")]
    seed: u64,
}

impl Generate {
    /// Writes the files and lists them.
    pub(crate) fn run(self) -> anyhow::Result<Outcome> {
        let written = match self.rows {
            Some(rows) => {
                let mut progress = ProgressLine::start("Writing", Unit::Rows);
                let plan = SalesPlan {
                    rows,
                    seed: self.seed,
                };
                sales::write(&self.out, plan, |done| progress.set(done, Some(rows)))?
            }
            None => sample::write(&self.out)?,
        };
        list(&written)?;
        Ok(Outcome::Done)
    }
}

fn list(written: &[WrittenFile]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for file in written {
        writeln!(
            out,
            "{} ({} rows, {} bytes)",
            file.path.display(),
            file.rows,
            file.bytes
        )?;
    }
    out.flush()
}
