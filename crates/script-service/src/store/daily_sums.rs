//! The sums of sales by day, and the state of the data: days that somebody changed by hand are summed again, tickets
//! are counted when they are asked for.

use crate::params::positional;
use db_client::db_api::{Statement, Value};
use db_client::{DbClient, DbError};
use jiff::civil::Date;

/// How many days are summed again in one transaction.
const REFRESH_DAYS: i64 = 62;

/// The sums of lines, named as in the tables of daily sums.
pub(super) const SUMS: &str = "COUNT(*) AS lines, SUM(quantity) AS units, SUM(amount_cents) AS amount_cents, \
    SUM(MIN(amount_cents, 0)) AS returns_cents";
/// Those of the lines of a store on a day that name their ticket.
pub(super) const TICKET_SUMS: &str = "COUNT(DISTINCT ticket_id) AS tickets, COUNT(ticket_id) AS ticket_lines, \
    COALESCE(SUM(quantity) FILTER (WHERE ticket_id IS NOT NULL), 0) AS ticket_units, \
    COALESCE(SUM(amount_cents) FILTER (WHERE ticket_id IS NOT NULL), 0) AS ticket_cents";
/// Their names.
pub(super) const TICKET_COLUMNS: [&str; 4] = ["tickets", "ticket_lines", "ticket_units", "ticket_cents"];

/// The first and the last sale date there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Coverage {
    pub first: Date,
    pub last: Date,
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
pub(crate) async fn count_tickets(db: &DbClient, from: &Value, to: &Value) -> Result<(), DbError> {
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
