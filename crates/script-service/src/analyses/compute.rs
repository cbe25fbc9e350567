//! Runs an analysis: a window, filters, the statement, exact figures.
//!
//! Statements read `days`, `product_days` and `store_days`, the sums that imports keep. Where a filter or the caller asks for it, the same names stand for sums taken from the
//! lines of `sales`, so a statement is written once. `product_periods` and `store_periods` are what each sold in
//! the window and in the one it is compared with. Before a statement runs, days that somebody changed by
//! hand are summed again; an answer is given only when the data stayed the same around it.

use super::catalog::Analysis;
use super::figures::Figure;
use super::header::{
    AnalysisColumn, AnalysisParameter, ColumnType, Header, HeaderError, NoteCondition, Reach,
};
use super::rounding::{self, Rounding};
use super::window::{self, Coverage, Span, Window, WindowQuery};
use crate::params::positional;
use db_client::db_api::{Params, QueryResult, Statement, Value};
use db_client::{DbClient, DbError};
use jiff::ToSpan as _;
use service_kit::faults::{Fault, Faults};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use tabular::cents;

/// How often an answer is computed again when the data changes under it.
const ATTEMPTS: usize = 4;
/// How many days are summed again in one transaction.
const REFRESH_DAYS: i64 = 62;

/// The sums of lines, named as in the tables of daily sums.
const SUMS: &str = "COUNT(*) AS lines, SUM(quantity) AS units, SUM(amount_cents) AS amount_cents, \
    SUM(MIN(amount_cents, 0)) AS returns_cents";
/// Those of the lines of a store on a day that name their ticket.
const TICKET_SUMS: &str = "COUNT(DISTINCT ticket_id) AS tickets, COUNT(ticket_id) AS ticket_lines, \
    COALESCE(SUM(quantity) FILTER (WHERE ticket_id IS NOT NULL), 0) AS ticket_units, \
    COALESCE(SUM(amount_cents) FILTER (WHERE ticket_id IS NOT NULL), 0) AS ticket_cents";
/// Their names.
const TICKET_COLUMNS: [&str; 4] = ["tickets", "ticket_lines", "ticket_units", "ticket_cents"];

/// Lines that an answer counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters {
    pub region: Option<String>,
    pub store: Option<i64>,
    pub product: Option<i64>,
    pub category: Option<String>,
}

