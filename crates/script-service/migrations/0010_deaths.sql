ALTER TABLE jobs ADD COLUMN -- how often in a row the process that ran it died in the same place
    deaths INTEGER NOT NULL DEFAULT 0;

ALTER TABLE jobs ADD COLUMN -- that place: the source and the records of it that were done, as source:source_read
    died_at TEXT;
