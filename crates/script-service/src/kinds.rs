//! The kinds of jobs, a line each.

use crate::jobs::kind::Kind;
use crate::undo::UndoJob;
use script_api::{AnalysisRequest, ForecastRequest, ImportRequest, JobKind};

/// Every kind of job.
pub(crate) static KINDS: [Kind; 4] = [
    Kind::of::<ImportRequest>(),
    Kind::of::<AnalysisRequest>(),
    Kind::of::<ForecastRequest>(),
    Kind::of::<UndoJob>(),
];

/// The entry of `kind`.
pub(crate) fn find(kind: JobKind) -> Option<&'static Kind> {
    KINDS.iter().find(|known| known.name == kind.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_the_contract_is_registered_under_its_name() {
        for kind in JobKind::ALL {
            assert!(find(kind).is_some(), "{kind}");
        }
        for kind in &KINDS {
            assert!(JobKind::parse(kind.name).is_some(), "{}", kind.name);
        }
    }
}