/// What is asked of an analysis.
#[derive(Debug, Clone, Default)]
pub(crate) struct Question {
    pub window: WindowQuery,
    pub filters: Filters,
    pub limit: Option<u64>,
    pub rounding: Rounding,
    /// Takes the sums from the lines instead of from the daily sums.
    pub from_lines: bool,
    /// Values of the analysis's own parameters.
    pub parameters: BTreeMap<String, String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub analysis: String,
    pub title: String,
    pub window: Window,
    pub columns: Vec<AnalysisColumn>,
    pub rows: Vec<Vec<Figure>>,
    pub figures: Vec<(String, Figure)>,
    pub headline: Option<f64>,
    pub notes: Vec<String>,
    pub dataset_version: i64,
    pub computed_at: String,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComputeError {
    /// The question makes no sense.
    #[error("{0}")]
    Question(Faults),
    /// The file of the analysis is at fault.
    #[error("analysis `{name}`: {detail}")]
    Analysis { name: String, detail: String },
    /// The database gave no answer.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Which state the data is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DataState {
    pub version: i64,
    dirty: i64,
    pub coverage: Option<Coverage>,
}

/// The state of the data, days changed by hand summed again first.
pub(crate) async fn current_state(db: &DbClient) -> Result<DataState, DbError> {
    loop {
        let state = read_state(db).await?;
        if state.dirty == 0 {
            return Ok(state);
        }
        sum_dirty_days(db).await?;
    }
}

async fn read_state(db: &DbClient) -> Result<DataState, DbError> {
    let result = db
        .query(
            "SELECT version,
                (SELECT COUNT(*) FROM (SELECT 1 FROM dirty_days LIMIT 1)),
                (SELECT MIN(sale_date) FROM days),
                (SELECT MAX(sale_date) FROM days)
            FROM dataset WHERE id = 1",
            positional([]),
        )
        .await?;
    let row = result.rows.first().map(Vec::as_slice).unwrap_or_default();
    let number = |index: usize| row.get(index).and_then(Value::as_i64).unwrap_or_default();
    let day = |index: usize| {
        row.get(index)
            .and_then(Value::as_str)
            .and_then(|day| day.parse().ok())
    };
    Ok(DataState {
        version: number(0),
        dirty: number(1),
        coverage: day(2).zip(day(3)).map(|(first, last)| Coverage { first, last }),
    })
}

/// Sums some of the days again that were changed by hand. Doing it twice changes nothing.
async fn sum_dirty_days(db: &DbClient) -> Result<(), DbError> {
    const CHOSEN: &str = "(SELECT sale_date FROM dirty_days ORDER BY sale_date LIMIT ?1)";
    let statements = [
        format!("DELETE FROM product_days WHERE sale_date IN {CHOSEN}"),
        format!("DELETE FROM store_days WHERE sale_date IN {CHOSEN}"),
        format!("DELETE FROM days WHERE sale_date IN {CHOSEN}"),
        format!(
            "INSERT INTO product_days (sale_date, product_id, lines, units, amount_cents, returns_cents)
            SELECT sale_date, product_id, {SUMS}
            FROM sales WHERE sale_date IN {CHOSEN} GROUP BY sale_date, product_id"
        ),
        format!(
            "INSERT INTO store_days (sale_date, store_id, lines, units, amount_cents, returns_cents,
                tickets, ticket_lines, ticket_units, ticket_cents)
            SELECT sale_date, store_id, {SUMS}, {TICKET_SUMS}
            FROM sales WHERE sale_date IN {CHOSEN} GROUP BY sale_date, store_id"
        ),
        format!(
            "INSERT INTO days (sale_date, lines, units, amount_cents, returns_cents)
            SELECT sale_date, SUM(lines), SUM(units), SUM(amount_cents), SUM(returns_cents)
            FROM product_days WHERE sale_date IN {CHOSEN} GROUP BY sale_date"
        ),
        format!("DELETE FROM uncounted_days WHERE sale_date IN {CHOSEN}"),
        format!("DELETE FROM dirty_days WHERE sale_date IN {CHOSEN}"),
    ];
    let statements = statements.map(|sql| Statement::new(sql, [Value::Integer(REFRESH_DAYS)]));
    db.transaction(statements.into()).await.map(drop)
}

/// Counts the tickets again of those days from `from` to `to` to which an import brought lines. Doing it twice changes
/// nothing.
async fn count_tickets(db: &DbClient, from: &Value, to: &Value) -> Result<(), DbError> {
    const CHOSEN: &str = "(SELECT sale_date FROM uncounted_days WHERE sale_date BETWEEN ?1 AND ?2 ORDER BY sale_date LIMIT ?3)";
    let params = || [from.clone(), to.clone(), Value::Integer(REFRESH_DAYS)];
    loop {
        let left = db
            .query(&format!("SELECT COUNT(*) FROM {CHOSEN}"), positional(params()))
            .await?;
        if left.rows.first().and_then(|row| row[0].as_i64()) == Some(0) {
            return Ok(());
        }
        let statements = [
            format!("UPDATE store_days SET tickets = 0 WHERE sale_date IN {CHOSEN}"),
            format!(
                "INSERT INTO store_days (sale_date, store_id, lines, units, amount_cents, returns_cents, tickets)
                SELECT sale_date, store_id, 0, 0, 0, 0, COUNT(DISTINCT ticket_id)
                FROM sales WHERE sale_date IN {CHOSEN} AND ticket_id IS NOT NULL GROUP BY sale_date, store_id
                ON CONFLICT (sale_date, store_id) DO UPDATE SET tickets = excluded.tickets"
            ),
            format!("DELETE FROM uncounted_days WHERE sale_date IN {CHOSEN}"),
        ];
        let statements = statements.map(|sql| Statement::new(sql, params()));
        db.transaction(statements.into()).await?;
    }
}

