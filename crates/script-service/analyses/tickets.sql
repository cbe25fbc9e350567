-- title: Tickets
-- description: What an average ticket brings, where the source names the ticket of a line. A ticket is the lines of one store and one day with the same ticket_id; lines without one are counted apart.
-- column: tickets integer
-- column: total_sales money
-- column: average_ticket money = total_sales / tickets
-- column: units_per_ticket number = units / tickets
-- column: lines_per_ticket number = lines / tickets
-- column: units integer
-- column: lines integer
-- column: lines_without_ticket integer
-- figure: no_tickets boolean
-- headline: average_ticket
-- chart: number average_ticket
-- note if no_tickets: No line in the window names its ticket: average ticket and units per ticket are empty. The column ticket_id of an import fills it.
WITH tickets AS (
    SELECT COUNT(*) AS lines, SUM(quantity) AS units, SUM(amount_cents) AS amount_cents
    FROM main.sales
    WHERE ticket_id IS NOT NULL
        AND sale_date BETWEEN :from AND :to
        AND (:product IS NULL OR product_id = :product)
        AND (:category IS NULL OR product_id IN (
            SELECT id FROM products WHERE COALESCE(category, '(unknown)') = :category
        ))
        AND (:store IS NULL OR store_id = :store)
        AND (:region IS NULL OR store_id IN (
            SELECT id FROM stores WHERE COALESCE(region, '(unknown)') = :region
        ))
    GROUP BY sale_date, ticket_id, store_id
),
sums AS (
    SELECT
        COUNT(*) AS tickets,
        COALESCE(SUM(amount_cents), 0) AS total_sales,
        COALESCE(SUM(units), 0) AS units,
        COALESCE(SUM(lines), 0) AS lines
    FROM tickets
),
everything AS (
    SELECT COALESCE(SUM(lines), 0) AS lines FROM days WHERE sale_date BETWEEN :from AND :to
)
SELECT
    sums.tickets,
    sums.total_sales,
    sums.units,
    sums.lines,
    everything.lines - sums.lines AS lines_without_ticket,
    sums.tickets = 0 AS no_tickets
FROM sums, everything
