//! The sums of sales by day, and the state of the data: days that somebody changed by hand are summed again, tickets
//! are counted when they are asked for.

use super::rows::{self, Rows};
use db_client::db_api::{Params, Statement, Value};
use db_client::{DbClient, DbError};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;

/// How many days are summed again in one transaction.
const REFRESH_DAYS: i64 = 62;

/// The sums of lines, named as in the tables of daily sums.
pub(super) const SUMS: &str = "COUNT(*) AS lines, SUM(quantity_milli) AS units_milli, SUM(amount_cents) AS amount_cents, \
    SUM(MIN(amount_cents, 0)) AS returns_cents";
/// Those of the lines of a store on a day that name their ticket.
pub(super) const TICKET_SUMS: &str = "COUNT(DISTINCT ticket_id) AS tickets, COUNT(ticket_id) AS ticket_lines, \
    COALESCE(SUM(quantity_milli) FILTER (WHERE ticket_id IS NOT NULL), 0) AS ticket_units_milli, \
    COALESCE(SUM(amount_cents) FILTER (WHERE ticket_id IS NOT NULL), 0) AS ticket_cents";
/// What a source of an analysis says beside sums in thousandths: an integer where it is whole.
pub(super) fn in_wholes(milli: &str, name: &str) -> String {
    format!("CASE WHEN {milli} % 1000 = 0 THEN {milli} / 1000 ELSE {milli} / 1000.0 END AS {name}")
}

/// Their names.
pub(super) const TICKET_COLUMNS: [&str; 4] = ["tickets", "ticket_lines", "ticket_units", "ticket_cents"];

/// The columns of the sums of lines.
pub(crate) const LINE_SUMS: [&str; 4] = ["lines", "units_milli", "amount_cents", "returns_cents"];
/// Those of the lines that name their ticket, but for the number of tickets.
pub(crate) const TICKET_LINE_SUMS: [&str; 3] = ["ticket_lines", "ticket_units_milli", "ticket_cents"];

/// The first and the last sale date there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub first: Date,
    pub last: Date,
}

/// Which state the data is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DataState {
    pub version: i64,
    dirty: i64,
    /// The days that count as those of the shop: without those after today, or long before all others, that are far
    /// from the rest and hardly right.
    pub coverage: Option<Coverage>,
    /// The currency of amounts, and whether they hold taxes, as far as imports said it.
    pub currency: Option<String>,
    pub taxes: Option<String>,
    /// All days there are.
    pub reach: Option<Coverage>,
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

/// The state of the data as it is read.
#[derive(Debug, Deserialize)]
struct StateRow {
    version: i64,
    dirty: i64,
    first: Option<String>,
    last: Option<String>,
    currency: Option<String>,
    taxes: Option<String>,
    usual_first: Option<String>,
    usual_last: Option<String>,
}

/// How many days without a sale, after today, are between the days of the shop and one that is hardly right.
const FAR_AHEAD_DAYS: i64 = 31;
/// The same of days that are long ago.
const FAR_BEHIND_DAYS: i64 = 3_653;
/// How many of the first days may be far from all others.
const FAR_BEHIND_MOST: i64 = 32;