/// Answers `question` by `analysis`.
pub(crate) async fn answer(
    db: &DbClient,
    analysis: &Analysis,
    question: &Question,
) -> Result<Answer, ComputeError> {
    let own = parameters(analysis, question).map_err(ComputeError::Question)?;
    let mut state = current_state(db).await?;
    let mut attempt = 1;
    loop {
        let span = window::resolve(&question.window, analysis.header.window, state.coverage)
            .map_err(ComputeError::Question)?;
        let sql = with_sources(&analysis.header.sql, &question.filters, question.from_lines);
        let params = bind(&sql, &span, question, &own, analysis.header.reads);
        if reads(&analysis.header.sql, "tickets") {
            let (from, to) = reach(&span, analysis.header.reads);
            count_tickets(db, &from.into(), &to.into()).await?;
        }
        let result = db
            .query(&sql, params)
            .await
            .map_err(|error| of_file(analysis, error))?;
        let after = current_state(db).await?;
        if after.version == state.version || attempt == ATTEMPTS {
            return compose(analysis, &span, &result, state.version, question);
        }
        state = after;
        attempt += 1;
    }
}

/// What is wrong with `question` whatever the data is.
pub(crate) fn faults(analysis: &Analysis, question: &Question) -> Faults {
    parameters(analysis, question).err().unwrap_or_default()
}

/// The values of the analysis's own parameters. `Err` says all that is wrong with them and with the window.
fn parameters(analysis: &Analysis, question: &Question) -> Result<BTreeMap<String, Value>, Faults> {
    let mut faults = Faults::default();
    faults.take(window::resolve(&question.window, analysis.header.window, None));
    let own = faults.take(own_parameters(&analysis.header, &question.parameters));
    faults.or(own.unwrap_or_default())
}

/// An SQL fault in a file of the folder is the file's, not the database's.
fn of_file(analysis: &Analysis, error: DbError) -> ComputeError {
    match error {
        DbError::Refused(problem) if !analysis.built_in && !problem.retryable => ComputeError::Analysis {
            name: analysis.name.clone(),
            detail: problem.detail,
        },
        other => ComputeError::Db(other),
    }
}

/// What SQLite has against the statement of `analysis`, and on which line of its file; `None` when it would run.
///
/// # Errors
///
/// When the database gave no answer.
pub(crate) async fn fault(db: &DbClient, analysis: &Analysis) -> Result<Option<HeaderError>, DbError> {
    const EXPLAIN: &str = "EXPLAIN ";
    let header = &analysis.header;
    let question = Question::default();
    let own = header
        .parameters
        .iter()
        .map(|parameter| (parameter.name.clone(), Value::Null))
        .collect();
    let sql = with_sources(&header.sql, &question.filters, question.from_lines);
    let params = bind(&sql, &Span::default(), &question, &own, header.reads);
    match db.query(&format!("{EXPLAIN}{sql}"), params).await {
        Ok(_) => Ok(None),
        Err(DbError::Refused(problem)) if !problem.retryable => {
            // The end of the statement is the file's; what is before may be ours.
            let behind = (EXPLAIN.len() + sql.len()) as u64 - problem.sql_offset.unwrap_or_default();
            let before = header
                .sql
                .len()
                .saturating_sub(usize::try_from(behind).unwrap_or(usize::MAX));
            let lines = header.sql.get(..before).unwrap_or_default().matches('\n').count();
            Ok(Some(HeaderError {
                line: header.sql_line + lines as u64,
                message: problem.detail,
            }))
        }
        Err(error) => Err(error),
    }
}

