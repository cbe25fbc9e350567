WITH regions AS (
    SELECT
        COALESCE(stores.region, '(unknown)') AS region,
        SUM(CASE WHEN sales.sale_date BETWEEN :from AND :to THEN sales.amount_cents ELSE 0 END) AS current,
        SUM(CASE WHEN sales.sale_date BETWEEN :previous_from AND :previous_to THEN sales.amount_cents ELSE 0 END) AS previous,
        SUM(CASE WHEN sales.sale_date BETWEEN :previous_from AND :previous_to_date THEN sales.amount_cents ELSE 0 END)
            AS to_date
    FROM sales
    LEFT JOIN stores ON stores.id = sales.store_id
    WHERE sales.sale_date BETWEEN :previous_from AND :previous_to OR sales.sale_date BETWEEN :from AND :to
    GROUP BY COALESCE(stores.region, '(unknown)')
),
whole AS (
    SELECT
        SUM(current) AS current,
        SUM(current) - SUM(previous) AS difference,
        CASE WHEN :comparable = 1 THEN ABS(NULLIF(SUM(previous), 0)) END AS base
    FROM regions
),
lengths AS (
    SELECT
        {days from :from to :to} + 1 AS days,
        {days from :previous_from to :previous_to} + 1 AS days_before
),
named AS (
    SELECT
        (
            SELECT GROUP_CONCAT(region, ', ')
            FROM (SELECT region FROM regions WHERE previous = 0 AND current <> 0 ORDER BY region) AS new_ones
        ) AS new_regions,
        (
            SELECT GROUP_CONCAT(region, ', ')
            FROM (SELECT region FROM regions WHERE previous <> 0 AND current = 0 ORDER BY region) AS lost_ones
        ) AS lost_regions,
        (
            SELECT region
            FROM regions
            WHERE :comparable = 1 AND previous > 0 AND current > previous
                AND 100 * current >= (SELECT current FROM whole)
            ORDER BY CAST(current AS DOUBLE) / previous DESC, current DESC, region
            LIMIT 1
        ) AS high_potential
)
SELECT
    regions.region,
    regions.previous,
    regions.current,
    CASE WHEN :comparable = 1 THEN 100.0 * (regions.current - regions.previous) / ABS(NULLIF(regions.previous, 0)) END
        AS growth,
    regions.current - regions.previous AS difference,
    regions.to_date AS previous_to_date,
    100.0 * (regions.current - regions.to_date) / ABS(NULLIF(regions.to_date, 0)) AS growth_to_date,
    regions.previous = 0 AS zero_base,
    regions.previous < 0 AS negative_base,
    100.0 * (regions.current - regions.previous) / whole.base AS contribution,
    CASE
        WHEN :comparable = 1
            THEN 100.0
                * (CAST(regions.current AS DOUBLE) / lengths.days - CAST(regions.previous AS DOUBLE) / lengths.days_before)
                / ABS(NULLIF(CAST(regions.previous AS DOUBLE) / lengths.days_before, 0))
    END AS day_adjusted_growth,
    100.0 * whole.difference / whole.base AS total_growth,
    :comparable = 0 AS partial_period,
    (SELECT COUNT(*) FROM regions WHERE previous = 0) AS zero_bases,
    named.new_regions,
    named.lost_regions,
    named.high_potential
FROM regions, whole, lengths, named
ORDER BY
    CASE WHEN regions.previous <> 0 THEN CAST(regions.current - regions.previous AS DOUBLE) / ABS(regions.previous) END
        DESC NULLS LAST,
    regions.current DESC,
    regions.region
