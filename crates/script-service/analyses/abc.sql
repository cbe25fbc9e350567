-- title: ABC of products
-- title fr: Produits, classes ABC
-- description: Products by revenue in the window, from the largest: class A as long as those before a product make less than 80 percent (a), B less than 95 percent (b), else C. Products without net revenue are C.
-- description fr: Produits du plus grand au plus petit : classe A jusqu’à {a} % cumulés, B jusqu’à {b} %, C au-delà ou sans chiffre d’affaires.
-- position: 12
-- param: a integer 80 "Percent of revenue where class A ends"
-- param fr: a "Fin de la classe A, en %"
-- param: b integer 95 "Percent of revenue where class B ends"
-- param fr: b "Fin de la classe B, en %"
-- column: product_id integer
-- column: name text
-- column: total_sales money
-- column: share percent = total_sales / window_total
-- column: cumulative_share percent = cumulative / window_total
-- column: class text
-- column: rank integer
-- figure: products_in_a integer
-- headline: products_in_a
-- chart: bar name cumulative_share
WITH totals AS (
    SELECT product_id, SUM(amount_cents) AS total_sales
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
),
ranked AS (
    SELECT
        product_id,
        total_sales,
        SUM(total_sales) OVER () AS window_total,
        RANK() OVER (ORDER BY total_sales DESC) AS rank,
        SUM(total_sales) OVER (ORDER BY total_sales DESC, product_id ROWS UNBOUNDED PRECEDING) AS cumulative
    FROM totals
),
classed AS (
    SELECT
        *,
        CASE
            WHEN total_sales <= 0 THEN 'C'
            WHEN 100 * (cumulative - total_sales) < :a * window_total THEN 'A'
            WHEN 100 * (cumulative - total_sales) < :b * window_total THEN 'B'
            ELSE 'C'
        END AS class
    FROM ranked
)
SELECT
    classed.product_id,
    products.name,
    classed.total_sales,
    classed.window_total,
    classed.cumulative,
    classed.class,
    classed.rank,
    SUM(classed.class = 'A') OVER () AS products_in_a
FROM classed
LEFT JOIN products ON products.id = classed.product_id
ORDER BY classed.total_sales DESC, classed.product_id
LIMIT :limit
