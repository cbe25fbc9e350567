WITH regions AS (
    SELECT
        COALESCE(stores.region, '(unknown)') AS region,
        SUM(CASE WHEN sales.sale_date BETWEEN :from AND :to THEN sales.amount_cents ELSE 0 END) AS current,
        SUM(CASE WHEN sales.sale_date BETWEEN :previous_from AND :previous_to THEN sales.amount_cents ELSE 0 END) AS previous
    FROM sales
    LEFT JOIN stores ON stores.id = sales.store_id
    WHERE sales.sale_date BETWEEN :previous_from AND :to
    GROUP BY COALESCE(stores.region, '(unknown)')
)
SELECT
    region,
    previous,
    current,
    current - previous AS difference,
    CASE WHEN :comparable = 1 THEN 100.0 * (current - previous) / ABS(NULLIF(previous, 0)) END AS growth,
    previous = 0 AS zero_base,
    previous < 0 AS negative_base
FROM regions
ORDER BY region
