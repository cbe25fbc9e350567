WITH sold AS (
    SELECT
        COALESCE(stores.region, '(unknown)') AS region,
        SUM(sales.amount_cents) AS total_sales,
        100.0 * SUM(sales.amount_cents) / NULLIF(SUM(SUM(sales.amount_cents)) OVER (), 0) AS share
    FROM sales
    LEFT JOIN stores ON stores.id = sales.store_id
    WHERE sales.sale_date BETWEEN :from AND :to
    GROUP BY COALESCE(stores.region, '(unknown)')
)
SELECT
    sold.*,
    (SELECT COUNT(*) FROM sold AS other WHERE other.total_sales < 0) AS negative_members
FROM sold
ORDER BY sold.total_sales DESC, sold.region
