-- title: Concentration
-- title fr: Concentration
-- description: How much of the revenue in the window comes from the largest products, stores and regions, and the Herfindahl-Hirschman index: the sum of the squared shares in percent, 10,000 when one has all.
-- description fr: Part des plus grands produits, magasins et régions dans le chiffre d’affaires, et l’indice de Herfindahl-Hirschman : la somme des carrés des parts en pour cent, 10 000 quand un seul a tout.
-- position: 19
-- column: dimension text
-- column: members integer
-- column: top_1_share percent = top_1 / total
-- column: top_5_share percent = top_5 / total
-- column: top_fifth_share percent = top_fifth / total
-- column: hhi number
-- figure: negative_members integer
-- headline: members
-- chart: bar dimension top_5_share
-- note: top_fifth_share is that of the largest 20 percent of the members, rounded up.
-- note if negative_members: {negative_members} members have more returns than sales, so shares of the others can exceed 100 %.
WITH members AS (
    SELECT 1 AS place, 'product' AS dimension, product_id AS member, SUM(amount_cents) AS cents
    FROM product_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
    UNION ALL
    SELECT 2, 'store', store_id, SUM(amount_cents)
    FROM store_days
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY store_id
    UNION ALL
    SELECT 3, 'region', COALESCE(stores.region, '(unknown)'), SUM(amount_cents)
    FROM store_days
    LEFT JOIN stores ON stores.id = store_days.store_id
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY COALESCE(stores.region, '(unknown)')
),
ranked AS (
    SELECT
        *,
        ROW_NUMBER() OVER (PARTITION BY place ORDER BY cents DESC, member) AS nth,
        COUNT(*) OVER (PARTITION BY place) AS members,
        SUM(cents) OVER (PARTITION BY place) AS total
    FROM members
)
SELECT
    dimension,
    members,
    SUM(cents) FILTER (WHERE nth = 1) AS top_1,
    SUM(cents) FILTER (WHERE nth <= 5) AS top_5,
    SUM(cents) FILTER (WHERE nth <= (members + 4) / 5) AS top_fifth,
    total,
    ROUND(SUM((100.0 * cents / NULLIF(total, 0)) * (100.0 * cents / NULLIF(total, 0))), 1) AS hhi,
    SUM(SUM(cents < 0)) OVER () AS negative_members
FROM ranked
GROUP BY place
ORDER BY place
