-- title: Returns
-- title fr: Retours
-- description: Gross revenue, returns and net revenue of each product in the window, and how much of what was sold came back. Returns are the lines with a negative amount.
-- description fr: Ventes brutes, retours et ventes nettes de chaque produit, et la part de ce qui est revenu. Les retours sont les lignes de montant négatif.
-- position: 21
-- column: product_id integer
-- column: name text
-- column: gross_sales money
-- column: returns money
-- column: net_sales money
-- column: return_rate percent = returned / gross_base
-- figure: total_gross money
-- figure: total_returns money
-- figure: total_return_rate percent = total_returned / total_gross_base
-- headline: total_return_rate
-- chart: bar name return_rate
-- note unless total_returns: There are no returns in the window.
WITH totals AS (
    SELECT
        product_id,
        SUM(amount_cents - returns_cents) AS gross_sales,
        SUM(returns_cents) AS returns,
        SUM(amount_cents) AS net_sales
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
)
SELECT
    totals.product_id,
    products.name,
    totals.gross_sales,
    totals.returns,
    totals.net_sales,
    -totals.returns AS returned,
    NULLIF(totals.gross_sales, 0) AS gross_base,
    SUM(totals.gross_sales) OVER () AS total_gross,
    SUM(totals.returns) OVER () AS total_returns,
    -SUM(totals.returns) OVER () AS total_returned,
    NULLIF(SUM(totals.gross_sales) OVER (), 0) AS total_gross_base
FROM totals
LEFT JOIN products ON products.id = totals.product_id
ORDER BY totals.returns, totals.gross_sales DESC, totals.product_id
LIMIT :limit
