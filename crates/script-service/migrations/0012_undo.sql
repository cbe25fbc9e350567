ALTER TABLE jobs ADD COLUMN -- the job that took back what it wrote
    undone_by INTEGER;

ALTER TABLE jobs ADD COLUMN -- 1 when what it replaced is no longer kept
    undo_dropped INTEGER NOT NULL DEFAULT 0;

UPDATE jobs SET undo_dropped = 1 WHERE state <> 'queued';

DROP TABLE job_undo;

CREATE TABLE job_undo (
    -- one row is a row that an import changed, took away or made, for taking the import back
    job_id INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    row_key TEXT NOT NULL, -- as a JSON list
    change TEXT NOT NULL CHECK (change IN ('updated', 'deleted', 'added', 'made')), -- made: because a line named it
    before TEXT, -- its values as a JSON object; NULL: it was not there
    after TEXT, -- what the import left of it, where that tells whether others changed it since
    of_job INTEGER, -- the import that had written it before
    PRIMARY KEY (job_id, table_name, row_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_undo_by_job ON job_undo (of_job, table_name, row_key) WHERE of_job IS NOT NULL;

CREATE TABLE sales_changed_since (
    -- one row is a line that an import wrote and that SQL by hand changed or replaced since
    job_id INTEGER NOT NULL,
    sale_id INTEGER NOT NULL,
    PRIMARY KEY (job_id, sale_id)
) STRICT, WITHOUT ROWID;

DROP TRIGGER sales_before_insert;

CREATE TRIGGER sales_before_insert BEFORE INSERT ON sales
WHEN (SELECT importing FROM dataset WHERE id = 1) = 0
BEGIN
    -- INSERT OR REPLACE takes a line away without a DELETE trigger.
    INSERT INTO dirty_days (sale_date)
    SELECT sale_date FROM sales
    WHERE (id = NEW.id OR line_key = NEW.line_key) AND sale_date NOT IN (SELECT sale_date FROM dirty_days);
    INSERT INTO sales_changed_since (job_id, sale_id)
    SELECT import_job_id, id FROM sales
    WHERE (id = NEW.id OR line_key = NEW.line_key) AND import_job_id IS NOT NULL
        AND (import_job_id, id) NOT IN (SELECT job_id, sale_id FROM sales_changed_since);
END;

DROP TRIGGER sales_before_update;

CREATE TRIGGER sales_before_update BEFORE UPDATE OF id, line_key ON sales
WHEN NEW.id IS NOT OLD.id OR NEW.line_key IS NOT OLD.line_key
BEGIN
    -- UPDATE OR REPLACE takes a line away without a DELETE trigger.
    INSERT INTO dirty_days (sale_date)
    SELECT sale_date FROM sales
    WHERE (id = NEW.id OR line_key = NEW.line_key) AND sale_date NOT IN (SELECT sale_date FROM dirty_days);
    INSERT INTO sales_changed_since (job_id, sale_id)
    SELECT import_job_id, id FROM sales
    WHERE (id = NEW.id OR line_key = NEW.line_key) AND import_job_id IS NOT NULL
        AND (SELECT importing FROM dataset WHERE id = 1) = 0
        AND (import_job_id, id) NOT IN (SELECT job_id, sale_id FROM sales_changed_since);
END;

CREATE TRIGGER sales_changed_by_hand AFTER UPDATE ON sales
WHEN OLD.import_job_id IS NOT NULL AND (SELECT importing FROM dataset WHERE id = 1) = 0
BEGIN
    INSERT INTO sales_changed_since (job_id, sale_id)
    SELECT OLD.import_job_id, OLD.id
    WHERE (OLD.import_job_id, OLD.id) NOT IN (SELECT job_id, sale_id FROM sales_changed_since);
    INSERT INTO sales_changed_since (job_id, sale_id)
    SELECT OLD.import_job_id, NEW.id
    WHERE (OLD.import_job_id, NEW.id) NOT IN (SELECT job_id, sale_id FROM sales_changed_since);
END;
