-- title: Seasonality by month
-- title fr: Saisonnalité par mois
-- description: How strong each month of the year is: its mean share of the revenue of whole years in the window, times twelve, so that 100 is an even month. A whole year without revenue has no shares, but counts in mean_sales.
-- description fr: Force de chaque mois : sa part moyenne dans les années entières de la période, fois douze ; 100 est un mois moyen.
-- position: 16
-- window: all
-- column: month integer
-- column: name text
-- column: mean_sales money = sum_cents / years
-- column: index index = scaled_index / scale
-- figure: whole_years integer
-- figure: indicative boolean
-- figure: no_whole_year boolean
-- headline: whole_years
-- chart: bar name index
-- note if indicative: The index is of a single year, so it is indicative.
-- note if no_whole_year: The window has no whole year of data with revenue, from 1 January to 31 December, so there is no index.
WITH RECURSIVE span AS (
    SELECT MAX(:from, :first) AS begins, MIN(:to, :last) AS ends
),
months (month) AS (
    SELECT 1 UNION ALL SELECT month + 1 FROM months WHERE month < 12
),
years (year) AS (
    SELECT SUBSTR(DATE(begins, '+1 year', '-1 day'), 1, 4) FROM span WHERE begins <= ends
    UNION ALL
    SELECT SUBSTR(DATE(year || '-01-01', '+1 year'), 1, 4) FROM years, span WHERE year < SUBSTR(ends, 1, 4)
),
whole AS (
    SELECT
        years.year,
        COALESCE(SUM(days.amount_cents), 0) AS cents
    FROM years, span
    LEFT JOIN days ON days.sale_date BETWEEN years.year || '-01-01' AND years.year || '-12-31'
    WHERE years.year || '-01-01' >= span.begins AND years.year || '-12-31' <= span.ends
    GROUP BY years.year
),
parts AS (
    SELECT
        CAST(SUBSTR(days.sale_date, 6, 2) AS INTEGER) AS month,
        SUM(days.amount_cents) AS cents,
        1.0 * SUM(days.amount_cents) / NULLIF(whole.cents, 0) AS share
    FROM whole
    JOIN days ON days.sale_date BETWEEN whole.year || '-01-01' AND whole.year || '-12-31'
    GROUP BY whole.year, 1
),
counted AS (
    SELECT COUNT(*) AS years, COUNT(*) FILTER (WHERE cents <> 0) AS years_with_revenue FROM whole
)
SELECT
    months.month,
    CASE months.month
        WHEN 1 THEN 'January'
        WHEN 2 THEN 'February'
        WHEN 3 THEN 'March'
        WHEN 4 THEN 'April'
        WHEN 5 THEN 'May'
        WHEN 6 THEN 'June'
        WHEN 7 THEN 'July'
        WHEN 8 THEN 'August'
        WHEN 9 THEN 'September'
        WHEN 10 THEN 'October'
        WHEN 11 THEN 'November'
        ELSE 'December'
    END AS name,
    COALESCE(SUM(parts.cents), 0) AS sum_cents,
    counted.years,
    CASE
        WHEN counted.years_with_revenue > 0
            THEN CAST(ROUND(COALESCE(SUM(parts.share), 0) * 12 * 1000000 / counted.years_with_revenue) AS INTEGER)
    END AS scaled_index,
    1000000 AS scale,
    counted.years AS whole_years,
    counted.years_with_revenue = 1 AS indicative,
    counted.years_with_revenue = 0 AS no_whole_year
FROM months
CROSS JOIN counted
LEFT JOIN parts ON parts.month = months.month
GROUP BY months.month
ORDER BY months.month
