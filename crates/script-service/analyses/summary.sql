-- title: Key figures
-- title fr: Chiffres clés
-- description: The window at a glance: revenue, lines, units, means, days with and without sales, the best day, and the change against the window before.
-- description fr: La période en un coup d’œil : chiffre d’affaires, lignes, unités, moyennes, jours avec et sans vente, meilleur jour, et l’évolution face à la période précédente.
-- position: 1
-- column: total_revenue money
-- column: lines integer
-- column: units integer
-- column: average_line money = total_revenue / line_base
-- column: average_unit_price money = total_revenue / unit_base
-- column: revenue_per_day money = total_revenue / calendar_days
-- column: calendar_days integer
-- column: active_days integer
-- column: best_day date
-- column: best_day_sales money
-- column: products_sold integer
-- column: stores_active integer
-- column: previous_revenue money
-- column: growth percent = difference / base
-- figure: gross_revenue money
-- figure: returns money
-- figure: zero_base boolean
-- figure: negative_base boolean
-- headline: total_revenue
-- chart: number total_revenue
-- note: average_line is revenue over sale lines, not over orders; growth compares with {previous_from} to {previous_to} and is empty unless both windows lie wholly inside the data.
-- note if returns: Net of returns of {returns} EUR; gross {gross_revenue} EUR.
-- note if zero_base: There was no revenue before, so growth is empty.
-- note if negative_base: Revenue before was negative; growth is relative to its magnitude.
WITH span AS (
    SELECT MAX(:from, :first) AS begins, MIN(:to, :last) AS ends
),
sums AS (
    SELECT
        COALESCE(SUM(amount_cents), 0) AS total_revenue,
        COALESCE(SUM(lines), 0) AS lines,
        COALESCE(SUM(units), 0) AS units,
        COALESCE(SUM(returns_cents), 0) AS returns,
        COUNT(*) AS active_days
    FROM days
    WHERE sale_date BETWEEN :from AND :to
),
best AS (
    SELECT sale_date, amount_cents
    FROM days
    WHERE sale_date BETWEEN :from AND :to
    ORDER BY amount_cents DESC, sale_date
    LIMIT 1
),
previous AS (
    SELECT COALESCE(SUM(amount_cents), 0) AS cents
    FROM days
    WHERE sale_date BETWEEN :previous_from AND :previous_to
)
SELECT
    sums.total_revenue,
    sums.lines,
    sums.units,
    NULLIF(sums.lines, 0) AS line_base,
    CASE WHEN sums.units > 0 THEN sums.units END AS unit_base,
    CASE
        WHEN span.begins <= span.ends
            THEN CAST(JULIANDAY(span.ends) - JULIANDAY(span.begins) AS INTEGER) + 1
        ELSE 0
    END AS calendar_days,
    sums.active_days,
    (SELECT sale_date FROM best) AS best_day,
    (SELECT amount_cents FROM best) AS best_day_sales,
    (
        SELECT COUNT(DISTINCT product_id) FROM product_days
        WHERE sale_date BETWEEN :from AND :to
    ) AS products_sold,
    (
        SELECT COUNT(DISTINCT store_id) FROM store_days
        WHERE sale_date BETWEEN :from AND :to
    ) AS stores_active,
    CASE WHEN :previous_from IS NOT NULL THEN previous.cents END AS previous_revenue,
    sums.total_revenue - previous.cents AS difference,
    CASE WHEN :comparable THEN ABS(previous.cents) END AS base,
    sums.total_revenue - sums.returns AS gross_revenue,
    sums.returns,
    :comparable AND previous.cents = 0 AS zero_base,
    :comparable AND previous.cents < 0 AS negative_base
FROM sums, span, previous
