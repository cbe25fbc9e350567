-- title: Revenue by weekday
-- title fr: Ventes par jour de semaine
-- description: Mean revenue of each weekday in the window, days without sales counted as 0, as an index (100 is the mean of the seven), and what Saturdays and Sundays bring more than the other days.
-- description fr: Chiffre d’affaires moyen de chaque jour de la semaine, en indice (100 est la moyenne des sept), et ce que samedi et dimanche rapportent de plus.
-- position: 9
-- column: weekday text
-- column: mean_sales money = sum_cents / day_count
-- column: index index = mean_times_7 / sum_of_means
-- column: days integer
-- figure: weekend_uplift percent = uplift / weekday_base
-- figure: weekend_days integer
-- figure: other_days integer
-- headline: weekend_uplift
-- chart: bar weekday index
-- note if weekend_uplift: Weekend uplift {weekend_uplift} %: mean of {weekend_days} Saturdays and Sundays over the mean of {other_days} other days, minus 1.
-- note unless weekend_uplift: No weekend uplift: the window lacks weekend days or other days with revenue.
WITH RECURSIVE grid (sale_date) AS (
    SELECT MAX(:from, :first) WHERE MAX(:from, :first) <= MIN(:to, :last)
    UNION ALL
    SELECT DATE(sale_date, '+1 day') FROM grid WHERE sale_date < MIN(:to, :last)
),
daily AS (
    SELECT
        (STRFTIME('%w', grid.sale_date) + 6) % 7 AS weekday,
        COALESCE(SUM(days.amount_cents), 0) AS cents
    FROM grid
    LEFT JOIN days ON days.sale_date = grid.sale_date
    GROUP BY grid.sale_date
),
weekdays AS (
    SELECT weekday, SUM(cents) AS sum_cents, COUNT(*) AS day_count, SUM(cents) * 1000 / COUNT(*) AS mean
    FROM daily
    GROUP BY weekday
),
weekend AS (
    SELECT
        SUM(cents) FILTER (WHERE weekday >= 5) AS weekend_cents,
        COUNT(*) FILTER (WHERE weekday >= 5) AS weekend_days,
        SUM(cents) FILTER (WHERE weekday < 5) AS other_cents,
        COUNT(*) FILTER (WHERE weekday < 5) AS other_days
    FROM daily
)
SELECT
    CASE weekday
        WHEN 0 THEN 'Monday'
        WHEN 1 THEN 'Tuesday'
        WHEN 2 THEN 'Wednesday'
        WHEN 3 THEN 'Thursday'
        WHEN 4 THEN 'Friday'
        WHEN 5 THEN 'Saturday'
        ELSE 'Sunday'
    END AS weekday,
    weekdays.sum_cents,
    weekdays.day_count,
    weekdays.mean * 7 AS mean_times_7,
    CASE WHEN COUNT(*) OVER () = 7 THEN SUM(weekdays.mean) OVER () END AS sum_of_means,
    weekdays.day_count AS days,
    weekend.weekend_cents * weekend.other_days - weekend.other_cents * weekend.weekend_days AS uplift,
    weekend.other_cents * weekend.weekend_days AS weekday_base,
    weekend.weekend_days,
    weekend.other_days
FROM weekdays, weekend
ORDER BY weekdays.weekday
