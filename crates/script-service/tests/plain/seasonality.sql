WITH sold AS (
    SELECT sale_date, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :begins AND :ends
    GROUP BY sale_date
),
daily AS (
    SELECT {weekday of calendar.day} AS number, COALESCE(sold.cents, 0) AS cents
    FROM {days from :begins} AS calendar
    LEFT JOIN sold ON sold.sale_date = calendar.day
)
SELECT
    CASE number
        WHEN 0 THEN 'Sunday'
        WHEN 1 THEN 'Monday'
        WHEN 2 THEN 'Tuesday'
        WHEN 3 THEN 'Wednesday'
        WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday'
        ELSE 'Saturday'
    END AS weekday,
    ROUND(CAST(SUM(cents) AS DOUBLE) / COUNT(*)) AS mean_sales,
    COUNT(*) AS days
FROM daily
GROUP BY number
ORDER BY (number + 6) % 7
