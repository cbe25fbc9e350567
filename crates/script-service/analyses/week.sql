-- title: Revenue by week
-- title fr: Ventes par semaine
-- description: Net revenue of every ISO week (Monday to Sunday) in the window, weeks without sales as 0. A week that the window or the data covers only in part is marked.
-- description fr: Chiffre d’affaires net de chaque semaine ISO (du lundi au dimanche), 0 sans vente. Une semaine couverte en partie est signalée.
-- position: 13
-- window: all
-- column: week text
-- column: monday date
-- column: total_sales money
-- column: lines integer
-- column: units integer
-- column: days integer
-- column: mean_per_day money = total_sales / days
-- column: partial boolean
-- headline: total_sales
-- chart: bar week total_sales
WITH RECURSIVE span AS (
    SELECT MAX(:from, :first) AS begins, MIN(:to, :last) AS ends
),
grid (monday) AS (
    SELECT DATE(begins, 'weekday 0', '-6 days') FROM span WHERE begins <= ends
    UNION ALL
    SELECT DATE(monday, '+7 days') FROM grid, span WHERE DATE(monday, '+7 days') <= ends
),
weeks AS (
    SELECT
        monday,
        MAX(monday, begins) AS begins,
        MIN(DATE(monday, '+6 days'), ends) AS ends,
        DATE(monday, '+6 days') AS sunday
    FROM grid, span
)
SELECT
    STRFTIME('%G-W%V', weeks.monday) AS week,
    weeks.monday,
    COALESCE(SUM(days.amount_cents), 0) AS total_sales,
    COALESCE(SUM(days.lines), 0) AS lines,
    COALESCE(SUM(days.units), 0) AS units,
    CAST(JULIANDAY(weeks.ends) - JULIANDAY(weeks.begins) AS INTEGER) + 1 AS days,
    weeks.begins > weeks.monday OR weeks.ends < weeks.sunday AS partial
FROM weeks
LEFT JOIN days ON days.sale_date BETWEEN weeks.begins AND weeks.ends
GROUP BY weeks.monday
ORDER BY weeks.monday
