-- title: Growth by product
-- title fr: Croissance par produit
-- description: Net revenue of each product in the window against the window before it (or a year before, with compare=year_before), and how many points of the total growth it makes. Withheld where one of the two is not wholly inside the data; the same number of days of both is beside it.
-- description fr: Chiffre d’affaires net de chaque produit face à la période précédente, et combien de points de la croissance totale il apporte. Rien n’est dit quand l’une des deux n’est pas entièrement couverte.
-- position: 17
-- window: month
-- column: product_id integer
-- column: name text
-- column: category text
-- column: previous money
-- column: current money
-- column: difference money
-- column: growth percent = difference / base
-- column: contribution percent points = difference / total_base
-- column: status text
-- column: rank integer
-- column: previous_to_date money
-- column: growth_to_date percent = difference_to_date / base_to_date
-- column: zero_base boolean
-- column: negative_base boolean
-- figure: total_growth percent = total_difference / total_base
-- figure: new_products integer
-- figure: lost_products integer
-- figure: partial_period boolean
-- headline: total_growth
-- chart: bar name contribution
-- note: Growth compares {from} to {to} with {previous_from} to {previous_to}; contribution sums to the growth of the total.
-- note if new_products: {new_products} products are new: without revenue before, their growth is empty.
-- note if lost_products: {lost_products} products sold nothing any more.
-- note if partial_period: One of the two periods is not wholly inside the data, or has a 29 February that the other lacks, so growth is withheld; growth_to_date compares the same number of days.
SELECT
    totals.product_id,
    products.name,
    COALESCE(products.category, '(unknown)') AS category,
    totals.previous,
    totals.current,
    totals.current - totals.previous AS difference,
    CASE WHEN :comparable THEN ABS(totals.previous) END AS base,
    SUM(totals.current - totals.previous) OVER () AS total_difference,
    CASE WHEN :comparable THEN ABS(SUM(totals.previous) OVER ()) END AS total_base,
    CASE
        WHEN totals.is_now AND totals.was_before THEN 'kept'
        WHEN totals.is_now THEN 'new'
        ELSE 'lost'
    END AS status,
    RANK() OVER (ORDER BY totals.current - totals.previous DESC) AS rank,
    totals.previous_to_date,
    totals.current - totals.previous_to_date AS difference_to_date,
    ABS(totals.previous_to_date) AS base_to_date,
    totals.previous = 0 AS zero_base,
    totals.previous < 0 AS negative_base,
    SUM(totals.is_now AND NOT totals.was_before) OVER () AS new_products,
    SUM(totals.was_before AND NOT totals.is_now) OVER () AS lost_products,
    NOT :comparable AS partial_period
FROM product_periods AS totals
LEFT JOIN products ON products.id = totals.product_id
ORDER BY totals.current - totals.previous DESC, totals.product_id
LIMIT :limit
