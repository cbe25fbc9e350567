WITH sold AS (
    SELECT
        stores.id AS store_id,
        stores.city,
        COALESCE(stores.region, '(unknown)') AS region,
        SUM(CASE WHEN sales.sale_date BETWEEN :previous_from AND :previous_to THEN sales.amount_cents ELSE 0 END) AS previous,
        SUM(CASE WHEN sales.sale_date BETWEEN :previous_from AND :previous_to_date THEN sales.amount_cents ELSE 0 END)
            AS previous_to_date,
        SUM(CASE WHEN sales.sale_date BETWEEN :from AND :to THEN sales.amount_cents ELSE 0 END) AS current,
        MAX(CASE WHEN sales.sale_date BETWEEN :previous_from AND :previous_to THEN 1 ELSE 0 END) AS traded_before,
        MAX(CASE WHEN sales.sale_date BETWEEN :from AND :to THEN 1 ELSE 0 END) AS trades_now
    FROM sales
    JOIN stores ON stores.id = sales.store_id
    WHERE sales.sale_date BETWEEN :previous_from AND :previous_to OR sales.sale_date BETWEEN :from AND :to
    GROUP BY stores.id, stores.city, COALESCE(stores.region, '(unknown)')
),
alike AS (
    SELECT SUM(previous) AS previous, SUM(current) AS current
    FROM sold
    WHERE traded_before = 1 AND trades_now = 1
),
left_out AS (
    SELECT COUNT(*) AS stores, COALESCE(SUM(current), 0) AS cents
    FROM sold
    WHERE traded_before = 0 OR trades_now = 0
),
whole AS (
    SELECT SUM(previous) AS previous, SUM(current) AS current
    FROM sold
)
SELECT
    sold.store_id,
    sold.city,
    sold.region,
    sold.previous,
    sold.current,
    CASE WHEN :comparable = 1 THEN 100.0 * (sold.current - sold.previous) / ABS(NULLIF(sold.previous, 0)) END AS growth,
    sold.traded_before + sold.trades_now = 2 AS like_for_like,
    sold.previous_to_date,
    100.0 * (sold.current - sold.previous_to_date) / ABS(NULLIF(sold.previous_to_date, 0)) AS growth_to_date,
    sold.previous = 0 AS zero_base,
    sold.previous < 0 AS negative_base,
    CASE WHEN :comparable = 1 THEN 100.0 * (alike.current - alike.previous) / ABS(NULLIF(alike.previous, 0)) END
        AS like_for_like_growth,
    CASE WHEN :comparable = 1 THEN 100.0 * (whole.current - whole.previous) / ABS(NULLIF(whole.previous, 0)) END
        AS total_growth,
    left_out.stores AS stores_left_out,
    left_out.cents AS revenue_left_out,
    :comparable = 0 AS partial_period
FROM sold, alike, left_out, whole
ORDER BY like_for_like DESC, sold.current DESC, sold.store_id
