CREATE TABLE schedules (
    -- one row is work that is asked for again and again, at certain times or when a file comes
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL, -- of the jobs it makes
    request TEXT NOT NULL, -- their arguments, as JSON
    cron TEXT, -- when; NULL for one that watches
    time_zone TEXT, -- in which cron is read
    watch TEXT, -- a pattern of files under the data folder; NULL for one with times
    catch_up INTEGER NOT NULL CHECK (catch_up IN (0, 1)), -- whether missed times are made up for by one job
    enabled INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    next_due_ms INTEGER, -- since 1970; NULL for one that watches or whose times are over
    skipped INTEGER NOT NULL DEFAULT 0, -- times at which no job was made
    last_skip TEXT, -- why, the last time
    created_at TEXT NOT NULL,
    CHECK ((cron IS NULL) <> (watch IS NULL))
) STRICT;

ALTER TABLE jobs ADD COLUMN schedule_id INTEGER;

ALTER TABLE jobs ADD COLUMN occurrence TEXT;

CREATE UNIQUE INDEX jobs_by_occurrence ON jobs (schedule_id, occurrence) WHERE schedule_id IS NOT NULL;

ALTER TABLE job_rejects ADD COLUMN replayed_by INTEGER;

CREATE TABLE job_undo (
    -- one row is a row that a running import changed or added, as it was before
    job_id INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL, -- as a JSON list
    before TEXT, -- its values as a JSON list; NULL: it was not there
    PRIMARY KEY (job_id, table_name, row_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX sales_by_ticket ON sales (sale_date, ticket_id, store_id, product_id, quantity, amount_cents)
WHERE ticket_id IS NOT NULL;
