//! How a caller stops a fit: this crate has no clock, so the deadline is the caller's.

use crate::error::ForecastError;

/// Asked often (about every millisecond of work) whether to give up; `true` ends the call with
/// [`ForecastError::Stopped`].
pub type Stop<'a> = &'a (dyn Fn() -> bool + Sync);

/// A [`Stop`] that never stops.
pub fn never() -> Stop<'static> {
    &|| false
}

pub(crate) fn check(stop: Stop<'_>) -> Result<(), ForecastError> {
    if stop() {
        Err(ForecastError::Stopped)
    } else {
        Ok(())
    }
}
