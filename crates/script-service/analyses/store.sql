-- title: Revenue by store
-- title fr: Ventes par magasin
-- description: Net revenue of each store that sold something in the window, and its share.
-- description fr: Chiffre d’affaires net de chaque magasin qui a vendu dans la période, et sa part.
-- position: 6
-- column: store_id integer
-- column: city text
-- column: region text
-- column: address text
-- column: total_sales money
-- column: share percent = total_sales / window_total
-- column: units integer
-- column: rank integer
-- figure: negative_members integer
-- headline: total_sales
-- chart: bar city total_sales
-- note if negative_members: {negative_members} stores have more returns than sales, so the shares of the others can exceed 100 %.
WITH totals AS (
    SELECT store_id, SUM(amount_cents) AS total_sales, SUM(units) AS units
    FROM store_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY store_id
)
SELECT
    totals.store_id,
    stores.city,
    COALESCE(stores.region, '(unknown)') AS region,
    stores.address,
    totals.total_sales,
    SUM(totals.total_sales) OVER () AS window_total,
    SUM(totals.total_sales < 0) OVER () AS negative_members,
    totals.units,
    RANK() OVER (ORDER BY totals.total_sales DESC) AS rank
FROM totals
LEFT JOIN stores ON stores.id = totals.store_id
ORDER BY totals.total_sales DESC, totals.store_id
LIMIT :limit
