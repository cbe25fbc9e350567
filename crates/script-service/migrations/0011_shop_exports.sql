ALTER TABLE products DROP COLUMN price;

ALTER TABLE products RENAME COLUMN price_cents TO known_price_cents;

ALTER TABLE products ADD COLUMN -- today's list price; NULL where nobody said it
    price_cents INTEGER;

UPDATE products SET price_cents = known_price_cents;

ALTER TABLE products DROP COLUMN known_price_cents;

ALTER TABLE products ADD COLUMN -- in the currency of the dataset
    price REAL GENERATED ALWAYS AS (price_cents / 100.0) VIRTUAL;

ALTER TABLE products ADD COLUMN -- what shops call it: SKU, EAN, reference; zeros in front are part of it
    code TEXT;

ALTER TABLE products ADD COLUMN -- code without case, accents and blanks, by which it is found
    code_key TEXT;

ALTER TABLE products ADD COLUMN -- the same of the name, of products that a file made by their name
    name_key TEXT;

ALTER TABLE products ADD COLUMN -- the import that made it because a line named it; NULL when none did
    made_by_job INTEGER;

CREATE UNIQUE INDEX products_by_code ON products (code_key) WHERE code_key IS NOT NULL;

CREATE UNIQUE INDEX products_by_name ON products (name_key) WHERE name_key IS NOT NULL;

ALTER TABLE stores RENAME COLUMN city TO known_city;

ALTER TABLE stores ADD COLUMN -- NULL where nobody said it
    city TEXT;

UPDATE stores SET city = known_city;

ALTER TABLE stores DROP COLUMN known_city;

ALTER TABLE stores ADD COLUMN -- what the company calls it
    code TEXT;

ALTER TABLE stores ADD COLUMN -- its name, where it has one besides its city
    name TEXT;

ALTER TABLE stores ADD COLUMN -- code without case, accents and blanks, by which it is found
    code_key TEXT;

ALTER TABLE stores ADD COLUMN -- the same of the name
    name_key TEXT;

ALTER TABLE stores ADD COLUMN -- the import that made it because a line named it; NULL when none did
    made_by_job INTEGER;

CREATE UNIQUE INDEX stores_by_code ON stores (code_key) WHERE code_key IS NOT NULL;

CREATE UNIQUE INDEX stores_by_name ON stores (name_key) WHERE name_key IS NOT NULL;

CREATE TABLE sales_with_thousandths (
    -- one row is a line of a sale; a return has a negative amount
    id INTEGER PRIMARY KEY,
    product_id INTEGER NOT NULL REFERENCES products (id),
    store_id INTEGER NOT NULL REFERENCES stores (id),
    sale_date TEXT NOT NULL CHECK (sale_date GLOB '[0-9][0-9][0-9][0-9]-[0-1][0-9]-[0-3][0-9]'),
    quantity ANY GENERATED ALWAYS AS (
        CASE WHEN quantity_milli % 1000 = 0 THEN quantity_milli / 1000 ELSE quantity_milli / 1000.0 END
    ) VIRTUAL, -- an integer when it is whole
    quantity_milli INTEGER NOT NULL, -- in thousandths
    amount_cents INTEGER NOT NULL,
    amount REAL GENERATED ALWAYS AS (amount_cents / 100.0) VIRTUAL, -- in the currency of the dataset
    ticket_id TEXT, -- the sale that the line belongs to, where the source says
    sale_time TEXT, -- HH:MM:SS, where the source says
    cost_cents INTEGER, -- what the line cost the seller, where the source says
    discount_cents INTEGER, -- what was taken off, where the source says
    tax_cents INTEGER, -- taxes of the line, where the source says
    channel TEXT, -- web, shop, telephone
    buyer TEXT, -- a keyed pseudonym
    line_key TEXT, -- what makes a line without an id the same when its file comes again
    import_job_id INTEGER -- the job that wrote the line last; NULL when none did
) STRICT;

INSERT INTO sales_with_thousandths
    (id, product_id, store_id, sale_date, quantity_milli, amount_cents, ticket_id, import_job_id)
SELECT id, product_id, store_id, sale_date, quantity * 1000, amount_cents, ticket_id, import_job_id
FROM sales
ORDER BY id;

DROP TABLE sales;

ALTER TABLE sales_with_thousandths RENAME TO sales;

CREATE INDEX sales_by_date ON sales (sale_date);

CREATE UNIQUE INDEX sales_by_line_key ON sales (line_key) WHERE line_key IS NOT NULL;