fn compose(
    analysis: &Analysis,
    span: &Span,
    result: &QueryResult,
    version: i64,
    question: &Question,
) -> Result<Answer, ComputeError> {
    let header = &analysis.header;
    let columns = if header.columns.is_empty() {
        inferred_columns(result)
    } else {
        header.columns.clone()
    };
    let index: BTreeMap<&str, usize> = result
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| (column.name.as_str(), index))
        .collect();
    for column in columns.iter().chain(&header.figures) {
        let needed = match &column.quotient {
            Some((above, below)) => vec![above, below],
            None => vec![&column.name],
        };
        if let Some(missing) = needed.into_iter().find(|name| !index.contains_key(name.as_str())) {
            return Err(ComputeError::Analysis {
                name: analysis.name.clone(),
                detail: format!("the statement has no column `{missing}`"),
            });
        }
    }
    let take = |column: &AnalysisColumn, row: &[Value]| {
        Figure::of(column, |name| index.get(name).and_then(|&index| row.get(index)))
    };
    let mut rows: Vec<Vec<Figure>> = result
        .rows
        .iter()
        .map(|row| columns.iter().map(|column| take(column, row)).collect())
        .collect();
    if question.rounding == Rounding::LargestRemainder {
        rounding::round_shares(&columns, &mut rows, |row, column| {
            let (above, below) = column.quotient.as_ref()?;
            let number = |name: &str| result.rows[row][*index.get(name)?].as_i64();
            Some((number(above)?, number(below)?))
        });
        let limit = question.limit.and_then(|limit| usize::try_from(limit).ok());
        rows.truncate(limit.unwrap_or(usize::MAX));
    }
    let figures: Vec<(String, Figure)> = header
        .figures
        .iter()
        .map(|column| {
            let figure = result.rows.first().map_or(Figure::Null, |row| take(column, row));
            (column.name.clone(), figure)
        })
        .collect();
    let headline = header.headline.as_ref().and_then(|name| {
        let in_figures = figures
            .iter()
            .find(|(figure, _)| figure == name)
            .map(|(_, figure)| figure);
        let in_rows = || {
            let column = columns.iter().position(|column| column.name == *name)?;
            rows.first().and_then(|row| row.get(column))
        };
        in_figures.or_else(in_rows).and_then(Figure::to_f64)
    });
    let mut notes = notes(header, span, &figures);
    if result.truncated {
        notes.push(format!(
            "Only the first {} rows: the database's limit.",
            rows.len()
        ));
    }
    Ok(Answer {
        analysis: analysis.name.clone(),
        title: header.title.clone(),
        window: Window {
            from: span.from,
            to: span.to,
        },
        columns,
        rows,
        figures,
        headline,
        notes,
        dataset_version: version,
        computed_at: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
    })
}

fn inferred_columns(result: &QueryResult) -> Vec<AnalysisColumn> {
    result
        .columns
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let first = result
                .rows
                .iter()
                .map(|row| &row[index])
                .find(|value| !value.is_null());
            AnalysisColumn {
                name: column.name.clone(),
                kind: match first {
                    Some(Value::Integer(_)) => ColumnType::Integer,
                    Some(Value::Real(_)) => ColumnType::Number,
                    _ => ColumnType::Text,
                },
                unit: None,
                quotient: None,
            }
        })
        .collect()
}

fn notes(header: &Header, span: &Span, figures: &[(String, Figure)]) -> Vec<String> {
    let is_set = |name: &str| {
        figures
            .iter()
            .any(|(figure, value)| figure == name && value.is_set())
    };
    let day = |day: Option<jiff::civil::Date>| day.map(|day| day.to_string()).unwrap_or_default();
    header
        .notes
        .iter()
        .filter(|note| match &note.condition {
            NoteCondition::Always => true,
            NoteCondition::If(figure) => is_set(figure),
            NoteCondition::Unless(figure) => !is_set(figure),
        })
        .map(|note| {
            let mut text = note
                .text
                .replace("{from}", &day(span.from))
                .replace("{to}", &day(span.to))
                .replace("{previous_from}", &day(span.previous_from))
                .replace("{previous_to}", &day(span.previous_to));
            for (name, figure) in figures {
                text = text.replace(&format!("{{{name}}}"), &figure.to_text('.'));
            }
            text
        })
        .collect()
}

