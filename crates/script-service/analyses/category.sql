-- title: Revenue by category
-- title fr: Ventes par catégorie
-- description: Net revenue of each product category in the window; products without one are under (unknown).
-- description fr: Chiffre d’affaires net de chaque catégorie de produits ; les produits sans catégorie sont sous « (inconnue) ».
-- position: 4
-- column: category text
-- column: total_sales money
-- column: share percent = total_sales / window_total
-- column: units integer
-- column: rank integer
-- figure: negative_members integer
-- headline: total_sales
-- chart: bar category total_sales
-- note if negative_members: {negative_members} categories have more returns than sales, so the shares of the others can exceed 100 %.
WITH totals AS (
    SELECT product_id, SUM(amount_cents) AS total_sales, SUM(units) AS units
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
)
SELECT
    COALESCE(products.category, '(unknown)') AS category,
    SUM(totals.total_sales) AS total_sales,
    SUM(SUM(totals.total_sales)) OVER () AS window_total,
    SUM(SUM(totals.total_sales) < 0) OVER () AS negative_members,
    SUM(totals.units) AS units,
    RANK() OVER (ORDER BY SUM(totals.total_sales) DESC) AS rank
FROM totals
LEFT JOIN products ON products.id = totals.product_id
GROUP BY COALESCE(products.category, '(unknown)')
ORDER BY 2 DESC, 1
LIMIT :limit
