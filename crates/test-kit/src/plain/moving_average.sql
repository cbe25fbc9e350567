WITH sold AS (
    SELECT sale_date, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :six_days_before AND :ends
    GROUP BY sale_date
),
daily AS (
    SELECT calendar.day, COALESCE(sold.cents, 0) AS cents
    FROM {days from :six_days_before} AS calendar
    LEFT JOIN sold ON sold.sale_date = calendar.day
)
SELECT
    daily.day AS date,
    daily.cents AS total_sales,
    CASE WHEN COUNT(*) = 7 THEN ROUND(CAST(SUM(recent.cents) AS DOUBLE) / 7) END AS moving_average,
    (SELECT COUNT(*) FROM daily WHERE day >= :begins) AS calendar_days,
    (SELECT COUNT(*) FROM sold WHERE sale_date >= :begins) AS active_days
FROM daily
JOIN daily AS recent ON recent.day BETWEEN {-6 days after daily.day} AND daily.day
WHERE daily.day >= :begins
GROUP BY daily.day, daily.cents
ORDER BY daily.day
