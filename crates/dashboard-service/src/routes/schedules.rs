//! Work that is asked for again and again, as a part of the page of imports.

use crate::format;
use crate::labels;
use crate::language::Language;
use crate::page::Failure;
use crate::words::Words;
use askama::Template;
use script_client::ScriptClient;
use script_client::script_api::Schedule;

#[derive(Template)]
#[template(path = "schedules.html")]
struct SchedulesView {
    w: &'static Words,
    schedules: Vec<Line>,
}

/// A schedule as a line shows it.
struct Line {
    name: String,
    job: String,
    when: String,
    next: String,
    last: Option<Last>,
    timed: bool,
}

/// The last job that a schedule made.
struct Last {
    id: String,
    state: String,
    words: String,
}

/// The schedules there are, and a form for another.
pub(crate) async fn section(script: &ScriptClient, language: Language) -> Result<String, Failure> {
    let schedules = script.schedules().await?;
    let line = |schedule: Schedule| Line {
        job: labels::kind(schedule.job.as_str(), language).to_owned(),
        when: when(&schedule, language),
        next: match schedule.next_runs.first() {
            Some(next) if schedule.enabled => format::time(next),
            _ => "–".to_owned(),
        },
        last: schedule.last_job.map(|job| Last {
            id: job.id.to_string(),
            words: labels::state(job.state.as_str(), language).to_owned(),
            state: job.state.to_string(),
        }),
        timed: schedule.watch.is_none(),
        name: schedule.name,
    };
    let html = SchedulesView {
        w: language.words(),
        schedules: schedules.into_iter().map(line).collect(),
    };
    Ok(html.render()?)
}

/// When a schedule makes jobs: a time of day in words, another pattern as it is, or the files it waits for.
fn when(schedule: &Schedule, language: Language) -> String {
    let w = language.words();
    if let Some(watch) = &schedule.watch {
        return w.when_files.replace("{}", watch);
    }
    let cron = schedule.cron.as_deref().unwrap_or_default();
    let zone = schedule.time_zone.as_deref().unwrap_or_default();
    let parts: Vec<&str> = cron.split(' ').collect();
    let at = match parts[..] {
        [minute, hour, "*", "*", "*"] => minute.parse::<u8>().ok().zip(hour.parse::<u8>().ok()),
        _ => None,
    };
    match at {
        Some((minute, hour)) => format!(
            "{} ({zone})",
            w.when_daily.replace("{}", &format!("{hour:02}:{minute:02}"))
        ),
        None => format!("{cron} ({zone})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn schedule(trigger: &Value) -> Schedule {
        let mut schedule = json!({
            "name": "x", "job": "import", "request": {}, "catch_up": true, "enabled": true, "next_runs": [], "skipped": 0,
            "created_at": "2023-12-01T06:00:00Z",
        });
        for (key, value) in trigger.as_object().unwrap() {
            schedule[key] = value.clone();
        }
        serde_json::from_str(&schedule.to_string()).unwrap()
    }

    #[test]
    fn a_time_of_day_is_said_in_words_and_another_pattern_as_it_is() {
        let daily = schedule(&json!({"cron": "5 6 * * *", "time_zone": "Europe/Paris"}));
        let weekdays = schedule(&json!({"cron": "0 6 * * 1-5", "time_zone": "UTC"}));
        let files = schedule(&json!({"watch": "inbox/*.csv"}));

        assert_eq!(when(&daily, Language::En), "every day at 06:05 (Europe/Paris)");
        assert_eq!(when(&weekdays, Language::Fr), "0 6 * * 1-5 (UTC)");
        assert_eq!(when(&files, Language::En), "when inbox/*.csv comes");
    }
}
