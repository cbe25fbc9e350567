//! The codes of errors of script-service, as `/docs/problems` explains them. A job that failed has them in its
//! `error`.

use axum::http::StatusCode;
use service_kit::problem_types::{ProblemType, with_general};

/// Every code, by name, besides those that every service has.
pub(crate) const TYPES: [ProblemType; 40] = [
    ProblemType {
        code: "already_replayed",
        status: StatusCode::CONFLICT,
        meaning: "All rejects of the job were replayed; `again=true` replays them once more.",
    },
    ProblemType {
        code: "already_undone",
        status: StatusCode::CONFLICT,
        meaning: "The import was taken back, or is being; `undo` of the job says by which job.",
    },
    ProblemType {
        code: "bad_corrections",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "Corrected rejects cannot be read; `errors` lists each fault. Nothing was replayed.",
    },
    ProblemType {
        code: "broken_analysis",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The file of the analysis is at fault; `GET /analysis` lists its errors with line numbers.",
    },
    ProblemType {
        code: "busy",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "As much of this work as the service does at once is running; try again after `Retry-After`.",
    },
    ProblemType {
        code: "changed_since",
        status: StatusCode::CONFLICT,
        meaning: "Others changed rows of the import since, so nothing was taken back; `conflicts` lists them, `partial` leaves them.",
    },
    ProblemType {
        code: "conflicting_dates",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "A column has dates of both orders, so neither can be right for all; `date_order` says which is meant.",
    },
    ProblemType {
        code: "conflicting_keys",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "A row has the id of one that stays outside what is replaced. Nothing was replaced.",
    },
    ProblemType {
        code: "conflicting_numbers",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "A column has commas and points as decimal marks; `decimal` says which is meant.",
    },
    ProblemType {
        code: "database_unavailable",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "db-service cannot be reached; try again after `Retry-After`.",
    },
    ProblemType {
        code: "disk_full",
        status: StatusCode::INSUFFICIENT_STORAGE,
        meaning: "The disk of db-service is full. Nothing was written; jobs wait and go on when there is room.",
    },
    ProblemType {
        code: "empty_source",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The source has no header and no records; look at the file, or at `sheet` and `skip_lines`.",
    },
    ProblemType {
        code: "end_not_kept",
        status: StatusCode::INTERNAL_SERVER_ERROR,
        meaning: "The job was done, but db-service did not take its end. What it wrote is there.",
    },
    ProblemType {
        code: "fetch_failed",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The URL cannot be fetched; the detail says at which step, and which setting allows it if one does.",
    },
    ProblemType {
        code: "forecast_timeout",
        status: StatusCode::REQUEST_TIMEOUT,
        meaning: "The models were not fitted within the limit; ask for fewer, or as a job.",
    },
    ProblemType {
        code: "idempotency_conflict",
        status: StatusCode::CONFLICT,
        meaning: "A request with this idempotency key is still being received; try again when it is done.",
    },
    ProblemType {
        code: "idempotency_mismatch",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The idempotency key was used for another request; use a new key.",
    },
    ProblemType {
        code: "job_finished",
        status: StatusCode::CONFLICT,
        meaning: "The job has ended and cannot be cancelled any more.",
    },
    ProblemType {
        code: "no_forecast",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The history does not allow this forecast; the detail says what it lacks.",
    },
    ProblemType {
        code: "no_such_file",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "There is no such file under the data folder; `path` is given from there.",
    },
    ProblemType {
        code: "not_cancellable",
        status: StatusCode::CONFLICT,
        meaning: "The job takes an import back and has begun; it ends whole.",
    },
    ProblemType {
        code: "not_ready",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "The service waits for another one; try again after `Retry-After`.",
    },
    ProblemType {
        code: "not_replayable",
        status: StatusCode::CONFLICT,
        meaning: "The job has nothing that can be replayed, or has not ended.",
    },
    ProblemType {
        code: "not_resumable",
        status: StatusCode::CONFLICT,
        meaning: "The job was not given up: it has ended, runs, or goes on by itself.",
    },
    ProblemType {
        code: "not_undoable",
        status: StatusCode::CONFLICT,
        meaning: "The job cannot be taken back; `undo` of the job says why.",
    },
    ProblemType {
        code: "nothing_to_replace_with",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "No record can be taken, and `replace_all` would have deleted every sale. Nothing was replaced; the rejects say why.",
    },
    ProblemType {
        code: "process_died",
        status: StatusCode::INTERNAL_SERVER_ERROR,
        meaning: "The service died under the job again and again in the same place, so it is not tried again.",
    },
    ProblemType {
        code: "question_open",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The file leaves a question open that nothing is assumed for; the detail asks it, `answers` settles it. \
                  Nothing was written.",
    },
    ProblemType {
        code: "queue_full",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "Too many jobs wait; try again after `Retry-After`.",
    },
    ProblemType {
        code: "rollback_failed",
        status: StatusCode::INTERNAL_SERVER_ERROR,
        meaning: "A cancelled import could not be taken back; its rows have its id in `import_job_id`.",
    },
    ProblemType {
        code: "source_changed",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The source changed while its import was interrupted; import it again.",
    },
    ProblemType {
        code: "statement_timeout",
        status: StatusCode::REQUEST_TIMEOUT,
        meaning: "db-service stopped a statement at its time limit. Ask for fewer days, or raise the limit there.",
    },
    ProblemType {
        code: "too_large",
        status: StatusCode::PAYLOAD_TOO_LARGE,
        meaning: "The upload is larger than its limit; the detail states it.",
    },
    ProblemType {
        code: "too_many_rejects",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "More records than the request allows cannot be taken. Nothing was written; the rejects are listed.",
    },
    ProblemType {
        code: "unknown_columns",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "Required columns were not found among the headers; `mapping` says which header is which column.",
    },
    ProblemType {
        code: "unreadable",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The source cannot be read to its end: it was cut off or is damaged. Get it again.",
    },
    ProblemType {
        code: "unsupported_format",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The archive or workbook cannot be read; save it as XLSX, ODS or CSV.",
    },
    ProblemType {
        code: "unsupported_media_type",
        status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
        meaning: "The route does not read bodies of this content type; the detail lists those it reads.",
    },
    ProblemType {
        code: "waited_too_long",
        status: StatusCode::SERVICE_UNAVAILABLE,
        meaning: "db-service failed the job in the same place for longer than `--job-patience-s`; `POST /jobs/{id}/resume` goes on.",
    },
    ProblemType {
        code: "wrong_dialect",
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "The text is no table as it is cut; `delimiter`, `quote` and `skip_lines` say how it is.",
    },
];

