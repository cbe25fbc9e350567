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
),
weekly AS (
    SELECT
        day,
        cents,
        SUM(cents) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_cents,
        COUNT(*) OVER (ORDER BY day ROWS BETWEEN 6 PRECEDING AND CURRENT ROW) AS week_days
    FROM daily
)
SELECT
    day AS date,
    cents AS total_sales,
    CASE WHEN week_days = 7 THEN ROUND(CAST(week_cents AS DOUBLE) / 7) END AS moving_average_7d,
    (SELECT COUNT(*) FROM daily WHERE day >= :begins) AS calendar_days,
    (SELECT COUNT(*) FROM sold WHERE sale_date >= :begins) AS active_days
FROM weekly
WHERE day >= :begins
ORDER BY day
