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
),
means AS (
    SELECT number, AVG(CAST(cents AS DOUBLE)) AS cents, COUNT(*) AS days
    FROM daily
    GROUP BY number
),
parts AS (
    SELECT
        AVG(CASE WHEN number IN (0, 6) THEN CAST(cents AS DOUBLE) END) AS weekend,
        AVG(CASE WHEN number NOT IN (0, 6) THEN CAST(cents AS DOUBLE) END) AS other,
        COUNT(CASE WHEN number IN (0, 6) THEN 1 END) AS weekend_days,
        COUNT(CASE WHEN number NOT IN (0, 6) THEN 1 END) AS other_days
    FROM daily
)
SELECT
    CASE means.number
        WHEN 0 THEN 'Sunday'
        WHEN 1 THEN 'Monday'
        WHEN 2 THEN 'Tuesday'
        WHEN 3 THEN 'Wednesday'
        WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday'
        ELSE 'Saturday'
    END AS weekday,
    ROUND(means.cents) AS mean_sales,
    CASE
        WHEN (SELECT COUNT(*) FROM means) = 7
            THEN 100 * means.cents / NULLIF((SELECT AVG(cents) FROM means), 0)
    END AS "index",
    means.days,
    100 * (parts.weekend - parts.other) / NULLIF(parts.other, 0) AS weekend_uplift,
    parts.weekend_days,
    parts.other_days
FROM means, parts
ORDER BY (means.number + 6) % 7
