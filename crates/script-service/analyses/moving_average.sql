-- title: Moving average
-- title fr: Moyenne mobile
-- description: Net revenue of every day in the window that lies inside the data, days without sales as 0, with the mean of as many days as asked for: those that end on the day, or those around it. Empty where the data does not reach that far.
-- description fr: Chiffre d’affaires net de chaque jour couvert par les données, 0 sans vente, avec la moyenne d’autant de jours que voulu, qui s’y terminent ou l’entourent.
-- position: 15
-- param: days integer 7 "How many days the mean is of"
-- param fr: days "Jours de la moyenne"
-- param: centred boolean false "Whether the day stands in the middle of them"
-- param fr: centred "Le jour au milieu"
-- reads: all
-- column: date date
-- column: total_sales money
-- column: moving_average money = window_sales / window_days
-- figure: calendar_days integer
-- figure: active_days integer
-- headline: total_sales
-- chart: line date total_sales moving_average
WITH RECURSIVE reach AS (
    SELECT
        CASE WHEN :centred THEN (MAX(:days, 1) - 1) / 2 ELSE MAX(:days, 1) - 1 END AS before,
        CASE WHEN :centred THEN MAX(:days, 1) / 2 ELSE 0 END AS after
),
span AS (
    SELECT
        before,
        after,
        MAX(:first, DATE(:from, -before || ' days')) AS begins,
        MIN(:last, DATE(:to, after || ' days')) AS ends
    FROM reach
),
grid (sale_date) AS (
    SELECT begins FROM span WHERE begins <= ends
    UNION ALL
    SELECT DATE(sale_date, '+1 day') FROM grid, span WHERE sale_date < ends
),
daily AS (
    SELECT
        ROW_NUMBER() OVER (ORDER BY grid.sale_date) AS place,
        grid.sale_date,
        COALESCE(SUM(days.amount_cents), 0) AS total_sales,
        COUNT(days.lines) AS is_active
    FROM grid
    LEFT JOIN days ON days.sale_date = grid.sale_date
    GROUP BY grid.sale_date
),
running AS (
    SELECT place, sale_date, total_sales, is_active, SUM(total_sales) OVER (ORDER BY place) AS so_far FROM daily
)
SELECT
    running.sale_date AS date,
    running.total_sales,
    upper.so_far - COALESCE(lower.so_far, 0) AS window_sales,
    CASE WHEN DATE(running.sale_date, -span.before || ' days') >= :first THEN span.before + span.after + 1 END AS window_days,
    COUNT(*) OVER () AS calendar_days,
    SUM(running.is_active) OVER () AS active_days
FROM running
CROSS JOIN span
LEFT JOIN running AS upper ON upper.place = running.place + span.after
LEFT JOIN running AS lower ON lower.place = running.place - span.before - 1
WHERE running.sale_date BETWEEN :from AND :to
ORDER BY running.sale_date
