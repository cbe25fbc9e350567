WITH sold AS (
    SELECT
        SUBSTR(CAST(sale_date AS VARCHAR), 1, 7) AS month,
        SUM(amount_cents) AS cents,
        COUNT(*) AS lines,
        SUM(quantity) AS units
    FROM sales
    WHERE sale_date BETWEEN :begins AND :ends
    GROUP BY SUBSTR(CAST(sale_date AS VARCHAR), 1, 7)
),
covered AS (
    SELECT SUBSTR(CAST(day AS VARCHAR), 1, 7) AS month, COUNT(*) AS days
    FROM {days from :begins} AS calendar
    GROUP BY SUBSTR(CAST(day AS VARCHAR), 1, 7)
)
SELECT
    covered.month,
    COALESCE(sold.cents, 0) AS total_sales,
    COALESCE(sold.lines, 0) AS lines,
    COALESCE(sold.units, 0) AS units,
    covered.days,
    ROUND(CAST(COALESCE(sold.cents, 0) AS DOUBLE) / covered.days) AS mean_per_day,
    covered.days < {days of covered.month} AS partial
FROM covered
LEFT JOIN sold ON sold.month = covered.month
ORDER BY covered.month
