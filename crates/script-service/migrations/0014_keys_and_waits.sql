ALTER TABLE jobs ADD COLUMN -- updated sales whose day, store or ticket changed
    moved INTEGER NOT NULL DEFAULT 0;

ALTER TABLE job_sources ADD COLUMN -- updated sales whose day, store or ticket changed
    moved INTEGER NOT NULL DEFAULT 0;

ALTER TABLE jobs ADD COLUMN -- when its process waited for db-service no longer; nobody takes it up until it is resumed
    given_up_at TEXT;

ALTER TABLE jobs ADD COLUMN -- when the source text of its rejects was dropped
    reject_text_dropped_at TEXT;

ALTER TABLE jobs ADD COLUMN -- when its rejects were dropped
    rejects_dropped_at TEXT;

CREATE TABLE job_overlaps (
    -- one row is how many lines of a source were there already, from another import
    job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    source INTEGER NOT NULL,
    of_job INTEGER NOT NULL, -- 0 when no import wrote them
    lines INTEGER NOT NULL,
    PRIMARY KEY (job_id, source, of_job)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_overlaps_by_job ON job_overlaps (of_job);
