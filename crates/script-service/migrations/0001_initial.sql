CREATE TABLE products (
    -- one row is something that is sold
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    price_cents INTEGER NOT NULL, -- today's list price
    price REAL GENERATED ALWAYS AS (price_cents / 100.0) VIRTUAL, -- in EUR
    category TEXT
) STRICT;

CREATE TABLE stores (
    -- one row is a place where things are sold
    id INTEGER PRIMARY KEY,
    city TEXT NOT NULL,
    region TEXT,
    address TEXT
) STRICT;

CREATE TABLE sales (
    -- one row is a line of a sale; a return has a negative amount
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products (id),
    store_id INTEGER NOT NULL REFERENCES stores (id),
    sale_date TEXT NOT NULL CHECK (sale_date GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
    quantity INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    amount REAL GENERATED ALWAYS AS (amount_cents / 100.0) VIRTUAL, -- in EUR
    ticket_id TEXT, -- the sale that the line belongs to, where the source says
    import_job_id INTEGER -- the job that wrote the line last; NULL when none did
) STRICT;

CREATE INDEX sales_by_date ON sales (sale_date);

CREATE TABLE product_targets (
    -- one row is what a product should sell in a month
    product_id INTEGER NOT NULL REFERENCES products (id),
    month TEXT NOT NULL CHECK (month GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]'),
    target_cents INTEGER NOT NULL,
    PRIMARY KEY (product_id, month)
) STRICT, WITHOUT ROWID;

CREATE TABLE analysis_results (
    -- one row is an answer of an analysis that was kept
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    analysis_type TEXT NOT NULL, -- the name of the analysis
    result_value REAL, -- its headline figure; result_details has it exactly
    result_details TEXT NOT NULL, -- the whole answer, as JSON
    created_at TEXT NOT NULL,
    job_id INTEGER -- the job that computed it; NULL when a request did
) STRICT;

CREATE TABLE jobs (
    -- one row is a piece of work that was asked for, and what became of it
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (
        state IN ('queued', 'running', 'succeeded', 'succeeded_with_rejects', 'failed', 'cancelled', 'interrupted')
    ),
    request TEXT NOT NULL, -- its arguments, as JSON
    idempotency_key TEXT UNIQUE,
    fingerprint TEXT, -- of the request that carried the key
    created_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    owner TEXT, -- the process that runs it
    lease_until_ms INTEGER, -- since 1970; a running job whose lease is over may be taken up by another process
    cancel_requested_at TEXT,
    cancelled_by TEXT,
    phase TEXT,
    bytes INTEGER NOT NULL DEFAULT 0, -- of the current source, as packed
    bytes_total INTEGER,
    records_total INTEGER, -- of the current source, once it is surveyed
    read INTEGER NOT NULL DEFAULT 0,
    inserted INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    warnings INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0,
    source INTEGER NOT NULL DEFAULT 0, -- checkpoint: the source being read
    source_read INTEGER NOT NULL DEFAULT 0, -- checkpoint: records of it that are done
    batches INTEGER NOT NULL DEFAULT 0, -- checkpoint: batches written
    notes TEXT NOT NULL DEFAULT '[]',
    result TEXT,
    error TEXT, -- a problem document
    revision INTEGER NOT NULL DEFAULT 0 -- raised by every change
) STRICT;

CREATE INDEX jobs_unfinished ON jobs (state) WHERE state IN ('queued', 'running', 'interrupted');

CREATE TABLE job_sources (
    -- one row is a source of an import
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    source INTEGER NOT NULL, -- the first is 0
    table_name TEXT NOT NULL,
    origin TEXT NOT NULL, -- what it is called: a path under the data folder, a URL, a file name
    upload_id TEXT, -- where its bytes are kept while the job needs them
    digest TEXT, -- BLAKE3 of the decoded content
    records INTEGER,
    decisions TEXT, -- how it is read, as JSON
    read INTEGER NOT NULL DEFAULT 0,
    inserted INTEGER NOT NULL DEFAULT 0,
    updated INTEGER NOT NULL DEFAULT 0,
    unchanged INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    warnings INTEGER NOT NULL DEFAULT 0,
    finished_at TEXT,
    PRIMARY KEY (job_id, source)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_sources_by_digest ON job_sources (digest, table_name);

CREATE TABLE job_rejects (
    -- one row is a record that was not taken
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    source INTEGER NOT NULL,
    record INTEGER NOT NULL, -- the first after the header is 1
    line INTEGER NOT NULL, -- the physical line where it begins
    byte_offset INTEGER NOT NULL, -- in the decoded text
    raw TEXT NOT NULL, -- its source text
    column_name TEXT,
    value TEXT,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (job_id, source, record)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_uploads (
    -- one row is a piece of a source's bytes, kept until its job ends
    upload_id TEXT NOT NULL,
    seq INTEGER NOT NULL, -- the first is 0
    chunk BLOB NOT NULL,
    PRIMARY KEY (upload_id, seq)
) STRICT;
