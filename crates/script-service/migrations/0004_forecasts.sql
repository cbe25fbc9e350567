CREATE TABLE forecast_runs (
    -- one row is a forecast that was made
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    model TEXT NOT NULL, -- the model that made it
    requested TEXT NOT NULL, -- the model that was asked for, such as auto
    label TEXT NOT NULL, -- the model with its order or form, for people
    horizon INTEGER NOT NULL, -- in days
    data_from TEXT NOT NULL, -- first day of the history
    data_to TEXT NOT NULL, -- last day of the history; the forecast begins on the next
    region TEXT, -- NULL: stores of all regions
    product INTEGER, -- NULL: all products
    category TEXT, -- NULL: products of all categories
    gaps TEXT NOT NULL CHECK (gaps IN ('zero', 'missing')), -- what a day without sales counts as
    days_without_sales INTEGER NOT NULL, -- within the history
    levels TEXT NOT NULL, -- of the intervals in percent, as JSON
    params TEXT NOT NULL, -- settings that were asked for, as JSON
    fit TEXT NOT NULL, -- estimated parameters and criteria, as JSON
    metrics TEXT, -- accuracy on the end of the history, as JSON; NULL when that is too short
    warnings TEXT NOT NULL, -- as a JSON list of code and detail
    notes TEXT NOT NULL, -- as a JSON list of texts
    explanation TEXT NOT NULL, -- which model, and why it
    dataset_version INTEGER NOT NULL, -- the state of the data that was read
    created_at TEXT NOT NULL,
    job_id INTEGER NOT NULL UNIQUE -- the job that made it
) STRICT;

CREATE TABLE forecast_points (
    -- one row is the forecast of a day, in EUR
    run_id INTEGER NOT NULL REFERENCES forecast_runs (id) ON DELETE CASCADE,
    date TEXT NOT NULL,
    value REAL NOT NULL,
    bounds TEXT NOT NULL, -- of the intervals, as JSON: lower_80, upper_80, ..
    lower_80 REAL GENERATED ALWAYS AS (json_extract(bounds, '$.lower_80')) VIRTUAL,
    upper_80 REAL GENERATED ALWAYS AS (json_extract(bounds, '$.upper_80')) VIRTUAL,
    lower_95 REAL GENERATED ALWAYS AS (json_extract(bounds, '$.lower_95')) VIRTUAL,
    upper_95 REAL GENERATED ALWAYS AS (json_extract(bounds, '$.upper_95')) VIRTUAL,
    PRIMARY KEY (run_id, date)
) STRICT, WITHOUT ROWID;