CREATE TRIGGER sales_before_insert BEFORE INSERT ON sales
WHEN (SELECT importing FROM dataset WHERE id = 1) = 0
BEGIN
    -- INSERT OR REPLACE takes a line away without a DELETE trigger.
    INSERT INTO dirty_days (sale_date)
    SELECT sale_date FROM sales
    WHERE (id = NEW.id OR line_key = NEW.line_key) AND sale_date NOT IN (SELECT sale_date FROM dirty_days);
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

CREATE TRIGGER sales_before_update BEFORE UPDATE OF id, line_key ON sales
WHEN NEW.id IS NOT OLD.id OR NEW.line_key IS NOT OLD.line_key
BEGIN
    -- UPDATE OR REPLACE takes a line away without a DELETE trigger.
    INSERT INTO dirty_days (sale_date)
    SELECT sale_date FROM sales
    WHERE (id = NEW.id OR line_key = NEW.line_key) AND sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

CREATE TRIGGER sales_after_update AFTER UPDATE ON sales
BEGIN
    INSERT INTO dirty_days (sale_date)
    SELECT OLD.sale_date WHERE OLD.sale_date NOT IN (SELECT sale_date FROM dirty_days);
    INSERT INTO dirty_days (sale_date)
    SELECT NEW.sale_date WHERE NEW.sale_date NOT IN (SELECT sale_date FROM dirty_days);
END;

DROP TABLE staged_sales;

CREATE TABLE staged_sales (
    -- one row is a sale line of an import that replaces others, kept until all of them are there
    job_id INTEGER NOT NULL,
    id INTEGER,
    product_id INTEGER NOT NULL,
    store_id INTEGER NOT NULL,
    sale_date TEXT NOT NULL,
    quantity_milli INTEGER NOT NULL,
    amount_cents INTEGER NOT NULL,
    ticket_id TEXT,
    sale_time TEXT,
    cost_cents INTEGER,
    discount_cents INTEGER,
    tax_cents INTEGER,
    channel TEXT,
    buyer TEXT,
    line_key TEXT
) STRICT;

CREATE INDEX staged_sales_by_job ON staged_sales (job_id, sale_date);

ALTER TABLE days RENAME COLUMN units TO units_milli;

UPDATE days SET units_milli = units_milli * 1000;

ALTER TABLE days ADD COLUMN -- an integer when it is whole
    units ANY GENERATED ALWAYS AS (CASE WHEN units_milli % 1000 = 0 THEN units_milli / 1000 ELSE units_milli / 1000.0 END) VIRTUAL;

ALTER TABLE product_days RENAME COLUMN units TO units_milli;

UPDATE product_days SET units_milli = units_milli * 1000;

ALTER TABLE product_days ADD COLUMN -- an integer when it is whole
    units ANY GENERATED ALWAYS AS (CASE WHEN units_milli % 1000 = 0 THEN units_milli / 1000 ELSE units_milli / 1000.0 END) VIRTUAL;

ALTER TABLE store_days RENAME COLUMN units TO units_milli;

ALTER TABLE store_days RENAME COLUMN ticket_units TO ticket_units_milli;

UPDATE store_days SET units_milli = units_milli * 1000, ticket_units_milli = ticket_units_milli * 1000;

ALTER TABLE store_days ADD COLUMN -- an integer when it is whole
    units ANY GENERATED ALWAYS AS (CASE WHEN units_milli % 1000 = 0 THEN units_milli / 1000 ELSE units_milli / 1000.0 END) VIRTUAL;

ALTER TABLE store_days ADD COLUMN -- an integer when it is whole
    ticket_units ANY GENERATED ALWAYS AS (CASE WHEN ticket_units_milli % 1000 = 0 THEN ticket_units_milli / 1000 ELSE ticket_units_milli / 1000.0 END) VIRTUAL;

ALTER TABLE dataset ADD COLUMN -- of all amounts, its code; NULL until an import says it
    currency TEXT;

ALTER TABLE dataset ADD COLUMN -- whether amounts are with taxes: included, excluded, mixed; NULL until an import says it
    taxes TEXT;

ALTER TABLE jobs ADD COLUMN -- records left out because their words say that they are no sales
    skipped INTEGER NOT NULL DEFAULT 0;

ALTER TABLE job_sources ADD COLUMN -- records left out because their words say that they are no sales
    skipped INTEGER NOT NULL DEFAULT 0;

ALTER TABLE job_sources ADD COLUMN -- how lines of sales are made of its records, as JSON
    plan TEXT;

ALTER TABLE job_sources ADD COLUMN -- what an owner of a shop wants to know of it, as JSON
    report TEXT;

ALTER TABLE jobs ADD COLUMN -- products that were made because lines named them
    created_products INTEGER NOT NULL DEFAULT 0;

ALTER TABLE jobs ADD COLUMN -- stores that were made because lines named them
    created_stores INTEGER NOT NULL DEFAULT 0;
