-- title: Revenue by day
-- title fr: Ventes par jour
-- description: Net revenue of every day in the window that lies inside the data, days without sales as 0, with the mean of the seven days that end on it.
-- description fr: Chiffre d’affaires net de chaque jour couvert par les données, 0 pour les jours sans vente, avec la moyenne des sept jours qui s’y terminent.
-- position: 7
-- column: date date
-- column: total_sales money
-- column: moving_average_7d money = week_sales / week_days
-- figure: calendar_days integer
-- figure: active_days integer
-- headline: total_sales
-- chart: line date total_sales moving_average_7d
-- note: moving_average_7d is the mean of the day and the six before it; empty where the data does not reach back that far.
WITH RECURSIVE grid (sale_date) AS (
    SELECT MAX(:first, DATE(:from, '-6 days'))
    UNION ALL
    SELECT DATE(sale_date, '+1 day') FROM grid WHERE sale_date < MIN(:to, :last)
),
daily AS (
    SELECT
        grid.sale_date,
        COALESCE(SUM(days.amount_cents), 0) AS total_sales,
        COUNT(days.lines) AS is_active
    FROM grid
    LEFT JOIN days ON days.sale_date = grid.sale_date
    GROUP BY grid.sale_date
),
weekly AS (
    SELECT
        sale_date,
        total_sales,
        is_active,
        SUM(total_sales) OVER recent AS week_sales,
        COUNT(*) OVER recent AS week_days
    FROM daily
    WINDOW recent AS (ORDER BY sale_date ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
)
SELECT
    sale_date AS date,
    total_sales,
    CASE WHEN week_days = 7 THEN week_sales END AS week_sales,
    week_days,
    COUNT(*) OVER () AS calendar_days,
    SUM(is_active) OVER () AS active_days
FROM weekly
WHERE sale_date BETWEEN :from AND MIN(:to, :last)
ORDER BY sale_date
