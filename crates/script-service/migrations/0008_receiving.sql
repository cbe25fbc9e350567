CREATE TABLE receiving (
    -- one row is the idempotency key of an upload that is coming in
    idempotency_key TEXT PRIMARY KEY,
    owner TEXT NOT NULL, -- the request that has it
    lease_until_ms INTEGER NOT NULL -- since 1970; the process that receives it renews it
) STRICT, WITHOUT ROWID;
