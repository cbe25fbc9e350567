//! What script-service speaks on the wire: paths, requests and answers.
//!
//! Nothing here does I/O. `script-service` and its callers share these types, so a field that is renamed here is
//! renamed on both ends; `openapi.yaml` is generated from them.
//!
//! | module | what is in it |
//! | --- | --- |
//! | `job` | jobs, their states and counters, summaries |
//! | `export` | what exports of shops leave open, and what they brought |
//! | `import` | what an import is asked to do; rejects |
//! | `decisions` | how a source is read, and why so; previews |
//! | `schedule` | schedules |
//! | `undo` | taking an import back |
//! | `analysis` | analyses and their answers |
//! | `forecast` | forecasts, how right they were, models compared |
//! | `problem` | error answers |
//! | [`paths`] | where everything is |
//!
//! ```
//! use script_api::{ForecastRequest, JobState, paths};
//!
//! let asked: ForecastRequest = serde_json::from_str(r#"{"model":"ets","horizon":14}"#)?;
//! assert_eq!(asked.horizon, Some(14));
//! assert!(JobState::SucceededWithRejects.is_final());
//! assert_eq!(paths::JOBS_FORECAST, "/jobs/forecast");
//! # Ok::<(), serde_json::Error>(())
//! ```

mod analysis;
mod day;
mod decisions;
mod export;
mod forecast;
mod import;
mod job;
pub mod paths;
mod problem;
mod schedule;
mod undo;

pub use analysis::{
    Amounts, AnalysisColumn, AnalysisDescription, AnalysisList, AnalysisParameter, AnalysisRequest, Answer,
    AnswerDocument, BrokenAnalysis, ChartHint, ColumnType, DefaultWindow, HeaderError, KeptResult,
    KeptResults, Translations, Window,
};
pub use decisions::{
    Choice, ColumnDecision, CreateMissing, DateOrder, DecidedBy, DecimalMark, Decisions, Dialect, Format,
    ImportTable, LineEnd, Locale, MappedColumn, MatchedBy, Preview, PreviewRow, Question, ReadOptions,
    SheetChoice,
};
pub use export::{Created, ImportReport, ReportDay, ReportLine, SalesDecision};
pub use forecast::{
    Accuracy, AccuracyMetrics, AccuracyPoint, Diffuse, ForecastCandidate, ForecastComparison, ForecastFit,
    ForecastInterval, ForecastMetrics, ForecastPage, ForecastParams, ForecastPoint, ForecastRequest,
    ForecastRun, ForecastWarning, Gaps, HistoryWindow, Holidays, IntervalCoverage, MODELS, ProphetParams,
};
pub use import::{
    CorrectedRecord, ImportRequest, MaxRejects, Mode, OnCancel, OnError, RejectList, RejectedRecord,
    SourceRequest, UploadRef,
};
pub use job::{
    AlreadyThere, CancelRequest, Counters, Job, JobKind, JobPage, JobSource, JobState, JobSummary, Progress,
    RejectGroup, SourceSummary, Waiting,
};
pub use problem::{Fault, Problem, codes};
pub use schedule::{Schedule, ScheduleList, ScheduleRequest, ScheduledJob};
pub use undo::{
    Undo, UndoCode, UndoConflict, UndoConflictCode, UndoKept, UndoRequest, Undone, UndoneRows, UndoneSales,
};
