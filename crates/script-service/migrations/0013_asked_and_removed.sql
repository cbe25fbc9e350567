ALTER TABLE job_sources ADD COLUMN -- a digest of what it was asked for with, where it was fetched
    asked TEXT;

ALTER TABLE job_sources ADD COLUMN -- of the dataset, when it was fetched
    removals INTEGER;

ALTER TABLE dataset ADD COLUMN -- how many rows of sales, products, stores and targets have been deleted
    removals INTEGER NOT NULL DEFAULT 0;

CREATE TRIGGER sales_removed AFTER DELETE ON sales
BEGIN
    UPDATE dataset SET removals = removals + 1 WHERE id = 1;
END;

CREATE TRIGGER products_removed AFTER DELETE ON products
BEGIN
    UPDATE dataset SET removals = removals + 1 WHERE id = 1;
END;

CREATE TRIGGER stores_removed AFTER DELETE ON stores
BEGIN
    UPDATE dataset SET removals = removals + 1 WHERE id = 1;
END;

CREATE TRIGGER targets_removed AFTER DELETE ON product_targets
BEGIN
    UPDATE dataset SET removals = removals + 1 WHERE id = 1;
END;
