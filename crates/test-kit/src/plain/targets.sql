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
),
compared AS (
    SELECT targets.product_id, products.name, targets.target, COALESCE(sold.cents, 0) AS total_sales
    FROM targets
    LEFT JOIN products ON products.id = targets.product_id
    LEFT JOIN sold ON sold.product_id = targets.product_id
)
SELECT
    compared.*,
    100.0 * compared.total_sales / NULLIF(compared.target, 0) AS attainment,
    CASE WHEN compared.target <> 0 THEN compared.total_sales < compared.target END AS below_target,
    (SELECT COUNT(*) FROM compared WHERE target <> 0 AND total_sales < target) AS products_below_target,
    (
        SELECT COUNT(*)
        FROM product_targets
        JOIN covered ON covered.month = product_targets.month
        WHERE covered.days < {days of covered.month}
    ) > 0 AS pro_rata,
    1 = 0 AS some_stores
FROM compared
ORDER BY CAST(compared.total_sales AS DOUBLE) / NULLIF(compared.target, 0) NULLS LAST, compared.product_id
