WITH members AS (
    SELECT 1 AS place, 'product' AS dimension, CAST(product_id AS VARCHAR) AS member, SUM(amount_cents) AS cents
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY product_id
    UNION ALL
    SELECT 2, 'store', CAST(store_id AS VARCHAR), SUM(amount_cents)
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
    GROUP BY store_id
    UNION ALL
    SELECT 3, 'region', COALESCE(stores.region, '(unknown)'), SUM(sales.amount_cents)
    FROM sales
    LEFT JOIN stores ON stores.id = sales.store_id
    WHERE sales.sale_date BETWEEN :from AND :to
    GROUP BY COALESCE(stores.region, '(unknown)')
),
wholes AS (
    SELECT place, dimension, COUNT(*) AS members, SUM(cents) AS cents
    FROM members
    GROUP BY place, dimension
),
shared AS (
    SELECT
        members.place,
        100.0 * members.cents / NULLIF(wholes.cents, 0) AS share,
        ROW_NUMBER() OVER (PARTITION BY members.place ORDER BY members.cents DESC) AS nth,
        wholes.members
    FROM members
    JOIN wholes ON wholes.place = members.place
)
SELECT
    wholes.dimension,
    wholes.members,
    SUM(CASE WHEN shared.nth = 1 THEN shared.share END) AS top_1_share,
    SUM(CASE WHEN shared.nth <= 5 THEN shared.share END) AS top_5_share,
    SUM(CASE WHEN 5 * shared.nth < shared.members + 5 THEN shared.share END) AS top_fifth_share,
    ROUND(SUM(shared.share * shared.share), 1) AS hhi,
    (SELECT COUNT(*) FROM members WHERE cents < 0) AS negative_members
FROM shared
JOIN wholes ON wholes.place = shared.place
GROUP BY wholes.place, wholes.dimension, wholes.members
ORDER BY wholes.place