/// Every code, those that every service has among them.
pub(crate) fn all() -> Vec<ProblemType> {
    with_general(&TYPES)
}

/// The one of `types` with `code`. One that is not among them says what a source is refused for.
pub(crate) fn find(types: &[ProblemType], code: &'static str) -> ProblemType {
    let known = types.iter().find(|one| one.code == code);
    known.copied().unwrap_or(ProblemType {
        code,
        status: StatusCode::UNPROCESSABLE_ENTITY,
        meaning: "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The sources of this crate but this file, comments and tests of modules included.
    fn sources(folder: &Path) -> String {
        let mut text = String::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                text.push_str(&sources(&path));
            } else if path.file_name().is_some_and(|name| name != "problems.rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
        text
    }

    #[test]
    fn the_contract_names_no_code_that_the_page_does_not_explain() {
        let contract = serde_json::to_value(crate::openapi()).unwrap();
        let known: Vec<&str> = all().iter().map(|one| one.code).collect();
        let mut named = 0;
        for item in contract["paths"].as_object().unwrap().values() {
            for operation in item.as_object().unwrap().values() {
                for (status, response) in operation["responses"].as_object().unwrap() {
                    for code in response["x-codes"].as_array().into_iter().flatten() {
                        let code = code.as_str().unwrap();
                        assert!(known.contains(&code), "{code}");
                        let one = all().into_iter().find(|one| one.code == code).unwrap();
                        assert_eq!(one.status.as_str(), status, "{code}");
                        named += 1;
                    }
                }
            }
        }
        assert!(named > 100, "{named}");
    }

    #[test]
    fn the_page_explains_no_code_that_nothing_says() {
        let sources = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));

        for ProblemType { code, .. } in TYPES {
            assert!(sources.contains(&format!("\"{code}\"")), "nothing answers {code}");
        }
        assert!(TYPES.is_sorted_by(|one, other| one.code < other.code));
    }
}
