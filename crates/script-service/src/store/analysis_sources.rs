//! What the names of the daily sums stand for in the statement of an analysis.
//!
//! Statements read `days`, `product_days` and `store_days`, the sums that imports keep. Where a filter or the caller
//! asks for it, the same names stand for sums taken from the lines of `sales`, so a statement is written once.
//! `product_periods` and `store_periods` are what each sold in the window and in the one it is compared with.

use super::daily_sums::{SUMS, TICKET_COLUMNS, TICKET_SUMS, in_wholes};
use std::fmt::Write as _;

/// What the sums are taken of. The values of the filters are parameters of the statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Only some products, by `:product` or `:category`.
    pub by_product: bool,
    /// Only some stores, by `:store` or `:region`.
    pub by_store: bool,
    /// From the lines, whatever the filters are.
    pub from_lines: bool,
}

/// `sql` with the sources it reads put before it where they are not the daily sums as they stand.
pub(crate) fn with_sources(sql: &str, taken: Taken) -> String {
    const BY_PRODUCT: &str = "(:product IS NULL OR product_id = :product)
        AND (:category IS NULL OR product_id IN (
            SELECT id FROM products WHERE COALESCE(category, '(unknown)') = :category
        ))";
    const BY_STORE: &str = "(:store IS NULL OR store_id = :store)
        AND (:region IS NULL OR store_id IN (
            SELECT id FROM stores WHERE COALESCE(region, '(unknown)') = :region
        ))";
    let Taken {
        by_product,
        by_store,
        from_lines,
    } = taken;
    let from_sums = |table: &str, by_day: bool, condition: &str| {
        let (chosen, group) = if by_day {
            let sums = format!(
                "sale_date, SUM(lines) AS lines, {}, SUM(amount_cents) AS amount_cents, \
                 SUM(returns_cents) AS returns_cents",
                in_wholes("SUM(units_milli)", "units")
            );
            (sums, " GROUP BY sale_date")
        } else {
            ("*".to_owned(), "")
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
            const OF_TICKETS: &str = "COALESCE(SUM(quantity_milli) FILTER (WHERE ticket_id IS NOT NULL), 0)";
            format!(", {TICKET_SUMS}, {}", in_wholes(OF_TICKETS, "ticket_units"))
        } else {
            String::new()
        };
        format!(
            "SELECT {keys}, {SUMS}, {}{tickets}
            FROM main.sales WHERE sale_date BETWEEN :span_from AND :span_to
            AND {BY_PRODUCT} AND {BY_STORE} GROUP BY {keys}",
            in_wholes("SUM(quantity_milli)", "units")
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
pub(crate) fn reads(sql: &str, name: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    sql.match_indices(name).any(|(at, _)| {
        let before = at.checked_sub(1).map(|before| sql.as_bytes()[before]);
        let after = sql.as_bytes().get(at + name.len()).copied();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_whole() {
        assert!(!reads("SELECT * FROM product_days", "days"));
        assert!(reads("SELECT * FROM days WHERE 1", "days"));
    }

    #[test]
    fn sources_join_the_with_of_a_statement() {
        let taken = Taken {
            by_store: true,
            ..Taken::default()
        };

        let sql = with_sources("WITH a AS (SELECT * FROM product_days) SELECT * FROM a", taken);

        assert!(sql.contains(":region"));
        assert_eq!(sql.matches("WITH").count(), 1);
    }
}
