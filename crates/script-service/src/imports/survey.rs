//! The first look at a source: what the crate `tabular` decides about it, kept for callers and for a process that goes
//! on.

use super::exports::{self, ExportOptions, LookError, Surveyed};
use super::failure::{failed, survey_failure};
use super::locate::{Location, locate};
use super::pairs::{Beside, Pairs, read_options};
use super::questions;
use super::request::origin;
use super::tables::TableSpec as _;
use crate::jobs::context::{JobContext, Stop};
use crate::store::running_jobs::{self, Checkpoint};
use crate::store::{job_sources, references};
use db_client::{DbClient, DbError};
use script_api::{ImportRequest, ImportTable, Mode, SourceRequest};
use shop_exports::What;
use shop_exports::headers::Taxes;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Surveys source number `index` on a thread of its own.
pub(super) async fn survey(
    context: &JobContext,
    request: &ImportRequest,
    (source, index): (&SourceRequest, u64),
    location: &Location,
    pairs: &Pairs,
) -> Result<Surveyed, Stop> {
    let total = location
        .len()
        .map_err(|error| failed("unreadable", error.to_string()))?;
    context.progress.begin("surveying", None);
    context.progress.set_bytes_total(total);
    let table = source.table;
    let options = read_options(context, source);
    let mut beside = None;
    if let Some(of) = pairs.orders_of(index)
        && let Some(orders) = usize::try_from(of).ok().and_then(|of| request.sources.get(of))
        && let Some(location) = locate(context, orders, of, request.force).await?
    {
        beside = Some((origin(orders).to_owned(), location, read_options(context, orders)));
    }
    let key_needed = needs_key(table, request.mode);
    let (database, plan) = match table {
        ImportTable::Sales => {
            let kept = job_sources::plan(&context.db, context.job, index).await?;
            let plan = kept.and_then(|plan| serde_json::from_str(&plan).ok());
            (database(&context.db).await?, plan)
        }
        ImportTable::Products | ImportTable::Stores | ImportTable::Targets => Default::default(),
    };
    let asked = ExportOptions::of(&source.options, context.config.locale, &context.config.time_zone);
    let (db, runtime) = (context.db.clone(), Handle::current());
    let location = location.clone();
    let bytes = Arc::clone(&context.progress.bytes);
    let surveyed = tokio::task::spawn_blocking(move || {
        let open = || location.open(&db, &runtime);
        if table == ImportTable::Sales {
            let pace = (&bytes, None);
            let at = beside.as_ref().map(|(_, location, _)| location);
            let open_orders = || at.unwrap_or(&location).open(&db, &runtime);
            let beside: Vec<Beside<'_>> = beside
                .iter()
                .map(|(name, _, options)| Beside {
                    name: name.clone(),
                    open: &open_orders,
                    options: options.clone(),
                })
                .collect();
            return exports::look(
                &open,
                &options,
                &asked,
                key_needed,
                &database,
                (plan, &beside),
                pace,
            );
        }
        let survey = tabular::survey(&open, table.spec(), &options, key_needed, &bytes, None)?;
        Ok(Surveyed {
            survey,
            prepared: None,
            export: None,
        })
    })
    .await
    .map_err(|error| Stop::Broken(error.into()))?;
    let surveyed = surveyed.map_err(|error| match error {
        LookError::Survey(error) => survey_failure(&error, origin(source)),
        LookError::NoSales(fault) => failed(fault.code, format!("{}: {}", origin(source), fault.message)),
    })?;
    match questions::refusal(&questions::open(&surveyed), origin(source)) {
        Some(refusal) => Err(refusal),
        None => Ok(surveyed),
    }
}

/// Whether an import of `table` in `mode` needs a key on each line.
pub(crate) fn needs_key(table: ImportTable, mode: Mode) -> bool {
    table != ImportTable::Sales || !mode.makes_keys()
}

/// What is in the database that an export may be about.
pub(crate) async fn database(db: &DbClient) -> Result<shop_exports::Database, DbError> {
    let amounts = references::amounts(db).await?;
    let currency = amounts
        .currency
        .or_else(|| amounts.has_sales.then(|| "EUR".to_owned()));
    Ok(shop_exports::Database {
        products: references::known(db, What::Product).await?,
        stores: references::known(db, What::Store).await?,
        currency,
        taxes: match amounts.taxes.as_deref() {
            Some("included") => Some(Taxes::Included),
            Some("excluded") => Some(Taxes::Excluded),
            _ => None,
        },
    })
}

/// Keeps what the survey of source number `index` found. A source that is half done must be what it was.
pub(super) async fn keep(
    context: &JobContext,
    source: &SourceRequest,
    index: u64,
    surveyed: &Surveyed,
    checkpoint: &mut Checkpoint,
) -> Result<(), Stop> {
    let survey = &surveyed.survey;
    let (db, job, table) = (&context.db, context.job, source.table.as_str());
    if checkpoint.source_read > 0 {
        let known = job_sources::digest(db, job, index).await?;
        if known.as_ref() != Some(&survey.digest) {
            return Err(failed(
                "source_changed",
                format!("{} changed while its import was interrupted", origin(source)),
            ));
        }
        return Ok(());
    }
    let before = job_sources::same_content(db, job, table, &survey.digest).await?;
    let said = survey.notes.iter().map(ToString::to_string);
    let same_names = surveyed
        .export
        .iter()
        .flat_map(|export| &export.report.same_names);
    let same_names = same_names.map(|(first, other)| format!("`{other}` is taken for `{first}`"));
    let far = surveyed
        .export
        .iter()
        .filter(|export| !export.report.far_days.is_empty());
    let far = far.map(|export| {
        let days = export.report.far_days.join(", ");
        format!("far from all other days, and hardly right: {days}")
    });
    let same = before.map(|job| format!("same content as in job {job}"));
    for note in said.chain(same_names).chain(far).chain(same) {
        let note = format!("{}: {note}", origin(source));
        if !checkpoint.notes.contains(&note) {
            checkpoint.notes.push(note);
        }
    }
    let decisions = exports::decisions(surveyed);
    let kept = job_sources::set_survey(job, index, &survey.digest, survey.records, &decisions);
    let mut statements = vec![kept, running_jobs::checkpoint(job, checkpoint)];
    if let Some(export) = &surveyed.export {
        let plan = serde_json::to_string(&export.plan).unwrap_or_default();
        statements.push(job_sources::set_plan(job, index, &plan, &export.report));
    }
    db.transaction(statements).await?;
    Ok(())
}
