-- title: Revenue by product
-- title fr: Ventes par produit
-- description: Net revenue of each product that was sold in the window, and its share of all of it.
-- description fr: Chiffre d’affaires net de chaque produit vendu dans la période, et sa part du tout.
-- position: 3
-- column: product_id integer
-- column: name text
-- column: total_sales money
-- column: share percent = total_sales / window_total
-- column: units integer
-- figure: negative_members integer
-- headline: total_sales
-- chart: bar name total_sales
-- note if negative_members: {negative_members} products have more returns than sales, so the shares of the others can exceed 100 %.
WITH totals AS (
    SELECT product_id, SUM(amount_cents) AS total_sales, SUM(units) AS units
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
)
SELECT
    totals.product_id,
    products.name,
    totals.total_sales,
    SUM(totals.total_sales) OVER () AS window_total,
    SUM(totals.total_sales < 0) OVER () AS negative_members,
    totals.units
FROM totals
LEFT JOIN products ON products.id = totals.product_id
ORDER BY totals.total_sales DESC, totals.product_id
LIMIT :limit
