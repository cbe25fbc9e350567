-- title: Growth by region
-- description: Net revenue of each region in the window against the window before it. Withheld where one of the two is not wholly inside the data; the same number of days of both is beside it.
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
-- figure: total_growth percent = total_difference / total_base
-- figure: partial_period boolean
-- headline: total_growth
-- chart: bar region growth
-- note: Growth compares {from} to {to} with {previous_from} to {previous_to}.
-- note if partial_period: One of the two periods is not wholly inside the data, so growth is withheld; growth_to_date compares the same number of days.
WITH totals AS (
    SELECT
        store_id,
        SUM(amount_cents) FILTER (WHERE sale_date BETWEEN :from AND :to) AS current,
        SUM(amount_cents) FILTER (WHERE sale_date BETWEEN :previous_from AND :previous_to) AS previous,
        SUM(amount_cents) FILTER (WHERE sale_date BETWEEN :previous_from AND :previous_to_date) AS previous_to_date
    FROM store_days
    WHERE sale_date BETWEEN MIN(:from, :previous_from) AND :to
    GROUP BY store_id
),
regions AS (
    SELECT
        COALESCE(stores.region, '(unknown)') AS region,
        COALESCE(SUM(totals.current), 0) AS current,
        COALESCE(SUM(totals.previous), 0) AS previous,
        COALESCE(SUM(totals.previous_to_date), 0) AS previous_to_date
    FROM totals
    LEFT JOIN stores ON stores.id = totals.store_id
    GROUP BY COALESCE(stores.region, '(unknown)')
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
    SUM(current - previous) OVER () AS total_difference,
    CASE WHEN :comparable THEN ABS(SUM(previous) OVER ()) END AS total_base,
    NOT :comparable AS partial_period
FROM regions
ORDER BY
    CASE WHEN previous = 0 THEN NULL ELSE (current - previous) * 1000000 / ABS(previous) END DESC NULLS LAST,
    current DESC,
    region
LIMIT :limit
