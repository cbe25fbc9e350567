WITH whole AS (
    SELECT SUBSTR(CAST(day AS VARCHAR), 1, 4) AS year
    FROM {days from :begins} AS calendar
    GROUP BY SUBSTR(CAST(day AS VARCHAR), 1, 4)
    HAVING MIN(SUBSTR(CAST(day AS VARCHAR), 6)) = '01-01' AND MAX(SUBSTR(CAST(day AS VARCHAR), 6)) = '12-31'
),
sold AS (
    SELECT
        SUBSTR(CAST(sale_date AS VARCHAR), 1, 4) AS year,
        SUBSTR(CAST(sale_date AS VARCHAR), 6, 2) AS month,
        SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :begins AND :ends
    GROUP BY SUBSTR(CAST(sale_date AS VARCHAR), 1, 4), SUBSTR(CAST(sale_date AS VARCHAR), 6, 2)
),
shares AS (
    SELECT sold.month, sold.cents, CAST(sold.cents AS DOUBLE) / NULLIF(years.cents, 0) AS share
    FROM sold
    JOIN (SELECT year, SUM(cents) AS cents FROM sold GROUP BY year) AS years ON years.year = sold.year
    WHERE sold.year IN (SELECT year FROM whole)
),
counted AS (
    SELECT
        (SELECT COUNT(*) FROM whole) AS years,
        (
            SELECT COUNT(*)
            FROM (SELECT year FROM sold GROUP BY year HAVING SUM(cents) <> 0) AS with_revenue
            WHERE year IN (SELECT year FROM whole)
        ) AS years_with_revenue
),
names AS (
    SELECT '01' AS month, 'January' AS name
    UNION ALL SELECT '02', 'February'
    UNION ALL SELECT '03', 'March'
    UNION ALL SELECT '04', 'April'
    UNION ALL SELECT '05', 'May'
    UNION ALL SELECT '06', 'June'
    UNION ALL SELECT '07', 'July'
    UNION ALL SELECT '08', 'August'
    UNION ALL SELECT '09', 'September'
    UNION ALL SELECT '10', 'October'
    UNION ALL SELECT '11', 'November'
    UNION ALL SELECT '12', 'December'
)
SELECT
    CAST(names.month AS INTEGER) AS month,
    names.name,
    CASE WHEN counted.years > 0 THEN ROUND(CAST(COALESCE(SUM(shares.cents), 0) AS DOUBLE) / counted.years) END AS mean_sales,
    CASE
        WHEN counted.years_with_revenue > 0 THEN 1200.0 * COALESCE(SUM(shares.share), 0) / counted.years_with_revenue
    END AS "index",
    counted.years AS whole_years,
    counted.years_with_revenue = 1 AS indicative,
    counted.years_with_revenue = 0 AS no_whole_year
FROM names
CROSS JOIN counted
LEFT JOIN shares ON shares.month = names.month
GROUP BY names.month, names.name, counted.years, counted.years_with_revenue
ORDER BY names.month
