-- title: Total revenue
-- title fr: Chiffre d’affaires
-- description: Net revenue, sale lines and units in the window. Returns are negative lines and are taken off.
-- description fr: Chiffre d’affaires net, lignes de vente et unités de la période. Les retours sont des lignes négatives et sont déduits.
-- position: 2
-- column: total_revenue money
-- column: lines integer
-- column: units integer
-- figure: gross_revenue money
-- figure: returns money
-- headline: total_revenue
-- chart: number total_revenue
-- note if returns: Net of returns of {returns} EUR; gross {gross_revenue} EUR.
SELECT
    COALESCE(SUM(amount_cents), 0) AS total_revenue,
    COALESCE(SUM(lines), 0) AS lines,
    COALESCE(SUM(units), 0) AS units,
    COALESCE(SUM(amount_cents - returns_cents), 0) AS gross_revenue,
    COALESCE(SUM(returns_cents), 0) AS returns
FROM days
WHERE sale_date BETWEEN :from AND :to
