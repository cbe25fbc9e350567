-- title: Revenue by region
-- title fr: Ventes par région
-- description: Net revenue of each region in the window, and its share; stores without a region are under (unknown).
-- description fr: Chiffre d’affaires net de chaque région et sa part ; les magasins sans région sont sous « (inconnue) ».
-- position: 5
-- column: region text
-- column: total_sales money
-- column: share percent = total_sales / window_total
-- figure: negative_members integer
-- headline: total_sales
-- chart: map region total_sales
-- note if negative_members: {negative_members} regions have more returns than sales, so the shares of the others can exceed 100 %.
WITH totals AS (
    SELECT store_id, SUM(amount_cents) AS total_sales
    FROM store_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY store_id
)
SELECT
    COALESCE(stores.region, '(unknown)') AS region,
    SUM(totals.total_sales) AS total_sales,
    SUM(SUM(totals.total_sales)) OVER () AS window_total,
    SUM(SUM(totals.total_sales) < 0) OVER () AS negative_members
FROM totals
LEFT JOIN stores ON stores.id = totals.store_id
GROUP BY COALESCE(stores.region, '(unknown)')
ORDER BY 2 DESC, 1
LIMIT :limit
