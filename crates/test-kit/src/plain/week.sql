WITH sold AS (
    SELECT {week of sale_date} AS week, SUM(amount_cents) AS cents, COUNT(*) AS lines, SUM(quantity) AS units
    FROM sales
    WHERE sale_date BETWEEN :begins AND :ends
    GROUP BY {week of sale_date}
),
covered AS (
    SELECT {week of day} AS week, MIN({monday of day}) AS monday, COUNT(*) AS days
    FROM {days from :begins} AS calendar
    GROUP BY {week of day}
)
SELECT
    covered.week,
    covered.monday,
    COALESCE(sold.cents, 0) AS total_sales,
    COALESCE(sold.lines, 0) AS lines,
    COALESCE(sold.units, 0) AS units,
    covered.days,
    ROUND(CAST(COALESCE(sold.cents, 0) AS DOUBLE) / covered.days) AS mean_per_day,
    covered.days < 7 AS partial
FROM covered
LEFT JOIN sold ON sold.week = covered.week
ORDER BY covered.week
