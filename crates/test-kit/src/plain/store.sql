WITH sold AS (
    SELECT
        sales.store_id,
        stores.city,
        COALESCE(stores.region, '(unknown)') AS region,
        stores.address,
        SUM(sales.amount_cents) AS total_sales,
        100.0 * SUM(sales.amount_cents) / NULLIF(SUM(SUM(sales.amount_cents)) OVER (), 0) AS share,
        SUM(sales.quantity) AS units
    FROM sales
    LEFT JOIN stores ON stores.id = sales.store_id
    WHERE sales.sale_date BETWEEN :from AND :to
    GROUP BY sales.store_id, stores.city, COALESCE(stores.region, '(unknown)'), stores.address
)
SELECT
    sold.*,
    (SELECT COUNT(*) + 1 FROM sold AS other WHERE other.total_sales > sold.total_sales) AS rank,
    (SELECT COUNT(*) FROM sold AS other WHERE other.total_sales < 0) AS negative_members
FROM sold
ORDER BY sold.total_sales DESC, sold.store_id
