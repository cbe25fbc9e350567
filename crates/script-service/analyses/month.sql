-- title: Revenue by month
-- title fr: Ventes par mois
-- description: Net revenue of every calendar month in the window, months without sales as 0. A month that the window or the data covers only in part is marked.
-- description fr: Chiffre d’affaires net de chaque mois, 0 pour les mois sans vente. Un mois couvert en partie est signalé.
-- position: 8
-- window: all
-- column: month month
-- column: total_sales money
-- column: lines integer
-- column: units integer
-- column: days integer
-- column: mean_per_day money = total_sales / days
-- column: partial boolean
-- headline: total_sales
-- chart: bar month total_sales
WITH RECURSIVE span AS (
    SELECT MAX(:from, :first) AS begins, MIN(:to, :last) AS ends
),
grid (month) AS (
    SELECT DATE(begins, 'start of month') FROM span WHERE begins <= ends
    UNION ALL
    SELECT DATE(month, '+1 month') FROM grid, span WHERE DATE(month, '+1 month') <= ends
),
months AS (
    SELECT
        month,
        MAX(month, begins) AS begins,
        MIN(DATE(month, '+1 month', '-1 day'), ends) AS ends,
        DATE(month, '+1 month', '-1 day') AS last_day
    FROM grid, span
)
SELECT
    SUBSTR(months.month, 1, 7) AS month,
    COALESCE(SUM(days.amount_cents), 0) AS total_sales,
    COALESCE(SUM(days.lines), 0) AS lines,
    COALESCE(SUM(days.units), 0) AS units,
    CAST(JULIANDAY(months.ends) - JULIANDAY(months.begins) AS INTEGER) + 1 AS days,
    months.begins > months.month OR months.ends < months.last_day AS partial
FROM months
LEFT JOIN days ON days.sale_date BETWEEN months.begins AND months.ends
GROUP BY months.month
ORDER BY months.month
