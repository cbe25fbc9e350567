//! What an import brought, in the words of a shop: days, lines, revenue, what is new, what was left out and why.

use crate::answer::Row;
use crate::format;
use crate::labels;
use crate::language::Language;
use crate::page::{self, Failure};
use crate::reasons;
use crate::table::Table;
use crate::words::Words;
use askama::Template;
use jiff::civil::Date;
use script_client::ScriptClient;
use script_client::script_api::{ColumnType, ImportReport, ImportRequest, Job, JobState, UndoCode};
use std::collections::BTreeMap;

/// How many names of new products and stores are shown.
const NAMES_SHOWN: usize = 5;
/// How many names that were taken for others are shown.
const SAME_NAMES_SHOWN: usize = 10;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportView {
    w: &'static Words,
    id: i64,
    title: &'static str,
    reason: Option<&'static str>,
    facts: Vec<(&'static str, String)>,
    nothing_new: bool,
    warnings: Vec<String>,
    left_out: Vec<(String, String)>,
    largest: String,
    figures: Option<String>,
    undo: Option<Undo>,
}

/// Whether the import can be taken back, and how.
struct Undo {
    possible: bool,
    partial: bool,
    words: &'static str,
    by_job: Option<i64>,
}

/// The report of `job`, an import that has ended, as HTML.
pub(crate) async fn section(script: &ScriptClient, job: &Job, language: Language) -> Result<String, Failure> {
    let w = language.words();
    let request: ImportRequest = serde_json::from_str(job.request.get()).unwrap_or_default();
    let title = match job.state {
        JobState::Failed => w.report_title_failed,
        JobState::Cancelled => w.report_title_cancelled,
        _ if request.dry_run => w.report_title_dry,
        _ => w.report_title,
    };
    let reports: Vec<&ImportReport> = job
        .sources
        .iter()
        .filter_map(|source| source.report.as_ref())
        .collect();
    let span = span(&reports);
    let counters = job.counters;
    let is_done = !job.state.has_failed();
    let code = job.problem().map(|problem| problem.code).unwrap_or_default();
    let figures = span
        .filter(|_| is_done && !request.dry_run)
        .map(|(from, to)| format!("/?from={from}&to={to}"));
    Ok(ReportView {
        w,
        id: job.id,
        title,
        reason: reasons::of(&reasons::REFUSALS, &code, language),
        facts: facts(job, &reports, span, language),
        nothing_new: is_done
            && counters.read > 0
            && counters.inserted + counters.updated == 0
            && counters.unchanged > 0,
        warnings: warnings(&reports, language),
        left_out: left_out(script, job, &reports, language).await?,
        largest: largest(&reports, language)?,
        figures,
        undo: undo(job, w),
    }
    .render()?)
}

/// The first and the last day of what `reports` tell, but for days that are hardly right.
fn span(reports: &[&ImportReport]) -> Option<(Date, Date)> {
    let days = reports.iter().flat_map(|report| {
        let is_right = |day: &&String| !report.far_days.contains(day);
        let ends = [&report.first_day, &report.last_day].into_iter().flatten();
        let days = report.days.iter().map(|day| &day.day);
        // The ends stand for the days that are not told.
        days.chain(ends).filter(is_right)
    });
    let days = days.filter_map(|day| day.parse::<Date>().ok());
    days.fold(None, |span, day| {
        Some(span.map_or((day, day), |(from, to): (Date, Date)| {
            (from.min(day), to.max(day))
        }))
    })
}

/// The sums of revenue by currency, and whether they are without taxes.
fn revenue(reports: &[&ImportReport], language: Language) -> String {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    for report in reports {
        let sum = sums.entry(&report.currency).or_default();
        *sum = sum.saturating_add(report.revenue_cents);
    }
    let sums: Vec<String> = sums
        .into_iter()
        .map(|(currency, cents)| amount(cents, currency, language))
        .collect();
    let mut text = sums.join(", ");
    if reports.iter().any(|report| report.taxes == "excluded") {
        text = format!("{text} ({})", language.words().report_net);
    }
    text
}

/// An amount of cents in `currency`.
fn amount(cents: i64, currency: &str, language: Language) -> String {
    if currency == "EUR" {
        return format::money(cents, 2, language);
    }
    format!("{}\u{a0}{currency}", format::number(cents, 2, language))
}

fn facts(
    job: &Job,
    reports: &[&ImportReport],
    span: Option<(Date, Date)>,
    language: Language,
) -> Vec<(&'static str, String)> {
    let w = language.words();
    let count = |number: u64| format::number(i64::try_from(number).unwrap_or(i64::MAX), 0, language);
    let mut facts = Vec::new();
    if let Some((from, to)) = span {
        facts.push((w.wizard_days, format::period(from, to, language)));
    }
    if !reports.is_empty() {
        facts.push((w.lines, count(reports.iter().map(|report| report.lines).sum())));
        facts.push((w.report_revenue, revenue(reports, language)));
    }
    let counters = job.counters;
    let left_out = counters.rejected + counters.skipped;
    for (name, number) in [
        (w.report_new, counters.inserted),
        (w.report_changed, counters.updated),
        (w.report_known, counters.unchanged),
        (w.report_left_out, left_out),
    ] {
        if number > 0 || (name == w.report_new && !job.state.has_failed()) {
            facts.push((name, count(number)));
        }
    }
    let names = |made: u64, names: fn(&ImportReport) -> &Vec<String>| {
        let some: Vec<&str> = reports
            .iter()
            .flat_map(|report| names(report))
            .take(NAMES_SHOWN)
            .map(String::as_str)
            .collect();
        let more = if made > some.len() as u64 { ", …" } else { "" };
        if some.is_empty() {
            count(made)
        } else {
            format!("{} ({}{more})", count(made), some.join(", "))
        }
    };
    let created = job.created;
    if created.products > 0 {
        let told = names(created.products, |report| &report.new_products);
        facts.push((w.wizard_new_products, told));
    }
    if created.stores > 0 {
        let told = names(created.stores, |report| &report.new_stores);
        facts.push((w.wizard_new_stores, told));
    }
    facts
}

/// What the owner should look at.
fn warnings(reports: &[&ImportReport], language: Language) -> Vec<String> {
    let w = language.words();
    let day = |text: &str| {
        text.parse()
            .map_or_else(|_| text.to_owned(), |day| format::date(day, language))
    };
    let mut warnings = Vec::new();
    let far: Vec<String> = reports
        .iter()
        .flat_map(|report| &report.far_days)
        .map(|far| day(far))
        .collect();
    if !far.is_empty() {
        warnings.push(w.report_far_days.replace("{}", &far.join(", ")));
    }
    let today = jiff::Zoned::now().date();
    let last = reports
        .iter()
        .filter_map(|report| report.last_day.as_ref()?.parse::<Date>().ok())
        .max();
    if let Some(last) = last.filter(|last| *last > today) {
        warnings.push(w.report_future.replace("{}", &format::date(last, language)));
    }
    let same = reports.iter().flat_map(|report| &report.same_names);
    warnings.extend(same.take(SAME_NAMES_SHOWN).map(|(first, other)| {
        // The second name last: a name may hold what stands for the first.
        let (before, after) = w.report_same_names.split_once("{}").unwrap_or_default();
        format!("{}{first}{after}", before.replace("{name}", other))
    }));
    warnings
}

/// What was left out, by reason and with how many records.
async fn left_out(
    script: &ScriptClient,
    job: &Job,
    reports: &[&ImportReport],
    language: Language,
) -> Result<Vec<(String, String)>, Failure> {
    let count = |number: u64| format::number(i64::try_from(number).unwrap_or(i64::MAX), 0, language);
    let mut by_reason: Vec<(String, u64)> = Vec::new();
    if job.counters.rejected > 0 || job.state.has_failed() {
        let groups = match script.summary(job.id).await {
            Ok(summary) => summary.rejects,
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        for group in groups {
            let known = reasons::of(&reasons::REJECTS, &group.code, language);
            let words = known.map_or_else(|| group.code.replace('_', " "), str::to_owned);
            let words = match &group.column {
                Some(column) => format!("{words} ({})", labels::column(column, language)),
                None => words,
            };
            match by_reason.iter_mut().find(|(known, _)| *known == words) {
                Some((_, records)) => *records += group.records.unsigned_abs(),
                None => by_reason.push((words, group.records.unsigned_abs())),
            }
        }
    }
    let mut skipped: BTreeMap<&str, u64> = BTreeMap::new();
    for (word, records) in reports.iter().flat_map(|report| &report.skipped) {
        *skipped.entry(word).or_default() += records;
    }
    by_reason.extend(
        skipped
            .into_iter()
            .map(|(word, records)| (language.words().report_skipped.replace("{name}", word), records)),
    );
    Ok(by_reason
        .into_iter()
        .map(|(words, records)| (words, count(records)))
        .collect())
}

/// The largest lines, as a table.
fn largest(reports: &[&ImportReport], language: Language) -> Result<String, Failure> {
    let w = language.words();
    let rows: Vec<Row> = reports
        .iter()
        .flat_map(|report| {
            report.largest.iter().map(|line| {
                let day = line.day.parse();
                Row::from_iter([
                    ("line".to_owned(), line.line.into()),
                    (
                        "day".to_owned(),
                        day.map_or_else(|_| line.day.clone(), format::short_date).into(),
                    ),
                    ("product".to_owned(), line.product.as_str().into()),
                    (
                        "amount".to_owned(),
                        amount(line.amount_cents, &report.currency, language).into(),
                    ),
                ])
            })
        })
        .collect();
    if rows.is_empty() {
        return Ok(String::new());
    }
    let columns = [
        ("line", w.wizard_line, ColumnType::Integer),
        ("day", w.day, ColumnType::Text),
        ("product", w.product, ColumnType::Text),
        ("amount", w.wizard_amount, ColumnType::Text),
    ];
    Ok(page::table(
        &Table::from_rows(w.report_largest, &columns, &rows, language),
        language,
    )?)
}

/// Whether `job` can be taken back, in words; `None` where there is nothing to say.
fn undo(job: &Job, w: &'static Words) -> Option<Undo> {
    let undo = job.undo.as_ref()?;
    let (possible, partial, words) = match undo.code {
        _ if undo.possible => (true, false, w.report_undo_question),
        Some(UndoCode::ChangedSince) => (false, true, w.report_undo_changed),
        Some(UndoCode::Undone) => (false, false, w.report_undone),
        Some(UndoCode::BeingUndone) => (false, false, w.report_being_undone),
        Some(UndoCode::Expired) => (false, false, w.report_undo_expired),
        Some(UndoCode::NotFinished | UndoCode::NothingWritten) | None => return None,
    };
    Some(Undo {
        possible,
        partial,
        words,
        by_job: undo.by_job,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(days: [&str; 2], far: &[&str]) -> ImportReport {
        ImportReport {
            first_day: Some(days[0].into()),
            last_day: Some(days[1].into()),
            far_days: far.iter().map(|day| (*day).to_owned()).collect(),
            ..ImportReport::default()
        }
    }

    #[test]
    fn a_day_that_is_hardly_right_does_not_move_the_figures() {
        let right = report(["2023-11-01", "2023-11-30"], &[]);
        let wrong = report(["2023-10-01", "2099-01-01"], &["2099-01-01"]);

        let (from, to) = span(&[&right, &wrong]).unwrap();

        assert_eq!(
            (from.to_string(), to.to_string()),
            ("2023-10-01".into(), "2023-11-30".into())
        );
        assert_eq!(span(&[]), None);
    }

    #[test]
    fn names_stand_where_they_belong_whatever_they_are() {
        let same = ImportReport {
            same_names: vec![("{name}".into(), "Cafe {} creme".into())],
            ..ImportReport::default()
        };

        assert_eq!(
            warnings(&[&same], Language::En),
            ["“Cafe {} creme” was taken for “{name}”."]
        );
    }

    #[test]
    fn amounts_of_two_currencies_are_not_added_up() {
        let euros = ImportReport {
            revenue_cents: 100_050,
            currency: "EUR".into(),
            ..ImportReport::default()
        };
        let dollars = ImportReport {
            revenue_cents: 500,
            currency: "USD".into(),
            taxes: "excluded".into(),
            ..ImportReport::default()
        };

        assert_eq!(
            revenue(&[&euros, &dollars], Language::En),
            "€1,000.50, 5.00\u{a0}USD (amounts without taxes)"
        );
    }
}
