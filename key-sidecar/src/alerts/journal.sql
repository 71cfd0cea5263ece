-- Which journal this is: a part of the alerts' ids, so that those of two sidecars differ.
CREATE TABLE journal (
    salt TEXT NOT NULL
) STRICT;

INSERT INTO journal (salt) VALUES (lower(hex(randomblob(16))));

-- What was said about each budget's thresholds.
CREATE TABLE threshold (
    budget  TEXT    NOT NULL,
    period  TEXT    NOT NULL,
    -- Percent of the cap.
    percent INTEGER NOT NULL,
    -- How often it was told in this period; more than once only after the cap was raised.
    times   INTEGER NOT NULL,
    -- 1 if it may be told again.
    armed   INTEGER NOT NULL,
    -- The cap when it was told last, in nano-units.
    cap     INTEGER NOT NULL,
    -- When the period ends, in milliseconds since 1970; NULL if never.
    ends    INTEGER,
    PRIMARY KEY (budget, period, percent)
) STRICT, WITHOUT ROWID;

-- The alerts, as they were told.
CREATE TABLE alert (
    number    INTEGER PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    at        INTEGER NOT NULL,
    body      TEXT    NOT NULL,
    attempts  INTEGER NOT NULL DEFAULT 0,
    -- When to send it next; NULL if it is not to be sent (any longer).
    due       INTEGER,
    -- When the receiver took it.
    delivered INTEGER
) STRICT;

CREATE INDEX alert_due ON alert (due) WHERE due IS NOT NULL;
