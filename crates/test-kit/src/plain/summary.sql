WITH inside AS (
    SELECT
        COALESCE(SUM(amount_cents), 0) AS cents,
        COUNT(*) AS lines,
        COALESCE(SUM(quantity), 0) AS units,
        COALESCE(SUM(CASE WHEN amount_cents > 0 THEN amount_cents END), 0) AS gross,
        COALESCE(SUM(CASE WHEN amount_cents < 0 THEN amount_cents END), 0) AS back,
        COUNT(DISTINCT sale_date) AS active_days,
        COUNT(DISTINCT product_id) AS products_sold,
        COUNT(DISTINCT store_id) AS stores_active
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
),
best AS (
    SELECT sale_date, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY sale_date
    ORDER BY cents DESC, sale_date
    LIMIT 1
),
previous AS (
    SELECT COALESCE(SUM(amount_cents), 0) AS cents
    FROM sales
    WHERE sale_date BETWEEN :previous_from AND :previous_to
)
SELECT
    inside.cents AS total_revenue,
    inside.lines,
    inside.units,
    ROUND(CAST(inside.cents AS DOUBLE) / NULLIF(inside.lines, 0)) AS average_line,
    CASE WHEN inside.units > 0 THEN ROUND(CAST(inside.cents AS DOUBLE) / inside.units) END AS average_unit_price,
    ROUND(CAST(inside.cents AS DOUBLE) / NULLIF((SELECT COUNT(*) FROM {days from :begins} AS calendar), 0)) AS revenue_per_day,
    (SELECT COUNT(*) FROM {days from :begins} AS calendar) AS calendar_days,
    inside.active_days,
    (SELECT sale_date FROM best) AS best_day,
    (SELECT cents FROM best) AS best_day_sales,
    inside.products_sold,
    inside.stores_active,
    CASE WHEN :previous_from <= :previous_to THEN previous.cents END AS previous_revenue,
    CASE WHEN :comparable = 1 THEN 100.0 * (inside.cents - previous.cents) / ABS(NULLIF(previous.cents, 0)) END AS growth,
    inside.gross AS gross_revenue,
    inside.back AS returns,
    :comparable = 1 AND previous.cents = 0 AS zero_base,
    :comparable = 1 AND previous.cents < 0 AS negative_base
FROM inside, previous