async fn read_state(db: &DbClient) -> Result<DataState, DbError> {
    // Somewhere it is a day later.
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let tomorrow = today.tomorrow().unwrap_or(today);
    let state: Option<StateRow> = db
        .first_row(
            "WITH
                now AS (SELECT COALESCE(
                    (SELECT MAX(sale_date) FROM days WHERE sale_date <= ?1), (SELECT MIN(sale_date) FROM days)
                ) AS day),
                ahead AS (
                    SELECT sale_date AS day, LAG(sale_date) OVER (ORDER BY sale_date) AS before
                    FROM days WHERE sale_date >= (SELECT day FROM now)
                ),
                far AS (SELECT COALESCE(
                    (SELECT MIN(day) FROM ahead WHERE julianday(day) - julianday(before) > ?2), '~'
                ) AS day),
                early AS (
                    SELECT day, LAG(day) OVER (ORDER BY day) AS before
                    FROM (
                        SELECT sale_date AS day FROM days WHERE sale_date < (SELECT day FROM far)
                        ORDER BY sale_date LIMIT ?4
                    )
                )
            SELECT version, currency, taxes,
                (SELECT COUNT(*) FROM (SELECT 1 FROM dirty_days LIMIT 1)) AS dirty,
                (SELECT MIN(sale_date) FROM days) AS first,
                (SELECT MAX(sale_date) FROM days) AS last,
                (SELECT COALESCE(
                    MAX(day) FILTER (WHERE julianday(day) - julianday(before) > ?3), MIN(day)
                ) FROM early) AS usual_first,
                (SELECT MAX(sale_date) FROM days WHERE sale_date < (SELECT day FROM far)) AS usual_last
            FROM dataset WHERE id = 1",
            [
                tomorrow.to_string().into(),
                FAR_AHEAD_DAYS.into(),
                FAR_BEHIND_DAYS.into(),
                FAR_BEHIND_MOST.into(),
            ],
        )
        .await?;
    // A date that SQL by hand wrote may be none.
    let day = |text: Option<String>| text.and_then(|text| text.parse().ok());
    let days = |first, last| {
        let days = day(first).zip(day(last));
        days.map(|(first, last)| Coverage { first, last })
    };
    let state = state.ok_or_else(|| DbError::Broken("the table `dataset` is empty".to_owned()))?;
    Ok(DataState {
        version: state.version,
        dirty: state.dirty,
        currency: state.currency,
        taxes: state.taxes,
        coverage: days(state.usual_first, state.usual_last),
        reach: days(state.first, state.last),
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
            "INSERT INTO product_days (sale_date, product_id, lines, units_milli, amount_cents, returns_cents)
            SELECT sale_date, product_id, {SUMS}
            FROM sales WHERE sale_date IN {CHOSEN} GROUP BY sale_date, product_id"
        ),
        format!(
            "INSERT INTO store_days (sale_date, store_id, lines, units_milli, amount_cents, returns_cents,
                tickets, ticket_lines, ticket_units_milli, ticket_cents)
            SELECT sale_date, store_id, {SUMS}, {TICKET_SUMS}
            FROM sales WHERE sale_date IN {CHOSEN} GROUP BY sale_date, store_id"
        ),
        format!(
            "INSERT INTO days (sale_date, lines, units_milli, amount_cents, returns_cents)
            SELECT sale_date, SUM(lines), SUM(units_milli), SUM(amount_cents), SUM(returns_cents)
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
pub(crate) async fn count_tickets(db: &DbClient, from: &Value, to: &Value) -> Result<(), DbError> {
    const CHOSEN: &str = "(SELECT sale_date FROM uncounted_days WHERE sale_date BETWEEN ?1 AND ?2 ORDER BY sale_date LIMIT ?3)";
    let params = || [from.clone(), to.clone(), Value::Integer(REFRESH_DAYS)];
    loop {
        let left: Option<i64> = db
            .first_row(&format!("SELECT COUNT(*) FROM {CHOSEN}"), params())
            .await?;
        if left == Some(0) {
            return Ok(());
        }
        let statements = [
            format!("UPDATE store_days SET tickets = 0 WHERE sale_date IN {CHOSEN}"),
            format!(
                "INSERT INTO store_days (sale_date, store_id, lines, units_milli, amount_cents, returns_cents, tickets)
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

/// Statements that add sums to those of days, of products and of stores. A row begins with its key and goes on with
/// [`LINE_SUMS`]; one of stores may go on with [`TICKET_LINE_SUMS`].
pub(crate) fn add(days: Rows, products: Rows, stores: Rows, with_tickets: bool) -> Vec<Statement> {
    let mut of_stores = LINE_SUMS.to_vec();
    if with_tickets {
        of_stores.extend(TICKET_LINE_SUMS);
    }
    let mut statements = rows::insert_or_add("days", &["sale_date"], &LINE_SUMS, days);
    let (product, store) = (["sale_date", "product_id"], ["sale_date", "store_id"]);
    statements.extend(rows::insert_or_add(
        "product_days",
        &product,
        &LINE_SUMS,
        products,
    ));
    statements.extend(rows::insert_or_add("store_days", &store, &of_stores, stores));
    statements
}

/// A statement that marks `days` whose tickets are to be counted again before their number is read.
pub(crate) fn mark_uncounted(days: Vec<&str>) -> Statement {
    let days = days.into_iter().map(|day| Params::Positional(vec![day.into()]));
    Statement {
        sql: "INSERT INTO uncounted_days (sale_date) VALUES (?1) ON CONFLICT DO NOTHING".to_owned(),
        params_many: Some(days.collect()),
        ..Statement::default()
    }
}
