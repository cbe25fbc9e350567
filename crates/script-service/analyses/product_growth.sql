-- title: Growth by product
-- description: Net revenue of each product in the window against the window before it (or a year before, with compare=year_before), and how many points of the total growth it makes. Withheld where one of the two is not wholly inside the data.
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
-- figure: total_growth percent = total_difference / total_base
-- figure: new_products integer
-- figure: lost_products integer
-- figure: partial_period boolean
-- headline: total_growth
-- chart: bar name contribution
-- note: Growth compares {from} to {to} with {previous_from} to {previous_to}; contribution sums to the growth of the total.
-- note if new_products: {new_products} products are new: without revenue before, their growth is empty.
-- note if lost_products: {lost_products} products sold nothing any more.
-- note if partial_period: One of the two periods is not wholly inside the data, so growth is withheld.
WITH products_then_and_now AS (
    SELECT
        product_id,
        COALESCE(SUM(amount_cents) FILTER (WHERE sale_date BETWEEN :from AND :to), 0) AS current,
        COALESCE(SUM(amount_cents) FILTER (WHERE sale_date BETWEEN :previous_from AND :previous_to), 0) AS previous,
        COUNT(*) FILTER (WHERE sale_date BETWEEN :from AND :to) > 0 AS is_now,
        COUNT(*) FILTER (WHERE sale_date BETWEEN :previous_from AND :previous_to) > 0 AS was_before
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to OR sale_date BETWEEN :previous_from AND :previous_to
    GROUP BY product_id
)
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
    SUM(totals.is_now AND NOT totals.was_before) OVER () AS new_products,
    SUM(totals.was_before AND NOT totals.is_now) OVER () AS lost_products,
    NOT :comparable AS partial_period
FROM products_then_and_now AS totals
LEFT JOIN products ON products.id = totals.product_id
ORDER BY totals.current - totals.previous DESC, totals.product_id
LIMIT :limit
