CREATE TABLE uncounted_days (
    -- one row is a day whose tickets are to be counted again before their number is read
    sale_date TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

DROP INDEX sales_by_ticket;
