-- title: Tickets
-- title fr: Tickets
-- description: What an average ticket brings, where the source names the ticket of a line. A ticket is the lines of one store and one day with the same ticket_id; lines without one are counted apart.
-- description fr: Ce que rapporte un ticket moyen, quand la source nomme le ticket d’une ligne. Un ticket, ce sont les lignes d’un magasin et d’un jour avec le même ticket_id ; les lignes sans ticket sont comptées à part.
-- position: 22
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
WITH sums AS (
    SELECT
        COALESCE(SUM(tickets), 0) AS tickets,
        COALESCE(SUM(ticket_cents), 0) AS total_sales,
        COALESCE(SUM(ticket_units), 0) AS units,
        COALESCE(SUM(ticket_lines), 0) AS lines,
        COALESCE(SUM(lines), 0) AS all_lines
    FROM store_days
    WHERE sale_date BETWEEN :from AND :to
)
SELECT
    tickets,
    total_sales,
    units,
    lines,
    all_lines - lines AS lines_without_ticket,
    tickets = 0 AS no_tickets
FROM sums