/// The values of the analysis's own parameters, defaults filled in.
fn own_parameters(
    header: &Header,
    given: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Value>, Faults> {
    let is_known = |name: &String| header.parameters.iter().any(|parameter| parameter.name == *name);
    let mut faults: Faults = given
        .keys()
        .filter(|name| !is_known(name))
        .map(|name| {
            Fault::at(
                format!("/{name}"),
                format!("unknown field `{name}`: the analysis has no such parameter"),
            )
        })
        .collect();
    let mut values = BTreeMap::new();
    for parameter in &header.parameters {
        let pointer = format!("/{}", parameter.name);
        match given.get(&parameter.name).or(parameter.default.as_ref()) {
            None => faults.push(Fault::at(
                pointer,
                format!("missing field `{}`: it must be given", parameter.name),
            )),
            Some(text) => {
                let value = typed(parameter, text).map_err(|reason| Fault::at(pointer, reason));
                if let Some(value) = faults.take(value) {
                    values.insert(parameter.name.clone(), value);
                }
            }
        }
    }
    faults.or(values)
}

/// `text` as a value of `parameter`; `Err` holds what it must be.
fn typed(parameter: &AnalysisParameter, text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("it must be {what}, not `{text}`");
    Ok(match parameter.kind {
        ColumnType::Integer => Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?),
        ColumnType::Number | ColumnType::Percent | ColumnType::Index => {
            let number: f64 = text.parse().map_err(|_| wrong("a number"))?;
            Value::Real(number)
        }
        ColumnType::Money => {
            let amount = cents::parse(text, cents::DecimalMark::Point).ok_or_else(|| wrong("an amount"))?;
            Value::Integer(amount.cents)
        }
        ColumnType::Date => {
            let day: jiff::civil::Date = text.parse().map_err(|_| wrong("a day such as 2023-11-30"))?;
            Value::Text(day.to_string())
        }
        ColumnType::Boolean => match text {
            "true" | "1" => Value::Integer(1),
            "false" | "0" => Value::Integer(0),
            _ => return Err(wrong("true or false")),
        },
        ColumnType::Text | ColumnType::Month => Value::Text(text.to_owned()),
    })
}

