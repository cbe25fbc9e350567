WITH inside AS (
    SELECT sale_date, store_id, ticket_id, quantity, amount_cents
    FROM sales
    WHERE sale_date BETWEEN :from AND :to
),
named AS (
    SELECT
        (SELECT COUNT(*) FROM (SELECT DISTINCT sale_date, store_id, ticket_id FROM inside WHERE ticket_id IS NOT NULL) AS each)
            AS tickets,
        COUNT(ticket_id) AS lines,
        COALESCE(SUM(CASE WHEN ticket_id IS NOT NULL THEN quantity END), 0) AS units,
        COALESCE(SUM(CASE WHEN ticket_id IS NOT NULL THEN amount_cents END), 0) AS cents,
        COUNT(*) - COUNT(ticket_id) AS others
    FROM inside
)
SELECT
    tickets,
    cents AS total_sales,
    ROUND(CAST(cents AS DOUBLE) / NULLIF(tickets, 0)) AS average_ticket,
    CAST(units AS DOUBLE) / NULLIF(tickets, 0) AS units_per_ticket,
    CAST(lines AS DOUBLE) / NULLIF(tickets, 0) AS lines_per_ticket,
    units,
    lines,
    others AS lines_without_ticket,
    tickets = 0 AS no_tickets
FROM named
