//! Why imports fail, by stable codes.

use crate::error;
use crate::jobs::context::Stop;
use db_client::DbError;
use std::io;
use tabular::SurveyError;

/// The import cannot be done.
pub(super) fn failed(code: &'static str, detail: impl Into<String>) -> Stop {
    Stop::Failed(error::of_job(code, detail))
}

/// What a source that cannot be read is reported as.
pub(crate) fn survey_code(error: &SurveyError) -> &'static str {
    match error {
        SurveyError::Io(_) => "unreadable",
        SurveyError::Empty => "empty_source",
        SurveyError::Options(_) => "invalid_request",
        SurveyError::Mapping(_) | SurveyError::Headers { .. } | SurveyError::Objects(_) => "unknown_columns",
        SurveyError::NotATable { .. } => "wrong_dialect",
        SurveyError::Zip(_)
        | SurveyError::PackedTwice
        | SurveyError::NoTable(_)
        | SurveyError::OtherFormat => "unsupported_format",
    }
}

/// A source, called `origin`, could not be surveyed.
pub(super) fn survey_failure(error: &SurveyError, origin: &str) -> Stop {
    if let SurveyError::Io(cause) = error
        && let Some(stop) = database_went_away(cause)
    {
        return stop;
    }
    failed(survey_code(error), format!("{origin}: {error}"))
}

/// A source could not be read to its end.
pub(super) fn read_failure(error: &io::Error) -> Stop {
    database_went_away(error).unwrap_or_else(|| {
        failed(
            "unreadable",
            format!("the source cannot be read to its end: {error}"),
        )
    })
}

/// An error of reading that is db-service's going away: the job goes on later.
fn database_went_away(error: &io::Error) -> Option<Stop> {
    let cause = error.get_ref()?.downcast_ref::<DbError>()?;
    cause.is_retryable().then(|| Stop::Database(cause.clone()))
}
