//! What became of an import: in words and tables, and as the exit code of the command.

use super::asking::Language;
use super::told;
use crate::interrupts::Interrupted;
use crate::outcome::Outcome;
use crate::output::{self, grouped};
use anyhow::bail;
use comfy_table::Table;
use script_client::ScriptClient;
use script_client::script_api::{Counters, Job, JobState, RejectGroup, RejectedRecord};
use std::io;
use std::time::Duration;

/// How many rejected records are shown.
const SHOWN_REJECTS: usize = 10;
/// How many reasons of rejects are shown.
const SHOWN_REASONS: usize = 10;

/// An import that has ended.
pub(super) struct Imported<'a> {
    pub(super) client: &'a ScriptClient,
    /// Where script-service is, as the user said.
    pub(super) script_url: &'a str,
    /// What went where: `december.csv into sales`.
    pub(super) title: &'a str,
    /// What: `december.csv`.
    pub(super) subject: &'a str,
    pub(super) dry_run: bool,
    pub(super) took: Duration,
    /// Whether Ctrl-C was pressed.
    pub(super) interrupted: bool,
}

impl Imported<'_> {
    /// Prints counters, notes and the first rejects of `job`; says how the command ends.
    ///
    /// # Errors
    ///
    /// When the job failed or was cancelled; [`Interrupted`] when Ctrl-C did that.
    pub(super) async fn report(&self, job: &Job) -> anyhow::Result<Outcome> {
        if !job.state.has_failed() || job.counters.read > 0 {
            self.print_counters(job)?;
        }
        if !job.state.has_failed() {
            for sentence in told::sentences(job, Language::of_environment()) {
                output::print(sentence)?;
            }
        }
        for note in &job.notes {
            output::print(note)?;
        }
        if job.counters.rejected > 0 || job.state.has_failed() {
            self.print_rejects(job).await?;
        }
        if job.state == JobState::Cancelled {
            let why = format!(
                "{} was not imported whole (job {}): {}",
                self.subject,
                job.id,
                cancelled(job)
            );
            if self.interrupted {
                return Err(Interrupted(why).into());
            }
            bail!(why);
        }
        if job.state.has_failed() {
            bail!(
                "{} was not imported (job {}): {}",
                self.subject,
                job.id,
                job.reason()
            );
        }
        Ok(if job.counters.rejected > 0 {
            Outcome::SomeRejected
        } else {
            Outcome::Done
        })
    }

    fn print_counters(&self, job: &Job) -> io::Result<()> {
        let would = if self.dry_run {
            " (dry run, nothing was written)"
        } else {
            ""
        };
        let seconds = self.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "shown to people")]
        let per_second = job.counters.read as f64 / seconds.max(0.001);
        output::print(format_args!(
            "{}, job {}, {seconds:.1} s, {} rows/s{would}",
            self.title,
            job.id,
            grouped(per_second, 0)
        ))?;
        let columns = console::Term::stdout().size_checked().map(|(_, columns)| columns);
        output::print(table_of(&counters(job), columns))
    }

    async fn print_rejects(&self, job: &Job) -> anyhow::Result<()> {
        let records = self.client.first_rejects(job.id, SHOWN_REJECTS).await?;
        if records.is_empty() {
            return Ok(());
        }
        print_records(&records)?;
        if records.len() == SHOWN_REJECTS {
            // An older service has no summary, and the records are shown.
            let groups = self.client.summary(job.id).await.map(|summary| summary.rejects);
            let groups = groups.unwrap_or_default();
            // A job that failed before it wrote anything has counted nothing.
            let kept = groups.iter().map(|group| group.records.unsigned_abs()).sum();
            let more = job
                .counters
                .rejected
                .max(kept)
                .saturating_sub(SHOWN_REJECTS as u64);
            if more > 0 {
                output::print(format_args!(
                    "and {} more: {}/jobs/{}/rejects?format=csv",
                    count(more),
                    self.script_url,
                    job.id
                ))?;
            }
            if more > 0 && !groups.is_empty() {
                print_reasons(&groups)?;
            }
        }
        if !self.dry_run && !job.state.has_failed() {
            output::print(format_args!(
                "to correct them: comptoir rejects {0} > rejects.csv, then comptoir replay {0} rejects.csv",
                job.id
            ))?;
        }
        Ok(())
    }
}

