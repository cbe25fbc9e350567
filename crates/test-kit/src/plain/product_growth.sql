WITH before AS (
    SELECT product_id, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :previous_from AND :previous_to
    GROUP BY product_id
),
to_date AS (
    SELECT product_id, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :previous_from AND :previous_to_date
    GROUP BY product_id
),
now AS (
    SELECT product_id, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
),
sold AS (
    SELECT
        products.id AS product_id,
        products.name,
        COALESCE(products.category, '(unknown)') AS category,
        COALESCE(before.cents, 0) AS previous,
        COALESCE(to_date.cents, 0) AS previous_to_date,
        COALESCE(now.cents, 0) AS current,
        CASE WHEN before.cents IS NULL THEN 'new' WHEN now.cents IS NULL THEN 'lost' ELSE 'kept' END AS status
    FROM products
    LEFT JOIN before ON before.product_id = products.id
    LEFT JOIN to_date ON to_date.product_id = products.id
    LEFT JOIN now ON now.product_id = products.id
    WHERE before.cents IS NOT NULL OR now.cents IS NOT NULL
),
whole AS (
    SELECT
        SUM(current) - SUM(previous) AS difference,
        CASE WHEN :comparable = 1 THEN ABS(NULLIF(SUM(previous), 0)) END AS base,
        COUNT(*) FILTER (WHERE status = 'new') AS new_products,
        COUNT(*) FILTER (WHERE status = 'lost') AS lost_products
    FROM sold
)
SELECT
    sold.product_id,
    sold.name,
    sold.category,
    sold.previous,
    sold.current,
    sold.current - sold.previous AS difference,
    CASE WHEN :comparable = 1 THEN 100.0 * (sold.current - sold.previous) / ABS(NULLIF(sold.previous, 0)) END AS growth,
    100.0 * (sold.current - sold.previous) / whole.base AS contribution,
    sold.status,
    1 + (
        SELECT COUNT(*) FROM sold AS other
        WHERE other.current - other.previous > sold.current - sold.previous
    ) AS rank,
    sold.previous_to_date,
    100.0 * (sold.current - sold.previous_to_date) / ABS(NULLIF(sold.previous_to_date, 0)) AS growth_to_date,
    sold.previous = 0 AS zero_base,
    sold.previous < 0 AS negative_base,
    100.0 * whole.difference / whole.base AS total_growth,
    whole.new_products,
    whole.lost_products,
    :comparable = 0 AS partial_period
FROM sold, whole
ORDER BY sold.current - sold.previous DESC, sold.product_id
