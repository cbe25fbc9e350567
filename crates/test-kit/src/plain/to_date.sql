WITH opened AS (
    SELECT 'month' AS period, 1 AS months, {month of :ends} AS begins
    UNION ALL SELECT 'quarter', 3, {quarter of :ends}
    UNION ALL SELECT 'year', 12, {year of :ends}
),
placed AS (
    SELECT
        period,
        months,
        begins,
        {months months after begins} AS next_begins,
        {-months months after begins} AS before_begins,
        {days from begins to :ends} + 1 AS elapsed
    FROM opened
),
measured AS (
    SELECT
        *,
        {days from begins to next_begins} AS period_days,
        CASE
            WHEN {elapsed days after before_begins} > begins THEN {-1 days after begins}
            ELSE {elapsed - 1 days after before_begins}
        END AS before_ends
    FROM placed
),
daily AS (
    SELECT sale_date, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN (SELECT MIN(before_begins) FROM placed) AND :ends
    GROUP BY sale_date
),
recent AS (
    SELECT
        COALESCE(SUM(cents), 0) AS cents,
        CASE WHEN {days from :first to :ends} + 1 < 30 THEN {days from :first to :ends} + 1 ELSE 30 END AS days
    FROM daily
    WHERE sale_date >= {-29 days after :ends}
),
summed AS (
    SELECT
        measured.months,
        COALESCE(SUM(CASE WHEN daily.sale_date BETWEEN measured.begins AND :ends THEN daily.cents END), 0) AS current,
        COALESCE(
            SUM(CASE WHEN daily.sale_date BETWEEN measured.before_begins AND measured.before_ends THEN daily.cents END), 0
        ) AS previous
    FROM measured, daily
    GROUP BY measured.months
)
SELECT
    measured.period,
    measured.begins AS period_from,
    :ends AS period_to,
    summed.current AS total_sales,
    measured.before_begins AS previous_from,
    measured.before_ends AS previous_to,
    CASE WHEN measured.before_begins >= :first THEN summed.previous END AS previous_sales,
    CASE
        WHEN measured.before_begins >= :first
            THEN 100.0 * (summed.current - summed.previous) / ABS(NULLIF(summed.previous, 0))
    END AS growth,
    measured.elapsed AS elapsed_days,
    measured.period_days,
    CASE
        WHEN measured.elapsed >= 7 AND measured.begins >= :first
            THEN ROUND(CAST(summed.current * measured.period_days AS DOUBLE) / measured.elapsed)
    END AS run_rate,
    CASE WHEN recent.days >= 7 THEN ROUND(CAST(recent.cents * measured.period_days AS DOUBLE) / recent.days) END
        AS run_rate_30d,
    measured.begins < :first AS partial
FROM measured
JOIN summed ON summed.months = measured.months
CROSS JOIN recent
WHERE :ends >= :first
ORDER BY measured.months
