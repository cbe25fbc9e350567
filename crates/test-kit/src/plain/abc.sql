WITH totals AS (
    SELECT product_id, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
),
running AS (
    SELECT
        product_id,
        cents,
        SUM(cents) OVER (ORDER BY cents DESC, product_id ROWS UNBOUNDED PRECEDING) AS through,
        SUM(cents) OVER () AS whole
    FROM totals
),
classed AS (
    SELECT
        running.product_id,
        products.name,
        running.cents AS total_sales,
        100.0 * running.cents / NULLIF(running.whole, 0) AS share,
        100.0 * running.through / NULLIF(running.whole, 0) AS cumulative_share,
        CASE
            WHEN running.cents <= 0 THEN 'C'
            WHEN 100 * (running.through - running.cents) < 80 * running.whole THEN 'A'
            WHEN 100 * (running.through - running.cents) < 95 * running.whole THEN 'B'
            ELSE 'C'
        END AS class
    FROM running
    LEFT JOIN products ON products.id = running.product_id
)
SELECT
    classed.*,
    (SELECT COUNT(*) + 1 FROM classed AS other WHERE other.total_sales > classed.total_sales) AS rank,
    (SELECT COUNT(*) FROM classed AS other WHERE other.class = 'A') AS products_in_a
FROM classed
ORDER BY classed.total_sales DESC, classed.product_id
