WITH sold AS (
    SELECT
        product_id,
        SUM(CASE WHEN amount_cents > 0 THEN amount_cents ELSE 0 END) AS gross,
        SUM(CASE WHEN amount_cents < 0 THEN amount_cents ELSE 0 END) AS back
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
),
whole AS (
    SELECT SUM(gross) AS gross, SUM(back) AS back
    FROM sold
)
SELECT
    sold.product_id,
    products.name,
    sold.gross AS gross_sales,
    sold.back AS returns,
    sold.gross + sold.back AS net_sales,
    -100.0 * sold.back / NULLIF(sold.gross, 0) AS return_rate,
    whole.gross AS total_gross,
    whole.back AS total_returns,
    -100.0 * whole.back / NULLIF(whole.gross, 0) AS total_return_rate
FROM sold
CROSS JOIN whole
LEFT JOIN products ON products.id = sold.product_id
ORDER BY sold.back, sold.gross DESC, sold.product_id
