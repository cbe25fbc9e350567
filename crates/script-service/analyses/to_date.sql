-- title: Month, quarter and year to date
-- title fr: Mois, trimestre et année à date
-- description: Net revenue from the first day of the month, the quarter and the year to the end of the window, against as many days of the period before, and what the whole period would bring at the pace of its days so far and at that of the last 30 days.
-- description fr: Chiffre d’affaires net depuis le début du mois, du trimestre et de l’année, face à autant de jours de la période précédente, et ce que donnerait la période entière à ce rythme.
-- position: 14
-- window: month
-- reads: all
-- column: period text
-- column: period_from date
-- column: period_to date
-- column: total_sales money
-- column: previous_from date
-- column: previous_to date
-- column: previous_sales money
-- column: growth percent = difference / base
-- column: elapsed_days integer
-- column: period_days integer
-- column: run_rate money = projected / projected_days
-- column: run_rate_30d money = projected_30d / days_30d
-- column: partial boolean
-- headline: total_sales
-- chart: bar period total_sales previous_sales
-- note: run_rate is the revenue per elapsed day times the days of the period, empty before its seventh day; run_rate_30d the same from the last 30 days with data, at least seven. Growth is empty where the data does not reach back to the first day of both.
WITH today AS (
    SELECT MIN(:to, :last) AS day
),
starts AS (
    SELECT 1 AS place, 'month' AS period, 1 AS months, DATE(day, 'start of month') AS begins, day FROM today
    UNION ALL
    SELECT 2, 'quarter', 3, DATE(day, 'start of month', '-' || ((STRFTIME('%m', day) - 1) % 3) || ' months'), day FROM today
    UNION ALL
    SELECT 3, 'year', 12, DATE(day, 'start of year'), day FROM today
),
periods AS (
    SELECT
        *,
        DATE(begins, '+' || months || ' months', '-1 day') AS closes,
        DATE(begins, '-' || months || ' months') AS before_begins,
        CAST(JULIANDAY(day) - JULIANDAY(begins) AS INTEGER) + 1 AS elapsed
    FROM starts
    WHERE day IS NOT NULL AND day >= :first
),
compared AS (
    SELECT
        *,
        MIN(DATE(before_begins, '+' || (elapsed - 1) || ' days'), DATE(begins, '-1 day')) AS before_ends,
        CAST(JULIANDAY(closes) - JULIANDAY(begins) AS INTEGER) + 1 AS period_days,
        MIN(30, CAST(JULIANDAY(day) - JULIANDAY(:first) AS INTEGER) + 1) AS recent_days
    FROM periods
),
summed AS (
    SELECT
        *,
        (SELECT COALESCE(SUM(amount_cents), 0) FROM days WHERE sale_date BETWEEN begins AND day) AS total_sales,
        (SELECT COALESCE(SUM(amount_cents), 0) FROM days WHERE sale_date BETWEEN before_begins AND before_ends) AS previous,
        (
            SELECT COALESCE(SUM(amount_cents), 0) FROM days
            WHERE sale_date BETWEEN DATE(day, '-' || (recent_days - 1) || ' days') AND day
        ) AS recent
    FROM compared
)
SELECT
    period,
    begins AS period_from,
    day AS period_to,
    total_sales,
    before_begins AS previous_from,
    before_ends AS previous_to,
    CASE WHEN before_begins >= :first THEN previous END AS previous_sales,
    total_sales - previous AS difference,
    CASE WHEN before_begins >= :first THEN ABS(previous) END AS base,
    elapsed AS elapsed_days,
    period_days,
    total_sales * period_days AS projected,
    CASE WHEN elapsed >= 7 AND begins >= :first THEN elapsed END AS projected_days,
    recent * period_days AS projected_30d,
    CASE WHEN recent_days >= 7 THEN recent_days END AS days_30d,
    begins < :first AS partial
FROM summed
ORDER BY place
