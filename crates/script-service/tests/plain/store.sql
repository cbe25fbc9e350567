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
ORDER BY total_sales DESC, sales.store_id
