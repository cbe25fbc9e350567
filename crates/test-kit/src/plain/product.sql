WITH sold AS (
    SELECT
        sales.product_id,
        products.name,
        SUM(sales.amount_cents) AS total_sales,
        100.0 * SUM(sales.amount_cents) / NULLIF(SUM(SUM(sales.amount_cents)) OVER (), 0) AS share,
        SUM(sales.quantity) AS units
    FROM sales
    LEFT JOIN products ON products.id = sales.product_id
    WHERE sales.sale_date BETWEEN :from AND :to
    GROUP BY sales.product_id, products.name
)
SELECT
    sold.*,
    (SELECT COUNT(*) FROM sold AS other WHERE other.total_sales < 0) AS negative_members
FROM sold
ORDER BY sold.total_sales DESC, sold.product_id