/// `sql` with the sources it reads put before it where they are not the daily sums as they stand.
fn with_sources(sql: &str, filters: &Filters, from_lines: bool) -> String {
    const BY_PRODUCT: &str = "(:product IS NULL OR product_id = :product)
        AND (:category IS NULL OR product_id IN (
            SELECT id FROM products WHERE COALESCE(category, '(unknown)') = :category
        ))";
    const BY_STORE: &str = "(:store IS NULL OR store_id = :store)
        AND (:region IS NULL OR store_id IN (
            SELECT id FROM stores WHERE COALESCE(region, '(unknown)') = :region
        ))";
    let by_product = filters.product.is_some() || filters.category.is_some();
    let by_store = filters.store.is_some() || filters.region.is_some();
    let from_sums = |table: &str, by_day: bool, condition: &str| {
        let (chosen, group) = if by_day {
            let sums = "sale_date, SUM(lines) AS lines, SUM(units) AS units, SUM(amount_cents) AS amount_cents, \
                 SUM(returns_cents) AS returns_cents";
            (sums, " GROUP BY sale_date")
        } else {
            ("*", "")
        };
        format!(
            "SELECT {chosen} FROM main.{table} WHERE sale_date BETWEEN :span_from AND :span_to{condition}{group}"
        )
    };
    // Different tickets cost a look at each, so they are counted only where they are asked for.
    let with_tickets = TICKET_COLUMNS.iter().any(|column| reads(sql, column));
    let from_sales = |key: Option<&str>| {
        let keys = key.map_or_else(|| "sale_date".to_owned(), |key| format!("sale_date, {key}"));
        let tickets = if with_tickets && key == Some("store_id") {
            format!(", {TICKET_SUMS}")
        } else {
            String::new()
        };
        format!(
            "SELECT {keys}, {SUMS}{tickets}
            FROM main.sales WHERE sale_date BETWEEN :span_from AND :span_to
            AND {BY_PRODUCT} AND {BY_STORE} GROUP BY {keys}"
        )
    };
    let periods = ["product", "store"].map(|of| (of, reads(sql, &format!("{of}_periods"))));
    let reads_days = |of: &str| reads(sql, &format!("{of}_days")) || periods.contains(&(of, true));
    let mut sources: Vec<(String, String)> = Vec::new();
    if reads_days("product") && (from_lines || by_store) {
        sources.push(("product_days".into(), from_sales(Some("product_id"))));
    } else if reads_days("product") && by_product {
        let condition = format!(" AND {BY_PRODUCT}");
        sources.push((
            "product_days".into(),
            from_sums("product_days", false, &condition),
        ));
    }
    if reads_days("store") && (from_lines || by_product) {
        sources.push(("store_days".into(), from_sales(Some("store_id"))));
    } else if reads_days("store") && by_store {
        let condition = format!(" AND {BY_STORE}");
        sources.push(("store_days".into(), from_sums("store_days", false, &condition)));
    }
    if reads(sql, "days") {
        let days = if from_lines || (by_product && by_store) {
            from_sales(None)
        } else if by_store {
            from_sums("store_days", true, &format!(" AND {BY_STORE}"))
        } else if by_product {
            from_sums("product_days", true, &format!(" AND {BY_PRODUCT}"))
        } else {
            from_sums("days", false, "")
        };
        sources.push(("days".into(), days));
    }
    for (of, _) in periods.into_iter().filter(|(_, is_read)| *is_read) {
        sources.push((format!("{of}_periods"), periods_of(of)));
    }
    if sources.is_empty() {
        return sql.to_owned();
    }
    let mut whole = String::from("WITH RECURSIVE ");
    for (index, (name, select)) in sources.iter().enumerate() {
        let comma = if index == 0 { "" } else { ",\n" };
        let _ = write!(whole, "{comma}{name} AS ({select})"); // a String takes every write
    }
    let rest = ["WITH RECURSIVE ", "WITH "]
        .iter()
        .find_map(|prefix| {
            sql.get(..prefix.len())
                .filter(|head| head.eq_ignore_ascii_case(prefix))
        })
        .map(|prefix| &sql[prefix.len()..]);
    whole.push_str(if rest.is_some() { ",\n" } else { "\n" });
    whole.push_str(rest.unwrap_or(sql));
    whole
}

/// What each product or store sold in the window and in the one it is compared with, one row for each that has lines
/// in either.
fn periods_of(of: &str) -> String {
    const NOW: &str = "sale_date BETWEEN :from AND :to";
    const BEFORE: &str = "sale_date BETWEEN :previous_from AND :previous_to";
    const TO_DATE: &str = "sale_date BETWEEN :previous_from AND :previous_to_date";
    let sum = |days: &str| format!("COALESCE(SUM(amount_cents) FILTER (WHERE {days}), 0)");
    format!(
        "SELECT {of}_id, {} AS current, {} AS previous, {} AS previous_to_date,
            COUNT(*) FILTER (WHERE {NOW}) > 0 AS is_now, COUNT(*) FILTER (WHERE {BEFORE}) > 0 AS was_before
        FROM {of}_days WHERE {NOW} OR {BEFORE} GROUP BY {of}_id",
        sum(NOW),
        sum(BEFORE),
        sum(TO_DATE)
    )
}

