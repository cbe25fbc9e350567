//! Exports of shops: what the crate `shop-exports` decides about a file of sales, and what it brings.
//!
//! A file in our own layout (ids, a day, a whole quantity, an amount of the line) is read as it stands, by `rows`. Any
//! other is looked at whole before its first line is written: [`look`].

use super::fault::{FaultCode, RecordFault};
use super::pairs::{self, Beside};
use super::questions;
use super::tables::TableSpec as _;
use crate::wire;
use script_api::{
    CreateMissing, Created, ImportReport, ImportTable, MatchedBy, ReadOptions, ReportDay, ReportLine,
    SalesDecision,
};
use shop_exports::headers::{Level, Meaning, Purpose, Taxes};
use shop_exports::plan::Each;
use shop_exports::{
    Catalogue, Database, EXPORT, Known, Lines, Options, Outcome, Plan, Prepared, Repeats, Said, Unresolved,
    What,
};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tabular::{Convention, Kind, Opener, Reading, Record, Survey, SurveyError};

/// How many days, lines and names a report tells.
const DAYS_TOLD: usize = 400;
const LINES_TOLD: usize = 5;
const NAMES_TOLD: usize = 100;
/// How many records of a sheet a preview looks at: their bytes are not known.
const RECORDS_OF_A_PREVIEW: u64 = 50_000;
/// How far apart the days of a file are where some are hardly right, in days.
const FAR_APART: i64 = 400;

/// What a request says about an export.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExportOptions {
    pub options: Options,
    pub create: CreateMissing,
}

impl ExportOptions {
    /// What `options` say; `convention` and `time_zone` hold where they say nothing.
    pub(crate) fn of(options: &ReadOptions, convention: Convention, time_zone: &str) -> Self {
        let read = wire::options(options);
        Self {
            options: Options {
                mapping: options.mapping.clone(),
                constants: options.constants.clone(),
                answers: options.answers.clone(),
                decimal: read.decimal,
                date_order: read.date_order,
                convention: read.locale.unwrap_or(convention),
                rates: options
                    .rates
                    .iter()
                    .map(|(code, rate)| (code.clone(), rate.to_string()))
                    .collect(),
                time_zone: Some(options.time_zone.clone().unwrap_or_else(|| time_zone.to_owned())),
            },
            create: options.create_missing,
        }
    }

    /// Whether something is said that only exports know.
    fn is_about_exports(&self) -> bool {
        let mut answered = self.options.answers.iter();
        !self.options.constants.is_empty()
            || !self.options.rates.is_empty()
            || answered.any(|(id, answer)| {
                !(questions::is_about_writing(id) || id == questions::KEYS && answer == "id")
            })
    }
}

/// An export that was looked at.
#[derive(Debug)]
pub(crate) struct Export {
    pub plan: Plan,
    pub repeats: Repeats,
    pub products: Catalogue,
    pub stores: Catalogue,
    /// List prices by product, in cents.
    pub prices: HashMap<i64, i64>,
    pub report: ImportReport,
}

