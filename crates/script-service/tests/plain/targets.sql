WITH covered AS (
    SELECT SUBSTR(CAST(day AS VARCHAR), 1, 7) AS month, COUNT(*) AS days
    FROM {days from :begins} AS calendar
    GROUP BY SUBSTR(CAST(day AS VARCHAR), 1, 7)
),
targets AS (
    SELECT
        product_targets.product_id,
        CAST(SUM(ROUND(CAST(product_targets.target_cents AS DOUBLE) * covered.days / {days of covered.month})) AS BIGINT)
            AS target
    FROM product_targets
    JOIN covered ON covered.month = product_targets.month
    GROUP BY product_targets.product_id
),
sold AS (
    SELECT product_id, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :begins AND :ends
    GROUP BY product_id
)
SELECT
    targets.product_id,
    products.name,
    targets.target,
    COALESCE(sold.cents, 0) AS total_sales,
    100.0 * COALESCE(sold.cents, 0) / NULLIF(targets.target, 0) AS attainment,
    CASE WHEN targets.target <> 0 THEN COALESCE(sold.cents, 0) < targets.target END AS below_target
FROM targets
LEFT JOIN products ON products.id = targets.product_id
LEFT JOIN sold ON sold.product_id = targets.product_id
ORDER BY targets.product_id
