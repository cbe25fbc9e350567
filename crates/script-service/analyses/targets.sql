-- title: Targets
-- title fr: Objectifs
-- description: Net revenue of each product that has a target in the window against it. A month that the window or the data covers only in part counts with its share of days.
-- description fr: Chiffre d’affaires net de chaque produit face à son objectif. Un mois couvert en partie compte au prorata de ses jours.
-- position: 11
-- window: month
-- column: product_id integer
-- column: name text
-- column: target money
-- column: total_sales money
-- column: attainment percent = total_sales / positive_target
-- column: below_target boolean
-- figure: products_below_target integer
-- figure: pro_rata boolean
-- figure: some_stores boolean
-- headline: products_below_target
-- chart: bar name attainment
-- note: {products_below_target} products are below their target.
-- note if pro_rata: Targets are pro rata: at least one month is covered only in part.
-- note if some_stores: Targets are for all stores, the revenue is that of some.
WITH span AS (
    SELECT MAX(:from, :first) AS begins, MIN(:to, :last) AS ends
),
months AS (
    SELECT
        product_targets.product_id,
        product_targets.target_cents,
        CAST(
            JULIANDAY(MIN(DATE(month || '-01', '+1 month', '-1 day'), ends))
            - JULIANDAY(MAX(month || '-01', begins)) AS INTEGER
        ) + 1 AS covered_days,
        CAST(STRFTIME('%d', DATE(month || '-01', '+1 month', '-1 day')) AS INTEGER) AS month_days
    FROM product_targets, span
    WHERE begins <= ends AND month BETWEEN SUBSTR(begins, 1, 7) AND SUBSTR(ends, 1, 7)
),
targets AS (
    SELECT
        product_id,
        SUM((2 * target_cents * covered_days + month_days) / (2 * month_days)) AS target,
        MAX(covered_days < month_days) AS pro_rata
    FROM months
    GROUP BY product_id
),
totals AS (
    SELECT product_days.product_id, SUM(product_days.amount_cents) AS total_sales
    FROM product_days, span
    WHERE product_days.sale_date BETWEEN span.begins AND span.ends
    GROUP BY product_days.product_id
)
SELECT
    targets.product_id,
    products.name,
    targets.target,
    COALESCE(totals.total_sales, 0) AS total_sales,
    NULLIF(targets.target, 0) AS positive_target,
    CASE WHEN targets.target <> 0 THEN COALESCE(totals.total_sales, 0) < targets.target END AS below_target,
    SUM(targets.target <> 0 AND COALESCE(totals.total_sales, 0) < targets.target) OVER () AS products_below_target,
    MAX(targets.pro_rata) OVER () AS pro_rata,
    :region IS NOT NULL OR :store IS NOT NULL AS some_stores
FROM targets
LEFT JOIN products ON products.id = targets.product_id
LEFT JOIN totals ON totals.product_id = targets.product_id
WHERE (:product IS NULL OR targets.product_id = :product)
    AND (:category IS NULL OR COALESCE(products.category, '(unknown)') = :category)
ORDER BY
    CASE WHEN targets.target <> 0 THEN 1.0 * COALESCE(totals.total_sales, 0) / targets.target END NULLS LAST,
    targets.product_id
LIMIT :limit
