SELECT
    COALESCE(SUM(amount_cents), 0) AS total_revenue,
    COUNT(*) AS lines,
    COALESCE(SUM(quantity), 0) AS units,
    COALESCE(SUM(CASE WHEN amount_cents > 0 THEN amount_cents ELSE 0 END), 0) AS gross_revenue,
    COALESCE(SUM(CASE WHEN amount_cents < 0 THEN amount_cents ELSE 0 END), 0) AS returns
FROM sales
WHERE sale_date BETWEEN :from AND :to
