CREATE TABLE product_days (
    -- one row is what a product sold on a day: the sum of its lines in sales
    sale_date TEXT NOT NULL,
    product_id INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    units INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    returns_cents INTEGER NOT NULL, -- the negative lines of amount_cents alone
    PRIMARY KEY (sale_date, product_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE store_days (
    -- one row is what a store sold on a day: the sum of its lines in sales
    sale_date TEXT NOT NULL,
    store_id INTEGER NOT NULL,
    lines INTEGER NOT NULL,
    units INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    returns_cents INTEGER NOT NULL,
    PRIMARY KEY (sale_date, store_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE dirty_days (
    -- one row is a day whose sums are to be taken again before they are read
    sale_date TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE dataset (
    -- the one row says which state of the data answers are computed from
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL, -- raised by every change that an answer may show
    importing INTEGER NOT NULL -- 1 inside a transaction that keeps the sums itself
) STRICT;

INSERT INTO dataset (id, version, importing) VALUES (1, 1, 0);

INSERT INTO dirty_days (sale_date) SELECT DISTINCT sale_date FROM sales;

CREATE TRIGGER dirty_days_raise_version AFTER INSERT ON dirty_days
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER sales_before_insert BEFORE INSERT ON sales
WHEN (SELECT importing FROM dataset WHERE id = 1) = 0
BEGIN
    -- INSERT OR REPLACE takes a line away without a DELETE trigger.
    INSERT INTO dirty_days (sale_date)
    SELECT sale_date FROM sales
    WHERE id = NEW.id AND sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

CREATE TRIGGER sales_after_insert AFTER INSERT ON sales
WHEN (SELECT importing FROM dataset WHERE id = 1) = 0
BEGIN
    INSERT INTO dirty_days (sale_date)
    SELECT NEW.sale_date WHERE NEW.sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

CREATE TRIGGER sales_after_delete AFTER DELETE ON sales
BEGIN
    INSERT INTO dirty_days (sale_date)
    SELECT OLD.sale_date WHERE OLD.sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

CREATE TRIGGER sales_before_update BEFORE UPDATE OF id ON sales
WHEN NEW.id IS NOT OLD.id
BEGIN
    -- UPDATE OR REPLACE takes a line away without a DELETE trigger.
    INSERT INTO dirty_days (sale_date)
    SELECT sale_date FROM sales
    WHERE id = NEW.id AND sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

CREATE TRIGGER sales_after_update AFTER UPDATE ON sales
BEGIN
    INSERT INTO dirty_days (sale_date)
    SELECT OLD.sale_date WHERE OLD.sale_date NOT IN (SELECT sale_date FROM dirty_days);
    INSERT INTO dirty_days (sale_date)
    SELECT NEW.sale_date WHERE NEW.sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

CREATE TRIGGER products_inserted AFTER INSERT ON products
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER products_updated AFTER UPDATE ON products
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER products_deleted AFTER DELETE ON products
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER stores_inserted AFTER INSERT ON stores
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER stores_updated AFTER UPDATE ON stores
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER stores_deleted AFTER DELETE ON stores
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER product_targets_inserted AFTER INSERT ON product_targets
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER product_targets_updated AFTER UPDATE ON product_targets
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;

CREATE TRIGGER product_targets_deleted AFTER DELETE ON product_targets
BEGIN
    UPDATE dataset SET version = version + 1 WHERE id = 1;
END;
