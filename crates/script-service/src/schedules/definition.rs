//! What may be asked of a schedule. `Err` says all that is wrong.

use super::files::FilePattern;
use super::times::Times;
use crate::analyses::catalog::Catalog;
use crate::jobs::kind::Job as _;
use crate::kinds;
use crate::store::schedules::{Definition, Trigger};
use jiff::Timestamp;
use script_api::{ImportRequest, JobKind, ScheduleRequest};
use serde_json::Value;
use service_kit::validation::{Asked, Fault, Faults};

/// How long a name may be, in characters.
const MAX_NAME: usize = 64;

/// `name` if a schedule may have it.
pub(crate) fn check_name(name: &str) -> Result<(), Fault> {
    let plain = !name.is_empty()
        && name.len() <= MAX_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_'));
    if plain {
        return Ok(());
    }
    Err(Fault::parameter(
        "name",
        format!(
            "the name of a schedule is 1 to {MAX_NAME} lower-case letters, digits, `-` and `_`, not `{name}`"
        ),
    ))
}

/// The definition that `asked` means, its request checked as if it had been sent now.
pub(crate) fn checked(
    asked: ScheduleRequest,
    catalog: &Catalog,
    default_zone: &str,
) -> Result<Definition, Faults> {
    let mut faults = Faults::default();
    let watches = asked.cron.is_none() && asked.watch.is_some();
    if watches && asked.job != JobKind::Import {
        faults.push(Fault::at("/job", "a file that comes can only be imported"));
    }
    let trigger = faults.take(trigger(asked.cron, asked.watch, asked.time_zone, default_zone));
    let request = if watches && asked.job == JobKind::Import {
        body(&asked.request).and_then(|body| watched_import(&body, catalog))
    } else {
        body(&asked.request).and_then(|body| match kinds::find(asked.job) {
            Some(kind) => kind.repeatable(&body, catalog),
            None => Err(Fault::at("", "there is no such kind of job").into()),
        })
    };
    let request = request
        .map_err(|faults| -> Faults { faults.into_iter().map(|fault| fault.under("/request")).collect() });
    let request = faults.take(request);
    match (trigger, request) {
        (Some(trigger), Some(request)) if faults.is_empty() => Ok(Definition {
            kind: asked.job,
            request,
            trigger,
            catch_up: asked.catch_up,
        }),
        _ => Err(faults),
    }
}

/// When a schedule with `trigger` is due next, in milliseconds since 1970; none for one that watches.
pub(crate) fn next_due_ms(trigger: &Trigger) -> Result<Option<i64>, Faults> {
    match trigger {
        Trigger::Watch(_) => Ok(None),
        Trigger::Cron { pattern, time_zone } => Ok(Times::parse(pattern, time_zone)?
            .after(Timestamp::now())
            .map(|next| next.timestamp().as_millisecond())),
    }
}

/// `request` as the body of a request for a job.
fn body(request: &Value) -> Result<Vec<u8>, Faults> {
    match request {
        Value::Null => Ok(Vec::new()),
        Value::Object(_) => Ok(request.to_string().into_bytes()),
        _ => Err(Fault::at("", "it is not a JSON object").into()),
    }
}

fn trigger(
    cron: Option<String>,
    watch: Option<String>,
    time_zone: Option<String>,
    default_zone: &str,
) -> Result<Trigger, Faults> {
    match (cron, watch) {
        (Some(pattern), None) => {
            let time_zone = time_zone.unwrap_or_else(|| default_zone.to_owned());
            Times::parse(&pattern, &time_zone)?;
            Ok(Trigger::Cron { pattern, time_zone })
        }
        (None, Some(pattern)) => {
            let mut faults = Faults::default();
            faults.take(FilePattern::parse(&pattern).map_err(|reason| Fault::at("/watch", reason)));
            if time_zone.is_some() {
                faults.push(Fault::at("/time_zone", "only `cron` has a time zone"));
            }
            faults.or(Trigger::Watch(pattern))
        }
        (Some(_), Some(_)) => {
            let reason = "a schedule has either `cron` or `watch`, not both";
            Err(Fault::at("/watch", reason).into())
        }
        (None, None) => {
            let reason = "a schedule has `cron`, such as \"0 6 * * *\", or `watch`, such as \"inbox/*.csv\"";
            Err(Fault::at("/cron", reason).into())
        }
    }
}

/// The import in `body`, to be stored, of files that will come: its source has no file yet.
fn watched_import(body: &[u8], catalog: &Catalog) -> Result<String, Faults> {
    let Asked {
        value: mut import,
        mut faults,
    } = ImportRequest::parse(body)?;
    faults.extend(import.not_set_by_callers());
    faults.extend(import.not_repeatable());
    match import.sources.as_mut_slice() {
        [source] if source.path.is_none() && source.url.is_none() => {
            source.path = Some("file".to_owned());
        }
        [_] => faults.push(Fault::at(
            "/sources",
            "the source of a watch has neither `path` nor `url`: the file is the one that comes",
        )),
        _ => faults.push(Fault::at(
            "/sources",
            "a watch has one source that says the table, such as {\"sources\":[{\"table\":\"sales\"}]}",
        )),
    }
    faults.extend(import.faults(catalog));
    for source in &mut import.sources {
        source.path = None;
    }
    faults.or(serde_json::to_string(&import).unwrap_or_default())
}
