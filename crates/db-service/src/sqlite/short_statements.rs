//! Which statements are known to be short.
//!
//! Handing a read to another thread and its answer back costs more than a query by key itself. A text that was short
//! several times in a row therefore runs at once, on the thread that took the request, within a small budget; one
//! that exceeds it is interrupted, runs on a reading thread, and has to show its shortness anew.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// How long a read may hold the thread that took the request.
pub(super) const BUDGET: Duration = Duration::from_millis(1);
/// What counts as short.
const SHORT: Duration = Duration::from_micros(250);
/// How often in a row a text must have been short.
const RUNS: u32 = 8;
/// How many texts are remembered; beyond that all are forgotten.
const TEXTS: usize = 4_096;
/// Longer texts are not remembered, in bytes.
const LONGEST: usize = 4_096;

/// The texts seen lately, and how often in a row each was short.
#[derive(Default)]
pub(super) struct ShortStatements {
    texts: RwLock<HashMap<Box<str>, AtomicU32>>,
}

impl ShortStatements {
    /// Whether a statement may run at once.
    pub(super) fn is_short(&self, sql: &str) -> bool {
        let texts = self.texts.read().unwrap_or_else(PoisonError::into_inner);
        texts
            .get(sql)
            .is_some_and(|runs| runs.load(Ordering::Relaxed) >= RUNS)
    }

    /// A statement took `took`.
    pub(super) fn ran(&self, sql: &str, took: Duration) {
        if sql.len() > LONGEST {
            return;
        }
        if let Some(runs) = self.texts.read().unwrap_or_else(PoisonError::into_inner).get(sql) {
            if took > SHORT {
                runs.store(0, Ordering::Relaxed);
            } else if runs.load(Ordering::Relaxed) < RUNS {
                runs.fetch_add(1, Ordering::Relaxed);
            }
            return;
        }
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        if texts.len() >= TEXTS {
            texts.clear();
        }
        texts.insert(sql.into(), AtomicU32::new(u32::from(took <= SHORT)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_short_after_several_short_runs_and_until_a_long_one() {
        let short = ShortStatements::default();

        for _ in 0..RUNS {
            assert!(!short.is_short("SELECT 1"));
            short.ran("SELECT 1", SHORT);
        }
        assert!(short.is_short("SELECT 1"));
        short.ran("SELECT 1", BUDGET);
        assert!(!short.is_short("SELECT 1"));
    }
}
