//! Sources that belong together: lines of orders, and the orders. They are read as one, whether they come as two
//! sources of a job or as two sheets of a workbook.

use super::failure::failed;
use super::locate::{Location, locate};
use super::request::origin;
use crate::jobs::context::{JobContext, Stop};
use crate::wire;
use script_api::{ImportRequest, ImportTable, SourceRequest};
use shop_exports::{EXPORT, pairs};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use tabular::{Joined, Opener, ReadOptions, Reading, Record, Survey, SurveyError, Text};
use tokio::runtime::Handle;

/// How much of a source is looked at to see what it may be, in bytes of decoded text.
const HEAD_BYTES: u64 = 256 << 10;

/// Another table that may say more of the lines of a source.
pub(crate) struct Beside<'a> {
    /// What it is called.
    pub name: String,
    pub open: Opener<'a>,
    pub options: ReadOptions,
}

/// Which sources of a request are the orders of which: by the number of the source of lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs(BTreeMap<u64, u64>);

impl Pairs {
    /// The source that has the orders of source number `lines`.
    pub(super) fn orders_of(&self, lines: u64) -> Option<u64> {
        self.0.get(&lines).copied()
    }

    /// The source whose lines source number `orders` belongs to.
    pub(super) fn lines_of(&self, orders: u64) -> Option<u64> {
        self.0
            .iter()
            .find(|(_, of)| **of == orders)
            .map(|(lines, _)| *lines)
    }

    /// Looks which of the sources of `request` belong together.
    pub(super) async fn find(context: &JobContext, request: &ImportRequest) -> Result<Self, Stop> {
        let is_sales = |source: &&SourceRequest| source.table == ImportTable::Sales;
        if request.sources.iter().filter(is_sales).count() < 2 {
            return Ok(Self::default());
        }
        let mut looked = Vec::new();
        for (source, index) in request
            .sources
            .iter()
            .zip(0..)
            .filter(|(source, _)| is_sales(source))
        {
            if let Some(location) = locate(context, source, index, request.force).await? {
                looked.push((index, location, read_options(context, source)));
            }
        }
        let (db, runtime) = (context.db.clone(), Handle::current());
        let pairs = tokio::task::spawn_blocking(move || {
            let open = |location: &Location| location.open(&db, &runtime);
            among(&looked, &open)
        })
        .await
        .map_err(|error| Stop::Broken(error.into()))?;
        pairs.map_err(|error| failed("unreadable", error.to_string()))
    }
}

/// How `source` is read, its settings filled in.
pub(super) fn read_options(context: &JobContext, source: &SourceRequest) -> ReadOptions {
    let mut options = wire::options(&source.options);
    options.default_locale = context.config.locale;
    options
        .time_zone
        .get_or_insert_with(|| context.config.time_zone.clone());
    options
}

type Looked = (u64, Location, ReadOptions);

fn among(
    looked: &[Looked],
    open: &(dyn Fn(&Location) -> io::Result<Box<dyn tabular::SourceRead>> + Sync),
) -> io::Result<Pairs> {
    let mut readings = Vec::new();
    for (index, location, options) in looked {
        let opener = || open(location);
        let progress = Arc::new(AtomicU64::new(0));
        let loose = loose(options);
        // What cannot be read is said when it is its turn.
        if let Ok(survey) = tabular::survey(&opener, &EXPORT, &loose, false, &progress, Some(HEAD_BYTES)) {
            readings.push((*index, location, survey.reading));
        }
    }
    let mut pairs = Pairs::default();
    for (lines, lines_at, of_lines) in &readings {
        for (orders, orders_at, of_orders) in &readings {
            if lines == orders || pairs.lines_of(*orders).is_some() || pairs.orders_of(*lines).is_some() {
                continue;
            }
            let (line_opener, order_opener) = (|| open(lines_at), || open(orders_at));
            let mut each_line = |take: &mut dyn FnMut(&Record)| each(&line_opener, of_lines, take);
            let mut each_order = |take: &mut dyn FnMut(&Record)| each(&order_opener, of_orders, take);
            let pair = pairs::find(
                (&of_lines.headers, &mut each_line),
                (&of_orders.headers, &mut each_order),
            )?;
            if pair.is_some() {
                pairs.0.insert(*lines, *orders);
            }
        }
    }
    Ok(pairs)
}

fn loose(options: &ReadOptions) -> ReadOptions {
    ReadOptions {
        mapping: BTreeMap::new(),
        ..options.clone()
    }
}

