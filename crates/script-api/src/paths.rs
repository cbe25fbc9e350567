//! The paths of script-service, each said once.

/// The history of jobs.
pub const JOBS: &str = "/jobs";
/// One job.
pub const JOB: &str = "/jobs/{id}";
/// Asking for the end of a job.
pub const JOB_CANCEL: &str = "/jobs/{id}/cancel";
/// Going on with a job that was given up.
pub const JOB_RESUME: &str = "/jobs/{id}/resume";
/// Taking an import back.
pub const JOB_UNDO: &str = "/jobs/{id}/undo";
/// What became of a job, in short.
pub const JOB_SUMMARY: &str = "/jobs/{id}/summary";
/// The records that a job did not take.
pub const JOB_REJECTS: &str = "/jobs/{id}/rejects";
/// The import of corrected rejects.
pub const JOB_REJECTS_REPLAY: &str = "/jobs/{id}/rejects/replay";
/// One job as it changes.
pub const JOB_EVENTS: &str = "/jobs/{id}/events";
/// All jobs as they change.
pub const EVENTS: &str = "/events";
/// Files are imported.
pub const JOBS_IMPORT: &str = "/jobs/import";
/// Analyses are computed and kept.
pub const JOBS_ANALYSIS: &str = "/jobs/analysis";
/// A forecast is made and kept.
pub const JOBS_FORECAST: &str = "/jobs/forecast";
/// What an import would make of a file.
pub const IMPORTS_PREVIEW: &str = "/imports/preview";
/// All schedules.
pub const SCHEDULES: &str = "/schedules";
/// One schedule.
pub const SCHEDULE: &str = "/schedules/{name}";
/// A job of a schedule, now.
pub const SCHEDULE_RUN: &str = "/schedules/{name}/run";
/// The analyses there are.
pub const ANALYSES: &str = "/analysis";
/// One analysis, computed now.
pub const ANALYSIS: &str = "/analysis/{name}";
/// Answers that were kept.
pub const ANALYSIS_RESULTS: &str = "/analysis/results";
/// The history of forecasts.
pub const FORECASTS: &str = "/forecasts";
/// The newest forecast.
pub const FORECASTS_LATEST: &str = "/forecasts/latest";
/// Models compared on one history.
pub const FORECASTS_COMPARE: &str = "/forecasts/compare";
/// One forecast.
pub const FORECAST: &str = "/forecasts/{id}";
/// How right a forecast was.
pub const FORECAST_ACCURACY: &str = "/forecasts/{id}/accuracy";
/// Whether the process answers.
pub const HEALTHZ: &str = "/healthz";
/// Whether jobs can be taken.
pub const READYZ: &str = "/readyz";
/// Metrics in Prometheus' text format.
pub const METRICS: &str = "/metrics";
