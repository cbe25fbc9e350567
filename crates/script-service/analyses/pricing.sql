-- title: Prices and discounts
-- title fr: Prix et remises
-- description: What each product was sold for on average in the window, against its list price of today. As list prices change, the discount is indicative.
-- description fr: Prix de vente moyen de chaque produit face à son prix affiché d’aujourd’hui. Les prix affichés changent : la remise est indicative.
-- position: 20
-- column: product_id integer
-- column: name text
-- column: units integer
-- column: total_sales money
-- column: average_price money = total_sales / unit_base
-- column: list_price money
-- column: list_value money
-- column: discount_rate percent = discount / list_base
-- figure: total_list_value money
-- figure: average_discount_rate percent = total_discount / total_list_base
-- headline: average_discount_rate
-- chart: bar name discount_rate
-- note: list_value is units at the list price of today, so discount_rate is indicative; average_price is empty where returns leave no units.
WITH totals AS (
    SELECT product_id, SUM(amount_cents) AS total_sales, SUM(units) AS units
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
),
priced AS (
    SELECT
        totals.product_id,
        products.name,
        totals.units,
        totals.total_sales,
        products.price_cents AS list_price,
        totals.units * products.price_cents AS list_value
    FROM totals
    LEFT JOIN products ON products.id = totals.product_id
)
SELECT
    *,
    CASE WHEN units > 0 THEN units END AS unit_base,
    list_value - total_sales AS discount,
    CASE WHEN list_value > 0 THEN list_value END AS list_base,
    SUM(list_value) OVER () AS total_list_value,
    SUM(list_value - total_sales) OVER () AS total_discount,
    CASE WHEN SUM(list_value) OVER () > 0 THEN SUM(list_value) OVER () END AS total_list_base
FROM priced
ORDER BY total_sales DESC, product_id
LIMIT :limit
