CREATE TABLE days (
    -- one row is what was sold on a day: the sum of its lines in sales
    sale_date TEXT PRIMARY KEY,
    lines INTEGER NOT NULL,
    units INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    returns_cents INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO days (sale_date, lines, units, amount_cents, returns_cents)
SELECT sale_date, SUM(lines), SUM(units), SUM(amount_cents), SUM(returns_cents)
FROM product_days
GROUP BY sale_date;

ALTER TABLE store_days ADD COLUMN -- different values of ticket_id
    tickets INTEGER NOT NULL DEFAULT 0;

ALTER TABLE store_days ADD COLUMN -- those of lines that have one
    ticket_lines INTEGER NOT NULL DEFAULT 0;

ALTER TABLE store_days ADD COLUMN -- theirs alone
    ticket_units INTEGER NOT NULL DEFAULT 0;

ALTER TABLE store_days ADD COLUMN -- theirs alone
    ticket_cents INTEGER NOT NULL DEFAULT 0;

INSERT INTO dirty_days (sale_date)
SELECT DISTINCT sale_date FROM sales WHERE ticket_id IS NOT NULL AND sale_date NOT IN (SELECT sale_date FROM dirty_days);

DROP INDEX sales_by_ticket;

CREATE INDEX sales_by_ticket ON sales (sale_date, store_id, ticket_id) WHERE ticket_id IS NOT NULL;