/// `counters` as one line below their names, or as a line each where a terminal of `columns` columns is too narrow.
fn table_of(counters: &[(&'static str, u64)], columns: Option<u16>) -> Table {
    let (names, numbers): (Vec<String>, Vec<String>) = counters
        .iter()
        .map(|(name, number)| ((*name).to_owned(), count(*number)))
        .unzip();
    let width: usize = names
        .iter()
        .zip(&numbers)
        .map(|(name, number)| name.len().max(number.len()) + 3)
        .sum();
    if columns.is_some_and(|columns| usize::from(columns) <= width) {
        let rows = names
            .into_iter()
            .zip(numbers)
            .map(|(name, number)| vec![name, number]);
        return output::table(&["records".to_owned(), String::new()], &[false, true], rows);
    }
    output::table(&names, &vec![true; names.len()], [numbers])
}

/// How many records and rows of `job` went which way, by name.
fn counters(job: &Job) -> Vec<(&'static str, u64)> {
    let Counters {
        read,
        inserted,
        updated,
        moved,
        unchanged,
        rejected,
        skipped,
        warnings,
    } = job.counters;
    let mut counters = vec![
        ("read", read),
        ("inserted", inserted),
        ("updated", updated),
        ("unchanged", unchanged),
        ("rejected", rejected),
        ("warnings", warnings),
    ];
    if moved > 0 {
        counters.insert(3, ("moved", moved));
    }
    if skipped > 0 {
        counters.insert(counters.len() - 1, ("skipped", skipped));
    }
    if job.deleted > 0 {
        counters.insert(3, ("deleted", job.deleted));
    }
    for (name, made) in [
        ("new products", job.created.products),
        ("new stores", job.created.stores),
    ] {
        if made > 0 {
            counters.push((name, made));
        }
    }
    counters
}

/// Who cancelled `job`, and what that left.
fn cancelled(job: &Job) -> String {
    let by = job
        .cancelled_by
        .as_ref()
        .map_or_else(String::new, |by| format!(" by {by}"));
    let written = job.counters.inserted + job.counters.updated;
    let left = match job.rolled_back() {
        Some(rows) => format!("the {} rows that it had written were taken back", count(rows)),
        None if written == 0 => "nothing was written".to_owned(),
        None => format!("the {} rows that it had written are kept", count(written)),
    };
    format!("cancelled{by}; {left}")
}

fn print_records(rejects: &[RejectedRecord]) -> io::Result<()> {
    let heads = ["line", "column", "value", "reason"].map(str::to_owned);
    let rows = rejects.iter().map(|reject| {
        vec![
            reject.line.to_string(),
            reject.column.clone().unwrap_or_default(),
            reject.value.clone().unwrap_or_default(),
            format!("{} ({})", reject.message, reject.code),
        ]
    });
    output::print(output::table(&heads, &[true, false, false, false], rows))
}

fn print_reasons(groups: &[RejectGroup]) -> io::Result<()> {
    let heads = ["records", "column", "reason", "first line", "there"].map(str::to_owned);
    let rows = groups.iter().take(SHOWN_REASONS).map(|group| {
        vec![
            count(group.records.unsigned_abs()),
            group.column.clone().unwrap_or_default(),
            group.code.clone(),
            group.first_line.to_string(),
            group.message.clone(),
        ]
    });
    output::print(output::table(&heads, &[true, false, false, true, false], rows))?;
    if groups.len() > SHOWN_REASONS {
        output::print(format_args!("and {} more reasons", groups.len() - SHOWN_REASONS))?;
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn count(number: u64) -> String {
    grouped(number as f64, 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::{Value, json};

    fn job(more: Value) -> Job {
        let mut changed = json!({
            "state": "cancelled",
            "cancelled_by": "Marie",
            "counters": {"read": 42_000, "inserted": 40_000, "updated": 2_000},
        });
        if let (Some(changed), Value::Object(more)) = (changed.as_object_mut(), more) {
            changed.extend(more);
        }
        fixtures::job(&changed)
    }

    #[test]
    fn a_cancelled_import_says_what_is_kept_and_what_was_taken_back() {
        assert_eq!(
            cancelled(&job(json!({}))),
            "cancelled by Marie; the 42,000 rows that it had written are kept"
        );
        assert_eq!(
            cancelled(&job(json!({"result": {"rolled_back": 42_000}}))),
            "cancelled by Marie; the 42,000 rows that it had written were taken back"
        );
        assert_eq!(
            cancelled(&job(json!({"counters": {"read": 0}, "cancelled_by": null}))),
            "cancelled; nothing was written"
        );
    }

    #[test]
    fn rows_that_gave_way_are_counted_where_there_are_any() {
        let names = |job: &Job| -> Vec<&str> { counters(job).into_iter().map(|(name, _)| name).collect() };

        assert!(!names(&job(json!({}))).contains(&"deleted"));
        assert!(counters(&job(json!({"deleted": 3}))).contains(&("deleted", 3)));
    }

    #[test]
    fn counters_do_not_wrap_in_a_narrow_terminal() {
        let counters = counters(&job(json!({})));

        for columns in [40, 60, 80, 120] {
            let mut table = table_of(&counters, Some(columns));
            let text = table.set_width(columns).to_string();
            assert!(text.contains("42,000") && text.contains("unchanged"), "{text}");
        }
        assert_eq!(table_of(&counters, Some(80)).to_string().lines().count(), 5);
        assert_eq!(table_of(&counters, Some(40)).to_string().lines().count(), 10);
    }
}
