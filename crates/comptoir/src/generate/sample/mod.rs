//! The sample data of `data/`: two months of a software company with 8 products and 29 stores.
//!
//! The lines are random, their sums are not: every day, region and product of either month adds up to the
//! figure in `targets`, to the cent, so that an honest computation gives the published results. A month is
//! made in three steps: `draw` lines at list price, `fit` discounts in whole percent, `repair` the remaining
//! cents. The data was made to fit those figures and proves nothing about the methods that recover them.

mod draw;
mod fit;
mod ledger;
mod repair;
mod targets;
#[cfg(test)]
mod tests;
mod text;

use std::io::Write as _;
use std::path::Path;

use self::ledger::{Line, Sums};
use self::targets::{REGIONS, STORES, Store};
use super::output::{WriteError, WrittenFile, write_file};
use super::prng::SplitMix64;

/// Fixes the sample. Another seed gives other lines with the same sums, and other bytes than those in
/// `data/`.
const SEED: u64 = 2023;

/// One file of the sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFile {
    /// Where it belongs below the sample's directory, with `/` between the parts.
    pub path: &'static str,
    /// Its text: CSV in UTF-8 with a header, commas, line feeds, and amounts in euros with two decimals.
    pub content: String,
}

/// Why there is no sample.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// A sum of a month cannot be made exact. Happens only to who changes the targets or the seed.
    #[error("the sum of {place} in month {month} of the sample cannot be made exact")]
    Unreachable {
        /// 1 for October, 2 for November.
        month: usize,
        /// The margin and the position in it, counted from 1.
        place: String,
    },
    /// A file could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// The files of the sample: `products.csv`, `stores.csv`, `sales.csv` (November 2023),
/// `history/sales-2023-10.csv` and `targets.csv`, the same bytes each time.
pub fn files() -> Result<Vec<SampleFile>, SampleError> {
    let mut rng = SplitMix64::new(SEED);
    let october = sales_of_month(0, &mut rng)?;
    let november = sales_of_month(1, &mut rng)?;
    let file = |path, content| SampleFile { path, content };
    Ok(vec![
        file("products.csv", text::products()),
        file("stores.csv", text::stores()),
        file("sales.csv", text::sales(1, october.len() + 1, &november)),
        file("history/sales-2023-10.csv", text::sales(0, 1, &october)),
        file("targets.csv", text::targets()),
    ])
}

/// Writes the [`files`] below `dir`, which is made when it is missing. Files of the same names are replaced.
pub fn write(dir: &Path) -> Result<Vec<WrittenFile>, SampleError> {
    let mut written = Vec::new();
    for SampleFile { path, content } in files()? {
        let rows = content.lines().count() as u64 - 1;
        written.push(write_file(dir, path, rows, |out| {
            out.write_all(content.as_bytes())
        })?);
    }
    Ok(written)
}

/// A line and the position in [`STORES`] of the store where it was sold.
struct Sale {
    line: Line,
    store: usize,
}

/// The sales of the month at this position of [`targets::MONTHS`], in the order of their days.
fn sales_of_month(month: usize, rng: &mut SplitMix64) -> Result<Vec<Sale>, SampleError> {
    let targets = Sums::targets(month);
    let mut lines = draw::draw(&targets, rng);
    fit::fit(&mut lines, &targets, rng);
    repair::repair(&mut lines, &targets).map_err(|stuck| SampleError::Unreachable {
        month: month + 1,
        place: format!("{:?} {}", stuck.margin, stuck.place + 1),
    })?;
    let with_store = |line: Line| Sale {
        store: draw_store(line.region, rng),
        line,
    };
    Ok(lines.into_iter().map(with_store).collect())
}

/// One of the stores of `region`, by weight.
fn draw_store(region: usize, rng: &mut SplitMix64) -> usize {
    let here = |store: &Store| store.region == REGIONS[region].name;
    rng.pick(
        STORES
            .iter()
            .map(|store| if here(store) { store.weight } else { 0 }),
    )
}