/// A source that was surveyed.
#[derive(Debug)]
pub(crate) struct Surveyed {
    pub survey: Survey,
    /// Of an export: what was decided, and what is open.
    pub prepared: Option<Prepared>,
    pub export: Option<Export>,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LookError {
    #[error(transparent)]
    Survey(#[from] SurveyError),
    #[error("{}", .0.message)]
    NoSales(shop_exports::NoSales),
}

/// Surveys a source of sales: in our own layout, or as an export. `plan` is what was decided when it was surveyed
/// before.
pub(crate) fn look(
    open: Opener<'_>,
    read: &tabular::ReadOptions,
    asked: &ExportOptions,
    key_needed: bool,
    database: &Database,
    (plan, beside): (Option<Plan>, &[Beside<'_>]),
    (progress, limit): (&Arc<AtomicU64>, Option<u64>),
) -> Result<Surveyed, LookError> {
    let own_layout = if plan.is_some() || asked.is_about_exports() || !beside.is_empty() {
        None
    } else {
        let surveyed = tabular::survey(open, ImportTable::Sales.spec(), read, key_needed, progress, limit);
        match surveyed {
            Ok(survey) if is_plain(&survey, database) => {
                return Ok(Surveyed {
                    survey,
                    prepared: None,
                    export: None,
                });
            }
            Ok(_) => None,
            Err(
                error @ (SurveyError::Mapping(_)
                | SurveyError::Headers { .. }
                | SurveyError::Objects(_)
                | SurveyError::NotATable { .. }),
            ) => Some(error),
            Err(error) => return Err(error.into()),
        }
    };
    let (mut survey, joined) = match pairs::survey(open, read, beside, progress, limit) {
        Ok(surveyed) => surveyed,
        // What was wrong with our own layout says more than what was wrong with any.
        Err(error) => return Err(own_layout.unwrap_or(error).into()),
    };
    let mut each = |take: &mut dyn FnMut(&Record)| each_record(open, &survey.reading, progress, limit, take);
    let prepared = shop_exports::prepare(&survey.reading.headers, &mut each, database, &asked.options)
        .map_err(SurveyError::from)?;
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => {
            // Where no header says anything, what our own layout lacks says more.
            let headers = &survey.reading.headers;
            let known = headers
                .iter()
                .filter(|header| shop_exports::headers::is_known(header));
            return Err(match own_layout {
                Some(error) if known.count() < 2 => error.into(),
                _ => LookError::NoSales(fault),
            });
        }
    };
    let mut prepared = prepared;
    if let Some(text) = joined {
        let about = "orders".into();
        prepared
            .decisions
            .insert(0, shop_exports::Decision { about, text });
    }
    let export = match plan.or_else(|| prepared.plan.clone()) {
        Some(plan) => {
            let width = width(&survey.reading);
            let looked = look_at_lines(plan, width, &mut each, database, asked.create);
            Some(looked.map_err(SurveyError::from)?)
        }
        None => None,
    };
    prepared.decisions.extend(export.as_ref().and_then(regions_found));
    survey.decisions.mapping = prepared
        .columns
        .iter()
        .map(|(header, column)| tabular::MappedColumn {
            header: header.clone(),
            column: column.clone(),
            matched_by: tabular::MatchedBy::Synonym,
        })
        .collect();
    survey.decisions.ignored_headers.clone_from(&prepared.ignored);
    survey.decisions.columns.clone_from(&prepared.readings);
    Ok(Surveyed {
        survey,
        prepared: Some(prepared),
        export,
    })
}

/// Of how many stores that are made the region was found by their postal code or town.
fn regions_found(export: &Export) -> Option<shop_exports::Decision> {
    let made = export.stores.made().iter();
    let found = made.filter(|(_, store)| store.region_is_found).count();
    (found > 0).then(|| shop_exports::Decision {
        about: "region".into(),
        text: tabular::Text::new(
            format!(
                "the regions of {found} stores are those of their postal codes or towns in France, as the table \
                 `data/regions` has them"
            ),
            format!(
                "les régions de {found} magasins sont celles de leur code postal ou de leur ville, selon la table \
                 `data/regions`"
            ),
        ),
    })
}

/// The decisions of a source as they are told and kept.
pub(crate) fn decisions(surveyed: &Surveyed) -> script_api::Decisions {
    let mut decisions = wire::decisions_said(surveyed.survey.decisions.clone());
    if let Some(prepared) = &surveyed.prepared {
        decisions.sales = prepared
            .decisions
            .iter()
            .map(|decision| SalesDecision {
                about: decision.about.clone(),
                text: decision.text.en.clone(),
                fr: Some(decision.text.fr.clone()),
            })
            .collect();
        for column in &mut decisions.mapping {
            column.matched_by = MatchedBy::Synonym;
        }
    }
    decisions
}

/// Whether a source that was surveyed for our own layout is in it: all columns are there, what refers to others are
/// plain ids, and nothing beside them changes what a line is worth.
fn is_plain(survey: &Survey, database: &Database) -> bool {
    let reading = &survey.reading;
    let spec = ImportTable::Sales.spec();
    let header_of = |name: &str| {
        let at = spec.columns.iter().position(|column| column.name == name)?;
        reading.mapping.fields[at].map(|field| reading.headers[field].as_str())
    };
    let is_named = |name: &str| {
        let matched = reading
            .mapping
            .matched
            .iter()
            .find(|matched| matched.column == name);
        matched.is_some_and(|matched| matched.matched_by != tabular::MatchedBy::Synonym)
    };
    let has_all = spec
        .columns
        .iter()
        .all(|column| !column.required || header_of(column.name).is_some());
    // One bad cell among many is a reject; what most cells are not, the column is not.
    let mut columns = spec.columns.iter().zip(&reading.whole);
    let is_whole = columns.all(|(column, whole)| match column.kind {
        Kind::Reference(_) => {
            let many = if is_named(column.name) {
                whole.others * 5 > survey.records
            } else {
                whole.others > 0
            };
            whole.zero_led == 0 && !many
        }
        Kind::Integer => whole.fractions == 0 && whole.others * 2 <= survey.records,
        Kind::Date | Kind::Month | Kind::Cents | Kind::Text => true,
    });
    let has_id = header_of("id")
        .is_some_and(|header| is_named("id") || shop_exports::headers::meaning(header) == Meaning::LineId);
    let amount = header_of("amount").map(shop_exports::headers::meaning);
    let is_line_amount = is_named("amount")
        || matches!(amount, Some(Meaning::Money(money)) if money.taxes != Taxes::Excluded
            && money.purpose == Purpose::Goods
            && (money.level == Level::Line || header_of("ticket_id").is_none()));
    let no_codes = |known: &[Known]| known.iter().all(|known| known.code.is_none());
    let are_ids = (is_named("product_id") || no_codes(&database.products))
        && (is_named("store_id") || no_codes(&database.stores));
    let says_more = reading.mapping.ignored.iter().any(|header| {
        matches!(
            shop_exports::headers::meaning(header),
            Meaning::Status(_)
                | Meaning::Type(_)
                | Meaning::Test
                | Meaning::CancelledAt
                | Meaning::Currency(_)
                | Meaning::LineNumber
                | Meaning::Money(_)
                | Meaning::Time
                | Meaning::Channel
                | Meaning::Buyer(60..)
        )
    });
    has_all && has_id && is_whole && is_line_amount && are_ids && !says_more
}

/// Hands the records of a source to `take`, at most those of `limit` bytes.
fn each_record(
    open: Opener<'_>,
    reading: &Reading,
    progress: &Arc<AtomicU64>,
    limit: Option<u64>,
    take: &mut dyn FnMut(&Record),
) -> io::Result<()> {
    let mut records = reading.open(open()?, &EXPORT, progress)?;
    let mut record = Record::default();
    let mut number = 0;
    while limit.is_none_or(|limit| record.byte_offset < limit && number < RECORDS_OF_A_PREVIEW) {
        number += 1;
        match records.next(&mut record) {
            Ok(true) => take(&record),
            Ok(false) => break,
            // A preview is cut somewhere.
            Err(_) if limit.is_some() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Reads all lines as an import does, without writing.
fn look_at_lines(
    plan: Plan,
    width: Option<(usize, usize)>,
    each: Each<'_>,
    database: &Database,
    create: CreateMissing,
) -> io::Result<Export> {
    let mut products = Catalogue::new(What::Product, &database.products, create.products());
    let mut stores = Catalogue::new(What::Store, &database.stores, create.stores());
    let prices: HashMap<i64, i64> = database
        .products
        .iter()
        .filter_map(|product| Some((product.id, product.price_cents?)))
        .collect();
    let mut reporting = Reporting::default();
    let mut lines = Lines::looking(&plan).of_width(width);
    let mut number = 0;
    {
        let mut out = |place: shop_exports::Place, outcome: Outcome| match outcome {
            Outcome::Skipped(word) => *reporting.report.skipped.entry(word).or_default() += 1,
            Outcome::Fault(_) => {}
            Outcome::Line(line) => {
                let (product, store) = (products.resolve(&line.product), stores.resolve(&line.store));
                if let (Ok(product), Ok(_)) = (product, store) {
                    let listed = prices.get(&product).copied();
                    let amount = amount_of(&line, listed).unwrap_or_default();
                    reporting.take(place.line, &line, amount);
                }
            }
        };
        each(&mut |record| {
            number += 1;
            lines.take(number, record, &mut out);
        })?;
        lines.finish(&mut out);
    }
    let repeats = lines.into_repeats();
    let mut report = reporting.finish();
    report.currency.clone_from(&plan.currencies.kept);
    report.taxes = taxes_word(plan.amount.taxes).into();
    report.created = Created {
        products: products.made().len() as u64,
        stores: stores.made().len() as u64,
    };
    let names = |made: &[(i64, Said)]| {
        made.iter()
            .take(NAMES_TOLD)
            .map(|(_, said)| said.shown())
            .collect()
    };
    report.new_products = names(products.made());
    report.new_stores = names(stores.made());
    report.same_names = products
        .spellings()
        .iter()
        .chain(stores.spellings())
        .cloned()
        .collect();
    Ok(Export {
        plan,
        repeats,
        products,
        stores,
        prices,
        report,
    })
}

/// How many fields the records of a source have, up to the last header that is not empty and in all; `None` where each
/// has those that it has.
pub(super) fn width(reading: &Reading) -> Option<(usize, usize)> {
    let named = reading
        .headers
        .iter()
        .rposition(|header| !header.trim().is_empty());
    let width = (named.map_or(0, |last| last + 1), reading.headers.len());
    reading.dialect.as_ref().map(|_| width)
}

/// Why the product or the store of `line` cannot be told.
pub(super) fn unresolved(
    line: &shop_exports::Line,
    product: Result<i64, Unresolved>,
    store: Result<i64, Unresolved>,
) -> RecordFault {
    let (what, column, called, why) = match (product, store) {
        (Err(why), _) => ("product", "product_id", line.product.shown(), why),
        (Ok(_), Err(why)) => ("store", "store_id", line.store.shown(), why),
        (Ok(_), Ok(_)) => ("line", "product_id", String::new(), Unresolved::Unknown),
    };
    let (code, message) = match (why, what) {
        (Unresolved::Unknown, "store") => (FaultCode::UnknownStore, format!("there is no store `{called}`")),
        (Unresolved::Unknown, _) => (
            FaultCode::UnknownProduct,
            format!("there is no {what} `{called}`"),
        ),
        (Unresolved::Ambiguous, "store") => (
            FaultCode::AmbiguousStore,
            format!("several stores are called `{called}`"),
        ),
        (Unresolved::Ambiguous, _) => (
            FaultCode::AmbiguousProduct,
            format!("several products are called `{called}`"),
        ),
    };
    RecordFault::of_field(column, &called, code, message)
}

/// The amount of `line`, whose product has the list price `listed`.
pub(super) fn amount_of(line: &shop_exports::Line, listed: Option<i64>) -> Option<i64> {
    line.amount_cents.or_else(|| {
        let price = i128::from(listed?);
        Some(shop_exports::numbers::divide(
            price * i128::from(line.quantity_milli),
            1_000,
        ))
    })
}

pub(super) fn taxes_word(taxes: Taxes) -> &'static str {
    match taxes {
        Taxes::Included => "included",
        Taxes::Excluded => "excluded",
        Taxes::Unsaid => "unsaid",
    }
}

/// A report that is being made.
#[derive(Debug, Default)]
struct Reporting {
    report: ImportReport,
    days: BTreeMap<String, (u64, i64)>,
}

impl Reporting {
    fn take(&mut self, number: u64, line: &shop_exports::Line, amount: i64) {
        let report = &mut self.report;
        report.lines += 1;
        report.revenue_cents += amount;
        let day = self.days.entry(line.date.clone()).or_default();
        day.0 += 1;
        day.1 += amount;
        let is_large = report.largest.len() < LINES_TOLD
            || report
                .largest
                .last()
                .is_some_and(|least| amount.abs() > least.amount_cents.abs());
        if is_large {
            report.largest.push(ReportLine {
                line: number,
                day: line.date.clone(),
                product: line.product.shown(),
                amount_cents: amount,
            });
            report
                .largest
                .sort_by_key(|line| std::cmp::Reverse(line.amount_cents.abs()));
            report.largest.truncate(LINES_TOLD);
        }
    }

    fn finish(self) -> ImportReport {
        let mut report = self.report;
        report.first_day = self.days.keys().next().cloned();
        report.last_day = self.days.keys().next_back().cloned();
        report.far_days = far_days(&self.days);
        report.days = self
            .days
            .into_iter()
            .take(DAYS_TOLD)
            .map(|(day, (lines, revenue_cents))| ReportDay {
                day,
                lines,
                revenue_cents,
            })
            .collect();
        report
    }
}

/// The days that are far from where most lines are.
fn far_days(days: &BTreeMap<String, (u64, i64)>) -> Vec<String> {
    let total: u64 = days.values().map(|(lines, _)| lines).sum();
    let mut seen = 0;
    let middle = days.iter().find(|(_, (lines, _))| {
        seen += lines;
        seen * 2 >= total
    });
    let date = |day: &str| day.parse::<jiff::civil::Date>().ok();
    let Some(middle) = middle.and_then(|(day, _)| date(day)) else {
        return Vec::new();
    };
    let far = |day: &&String| {
        let apart = date(day).and_then(|day| (day - middle).get_days().into());
        apart.is_some_and(|apart: i32| i64::from(apart.abs()) > FAR_APART * 5)
    };
    days.keys().filter(far).take(NAMES_TOLD).cloned().collect()
}
