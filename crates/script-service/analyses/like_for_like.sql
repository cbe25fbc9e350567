-- title: Like-for-like growth
-- title fr: Croissance à magasins comparables
-- description: Growth of the stores that traded in both periods; those that did not are listed with their revenue and left out of the total. With strict, a store counts when it traded on or before the first and on or after the last day of both.
-- description fr: Croissance des magasins ouverts dans les deux périodes ; les autres sont listés avec leur chiffre d’affaires et laissés hors du total.
-- position: 18
-- window: month
-- reads: all
-- param: strict boolean false "Counts only stores that were open over both periods as a whole"
-- param fr: strict "Seulement les magasins ouverts d’un bout à l’autre"
-- column: store_id integer
-- column: city text
-- column: region text
-- column: previous money
-- column: current money
-- column: growth percent = difference / base
-- column: like_for_like boolean
-- column: previous_to_date money
-- column: growth_to_date percent = difference_to_date / base_to_date
-- column: zero_base boolean
-- column: negative_base boolean
-- figure: like_for_like_growth percent = like_difference / like_base
-- figure: total_growth percent = total_difference / total_base
-- figure: stores_left_out integer
-- figure: revenue_left_out money
-- figure: partial_period boolean
-- headline: like_for_like_growth
-- chart: bar city growth
-- note: Growth compares {from} to {to} with {previous_from} to {previous_to}.
-- note if stores_left_out: {stores_left_out} stores are left out of like-for-like growth; they brought {revenue_left_out} EUR.
-- note if partial_period: One of the two periods is not wholly inside the data, or has a 29 February that the other lacks, so growth is withheld; growth_to_date compares the same number of days.
WITH compared AS (
    SELECT
        *,
        is_now AND was_before AND (
            NOT :strict OR (
                EXISTS (
                    SELECT 1 FROM store_days AS day
                    WHERE day.sale_date <= :previous_from AND day.store_id = store_periods.store_id
                )
                AND EXISTS (
                    SELECT 1 FROM store_days AS day
                    WHERE day.sale_date >= :to AND day.store_id = store_periods.store_id
                )
            )
        ) AS is_like
    FROM store_periods
)
SELECT
    compared.store_id,
    stores.city,
    COALESCE(stores.region, '(unknown)') AS region,
    compared.previous,
    compared.current,
    compared.current - compared.previous AS difference,
    CASE WHEN :comparable THEN ABS(compared.previous) END AS base,
    compared.is_like AS like_for_like,
    compared.previous_to_date,
    compared.current - compared.previous_to_date AS difference_to_date,
    ABS(compared.previous_to_date) AS base_to_date,
    compared.previous = 0 AS zero_base,
    compared.previous < 0 AS negative_base,
    SUM(compared.current - compared.previous) FILTER (WHERE compared.is_like) OVER () AS like_difference,
    CASE WHEN :comparable THEN ABS(SUM(compared.previous) FILTER (WHERE compared.is_like) OVER ()) END AS like_base,
    SUM(compared.current - compared.previous) OVER () AS total_difference,
    CASE WHEN :comparable THEN ABS(SUM(compared.previous) OVER ()) END AS total_base,
    SUM(NOT compared.is_like) OVER () AS stores_left_out,
    COALESCE(SUM(compared.current) FILTER (WHERE NOT compared.is_like) OVER (), 0) AS revenue_left_out,
    NOT :comparable AS partial_period
FROM compared
LEFT JOIN stores ON stores.id = compared.store_id
ORDER BY compared.is_like DESC, compared.current DESC, compared.store_id
LIMIT :limit
