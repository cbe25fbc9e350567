ALTER TABLE job_sources ADD COLUMN upload_bytes INTEGER;

ALTER TABLE job_sources ADD COLUMN etag TEXT;

ALTER TABLE job_sources ADD COLUMN last_modified TEXT;

ALTER TABLE job_uploads ADD COLUMN created_at_ms INTEGER NOT NULL DEFAULT 0;

CREATE TABLE staged_sales (
    -- one row is a sale line of an import that replaces others, kept until all of them are there
    job_id INTEGER NOT NULL,
    id INTEGER,
    product_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    sale_date TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    ticket_id TEXT
) STRICT;

CREATE INDEX staged_sales_by_job ON staged_sales (job_id, sale_date);
