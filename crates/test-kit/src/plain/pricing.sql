WITH sold AS (
    SELECT
        sales.product_id,
        products.name,
        products.price_cents AS list_price,
        SUM(sales.quantity) AS units,
        SUM(sales.amount_cents) AS cents,
        SUM(sales.quantity * products.price_cents) AS list_cents
    FROM sales
    JOIN products ON products.id = sales.product_id
    WHERE sales.sale_date BETWEEN :from AND :to
    GROUP BY sales.product_id, products.name, products.price_cents
),
whole AS (
    SELECT SUM(cents) AS cents, SUM(list_cents) AS list_cents
    FROM sold
)
SELECT
    sold.product_id,
    sold.name,
    sold.units,
    sold.cents AS total_sales,
    CASE WHEN sold.units > 0 THEN ROUND(CAST(sold.cents AS DOUBLE) / sold.units) END AS average_price,
    sold.list_price,
    sold.list_cents AS list_value,
    CASE WHEN sold.list_cents > 0 THEN 100 - 100 * CAST(sold.cents AS DOUBLE) / sold.list_cents END AS discount_rate,
    whole.list_cents AS total_list_value,
    CASE WHEN whole.list_cents > 0 THEN 100 - 100 * CAST(whole.cents AS DOUBLE) / whole.list_cents END
        AS average_discount_rate
FROM sold, whole
ORDER BY sold.cents DESC, sold.product_id