/// Whether the word `name` stands in `sql`.
fn reads(sql: &str, name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    sql.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).map(|before| sql.as_bytes()[before]);
        let after = sql.as_bytes().get(at + name.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// The parameters that `sql` names.
pub(crate) fn parameters_of(sql: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = sql;
    let mut quote = None;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match (quote, character) {
            (Some(open), _) if character == open => quote = None,
            (None, '\'' | '"') => quote = Some(character),
            (None, '-') if rest.starts_with('-') => {
                rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
            }
            (None, ':') => {
                let length = rest
                    .find(|next: char| !next.is_ascii_alphanumeric() && next != '_')
                    .unwrap_or(rest.len());
                if length > 0 && !names.iter().any(|name| name == &rest[..length]) {
                    names.push(rest[..length].to_owned());
                }
            }
            _ => {}
        }
    }
    names
}

/// The parameters that every analysis has.
pub(crate) const COMMON_PARAMETERS: [&str; 15] = [
    "from",
    "to",
    "previous_from",
    "previous_to",
    "previous_to_date",
    "comparable",
    "first",
    "last",
    "span_from",
    "span_to",
    "limit",
    "region",
    "store",
    "product",
    "category",
];

/// The last day of the window that counts: what is sold after the day that counts as today has not happened yet.
fn last_day(span: &Span) -> Option<jiff::civil::Date> {
    span.to.map(|to| span.last.map_or(to, |last| to.min(last)))
}

/// The first and the last day that a statement looks at.
fn reach(span: &Span, reads: Reach) -> (Option<String>, Option<String>) {
    let week = span.from.and_then(|from| from.checked_sub(6.days()).ok());
    let (from, to) = match reads {
        Reach::Window => (
            [span.previous_from, week].into_iter().flatten().min(),
            last_day(span),
        ),
        Reach::All => (span.first, span.last),
    };
    (from.map(|day| day.to_string()), to.map(|day| day.to_string()))
}

fn bind(sql: &str, span: &Span, question: &Question, own: &BTreeMap<String, Value>, reads: Reach) -> Params {
    let day = |day: Option<jiff::civil::Date>| Value::from(day.map(|day| day.to_string()));
    let (span_from, span_to) = reach(span, reads);
    let values = parameters_of(sql)
        .into_iter()
        .filter_map(|name| {
            let value = match name.as_str() {
                "from" => day(span.from),
                "to" => day(last_day(span)),
                "span_to" => span_to.clone().into(),
                "previous_from" => day(span.previous_from),
                "previous_to" => day(span.previous_to),
                "previous_to_date" => day(span.previous_to_date),
                "comparable" => Value::Integer(i64::from(span.comparable)),
                "first" => day(span.first),
                "last" => day(span.last),
                "span_from" => span_from.clone().into(),
                // Shares that sum to 100.0 are rounded together, so none is left out before.
                "limit" if question.rounding == Rounding::LargestRemainder => Value::Integer(-1),
                "limit" => Value::Integer(
                    question
                        .limit
                        .and_then(|limit| i64::try_from(limit).ok())
                        .unwrap_or(-1),
                ),
                "region" => question.filters.region.clone().into(),
                "store" => question.filters.store.into(),
                "product" => question.filters.product.into(),
                "category" => question.filters.category.clone().into(),
                other => own.get(other)?.clone(),
            };
            Some((name, value))
        })
        .collect();
    Params::Named(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_outside_quotes_and_remarks() {
        let names = parameters_of("SELECT :from, ':no', x -- :neither\n WHERE a = :a AND b = :from");

        assert_eq!(names, ["from", "a"]);
    }

    #[test]
    fn words_are_whole() {
        assert!(!reads("SELECT * FROM product_days", "days"));
        assert!(reads("SELECT * FROM days WHERE 1", "days"));
    }

    #[test]
    fn filters_never_stand_in_the_text_of_a_statement() {
        let filters = Filters {
            region: Some("x' OR 1=1 --".into()),
            ..Filters::default()
        };

        let sql = with_sources(
            "WITH a AS (SELECT * FROM product_days) SELECT * FROM a",
            &filters,
            false,
        );

        assert!(!sql.contains("OR 1=1") && sql.contains(":region"));
        assert_eq!(sql.matches("WITH").count(), 1);
    }
}