fn each(open: Opener<'_>, reading: &Reading, take: &mut dyn FnMut(&Record)) -> io::Result<()> {
    let mut records = reading.open(open()?, &EXPORT, &Arc::default())?;
    let mut record = Record::default();
    while records.next(&mut record)? {
        take(&record);
    }
    Ok(())
}

/// Surveys the source that `open` opens, and joins the table beside its lines where one of `beside`, or of its other
/// sheets, has their orders. The second says so.
pub(super) fn survey(
    open: Opener<'_>,
    options: &ReadOptions,
    beside: &[Beside<'_>],
    progress: &Arc<AtomicU64>,
    limit: Option<u64>,
) -> Result<(Survey, Option<Text>), SurveyError> {
    let options = loose(options);
    let mut main = tabular::survey(open, &EXPORT, &options, false, progress, limit)?;
    let mut tables: Vec<Beside<'_>> = beside
        .iter()
        .map(|other| Beside {
            name: other.name.clone(),
            open: other.open,
            options: other.options.clone(),
        })
        .collect();
    let sheets = main.other_sheets.clone();
    if !sheets.is_empty() && pairs::may_be_orders(&main.reading.headers) {
        // The sheet of orders may have the better header; the lines are what is imported.
        if let Some(lines) = sheet_of_lines(open, &options, &sheets, limit) {
            let first = main.decisions.sheet.as_ref().map(|sheet| sheet.name.clone());
            tables.extend(first.map(|name| sheet(open, &options, name)));
            main = lines;
        }
    }
    tables.extend(sheets.into_iter().map(|name| sheet(open, &options, name)));
    for table in &tables {
        if let Some(said) = join(&mut main, open, table)? {
            return Ok((main, Some(said)));
        }
    }
    Ok((main, None))
}

fn sheet<'a>(open: Opener<'a>, options: &ReadOptions, name: String) -> Beside<'a> {
    Beside {
        options: ReadOptions {
            sheet: Some(name.clone()),
            skip_lines: None,
            ..options.clone()
        },
        name,
        open,
    }
}

fn sheet_of_lines(
    open: Opener<'_>,
    options: &ReadOptions,
    sheets: &[String],
    limit: Option<u64>,
) -> Option<Survey> {
    sheets.iter().find_map(|name| {
        let other = sheet(open, options, name.clone());
        let survey = tabular::survey(open, &EXPORT, &other.options, false, &Arc::default(), limit).ok()?;
        pairs::may_be_lines(&survey.reading.headers).then_some(survey)
    })
}

/// Joins `table` to the lines of `main` where they belong together; says so.
fn join(main: &mut Survey, open: Opener<'_>, table: &Beside<'_>) -> io::Result<Option<Text>> {
    if !pairs::may_be_lines(&main.reading.headers) {
        return Ok(None);
    }
    let head = tabular::survey(
        table.open,
        &EXPORT,
        &loose(&table.options),
        false,
        &Arc::default(),
        Some(HEAD_BYTES),
    );
    let Ok(other) = head else { return Ok(None) };
    let mut each_line = |take: &mut dyn FnMut(&Record)| each(open, &main.reading, take);
    let mut each_order = |take: &mut dyn FnMut(&Record)| each(table.open, &other.reading, take);
    let found = pairs::find(
        (&main.reading.headers, &mut each_line),
        (&other.reading.headers, &mut each_order),
    )?;
    let Some(pair) = found else { return Ok(None) };
    let source = (&other.reading, (table.open)()?, &EXPORT);
    let Some(joined) = Joined::read(&main.reading, pair.key, source, pair.order_key, &pair.fields)? else {
        let most = tabular::MAX_JOINED_BYTES >> 20;
        main.notes.push(Text::new(
            format!(
                "the orders in {} are too many to be joined to lines: more than {most} MiB",
                table.name
            ),
            format!(
                "les commandes de {} sont trop nombreuses pour être jointes : plus de {most} Mio",
                table.name
            ),
        ));
        return Ok(None);
    };
    let (orders, name) = (joined.len(), &table.name);
    let key = &main.reading.headers[pair.key];
    let order_key = &other.reading.headers[pair.order_key];
    let said = Text::new(
        format!("lines are joined to {orders} orders of {name}: `{key}` is their `{order_key}`"),
        format!("les lignes sont jointes à {orders} commandes de {name} : `{key}` est leur `{order_key}`"),
    );
    main.join(joined, pair.headers);
    Ok(Some(said))
}

/// What is said of the source of orders that was joined to lines.
pub(super) fn joined_note(orders: &SourceRequest, lines: &SourceRequest) -> String {
    format!(
        "{}: its orders are joined to the lines of {}",
        origin(orders),
        origin(lines)
    )
}
