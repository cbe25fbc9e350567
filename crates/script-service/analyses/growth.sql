-- title: Growth by region
-- title fr: Croissance par région
-- description: Net revenue of each region in the window against the window before it (or a year before, with compare=year_before). Withheld where one of the two is not wholly inside the data; the same number of days of both is beside it.
-- description fr: Chiffre d’affaires net de chaque région face à la période précédente. Rien n’est dit quand l’une des deux n’est pas entièrement couverte ; le même nombre de jours est alors comparé à côté.
-- position: 10
-- window: month
-- column: region text
-- column: previous money
-- column: current money
-- column: growth percent = difference / base
-- column: difference money
-- column: previous_to_date money
-- column: growth_to_date percent = difference_to_date / base_to_date
-- column: zero_base boolean
-- column: negative_base boolean
-- column: contribution percent points = difference / total_base
-- column: day_adjusted_growth percent = adjusted_difference / adjusted_base
-- figure: total_growth percent = total_difference / total_base
-- figure: partial_period boolean
-- figure: zero_bases integer
-- figure: new_regions text
-- figure: lost_regions text
-- figure: high_potential text
-- headline: total_growth
-- chart: bar region growth
-- note: Growth compares {from} to {to} with {previous_from} to {previous_to}.
-- note: contribution is how many points of the total growth a region makes; day_adjusted_growth compares the revenue per day, as months differ in length.
-- note if high_potential: Of the regions with at least 1 % of the revenue, {high_potential} grows most.
-- note if zero_bases: {zero_bases} regions had no revenue before: their growth is empty, difference says how much came.
-- note if new_regions: New: {new_regions}.
-- note if lost_regions: Without revenue now: {lost_regions}.
-- note if partial_period: One of the two periods is not wholly inside the data, or has a 29 February that the other lacks, so growth is withheld; growth_to_date compares the same number of days.
WITH regions AS (
    SELECT
        COALESCE(stores.region, '(unknown)') AS region,
        SUM(store_periods.current) AS current,
        SUM(store_periods.previous) AS previous,
        SUM(store_periods.previous_to_date) AS previous_to_date
    FROM store_periods
    LEFT JOIN stores ON stores.id = store_periods.store_id
    GROUP BY COALESCE(stores.region, '(unknown)')
),
lengths AS (
    SELECT
        CAST(JULIANDAY(:to) - JULIANDAY(:from) AS INTEGER) + 1 AS current_days,
        CAST(JULIANDAY(:previous_to) - JULIANDAY(:previous_from) AS INTEGER) + 1 AS previous_days
)
SELECT
    region,
    previous,
    current,
    current - previous AS difference,
    CASE WHEN :comparable THEN ABS(previous) END AS base,
    previous_to_date,
    current - previous_to_date AS difference_to_date,
    ABS(previous_to_date) AS base_to_date,
    previous = 0 AS zero_base,
    previous < 0 AS negative_base,
    CASE WHEN :comparable THEN current * previous_days - previous * current_days END AS adjusted_difference,
    ABS(previous) * current_days AS adjusted_base,
    SUM(previous = 0) OVER () AS zero_bases,
    (SELECT GROUP_CONCAT(region, ', ' ORDER BY region) FROM regions WHERE previous = 0 AND current <> 0) AS new_regions,
    (SELECT GROUP_CONCAT(region, ', ' ORDER BY region) FROM regions WHERE previous <> 0 AND current = 0) AS lost_regions,
    (
        SELECT region FROM regions
        WHERE :comparable AND previous > 0 AND current > previous
            AND current * 100 >= (SELECT SUM(current) FROM regions)
        ORDER BY 1.0 * (current - previous) / previous DESC, current DESC, region
        LIMIT 1
    ) AS high_potential,
    SUM(current - previous) OVER () AS total_difference,
    CASE WHEN :comparable THEN ABS(SUM(previous) OVER ()) END AS total_base,
    NOT :comparable AS partial_period
FROM regions, lengths
ORDER BY
    CASE WHEN previous = 0 THEN NULL ELSE 1.0 * (current - previous) / ABS(previous) END DESC NULLS LAST,
    current DESC,
    region
LIMIT :limit
