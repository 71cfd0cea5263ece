-- The ledger of money: what it knows now (accounts, leases, holders), and its entries, which are
-- never changed. The views beside this file show the same as people write it.
--
-- Money is in nano-units (1e-9) of the policy's currency: 1500000000 is 1.50. Instants are
-- milliseconds since 1970-01-01T00:00:00Z; `datetime(at / 1000, 'unixepoch')` shows one.

CREATE TABLE account (
    -- One period of one budget. Nothing is ever reset: a new period is a new account.
    budget          TEXT    NOT NULL, -- the budget's name in the policy
    period          TEXT    NOT NULL, -- the period's name: 2026-11
    within          TEXT,             -- the budget that it lies in
    starts_at       INTEGER NOT NULL, -- its first instant
    ends_at         INTEGER,          -- the first instant after it; null if it never ends
    cap_nanos       INTEGER,          -- null is unlimited
    settled_nanos   INTEGER NOT NULL, -- what calls have cost
    presumed_nanos  INTEGER NOT NULL, -- lent and never settled: spent until the holder speaks
    corrected_nanos INTEGER NOT NULL, -- the sum of the corrections, which can be below zero
    reserved_nanos  INTEGER NOT NULL, -- lent now, for calls that run or are about to
    PRIMARY KEY (budget, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE term (
    -- What calls are booked on: one period of the charged budget, and one of each above it.
    term INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE term_account (
    -- The accounts of a term. A call's cost counts once in each of them.
    term     INTEGER NOT NULL REFERENCES term (term),
    position INTEGER NOT NULL, -- 0 is the budget that is charged, then those above it
    budget   TEXT    NOT NULL,
    period   TEXT    NOT NULL,
    PRIMARY KEY (term, position),
    FOREIGN KEY (budget, period) REFERENCES account (budget, period)
) STRICT, WITHOUT ROWID;

CREATE INDEX term_account_by_account ON term_account (budget, period);

CREATE TABLE lease (
    -- What one holder (one Envoy worker) has of one term.
    holder         BLOB    NOT NULL, -- 16 bytes; hex(holder) shows it
    term           INTEGER NOT NULL REFERENCES term (term),
    lent_nanos     INTEGER NOT NULL, -- lent and not settled
    presumed_nanos INTEGER NOT NULL, -- ran out unsettled, and counts as spent
    PRIMARY KEY (holder, term)
) STRICT, WITHOUT ROWID;

CREATE TABLE holder (
    -- How far each holder was heard, and what it was answered, in case that did not arrive.
    holder   BLOB    NOT NULL PRIMARY KEY,
    sequence INTEGER NOT NULL, -- its last request that was booked
    heard_at INTEGER NOT NULL,
    answers  TEXT    NOT NULL  -- JSON
) STRICT, WITHOUT ROWID;

CREATE TABLE entry (
    -- The lines of the ledger, in order. What each says is in the table that `what` names.
    number INTEGER PRIMARY KEY, -- from 1, without a gap
    at     INTEGER NOT NULL,    -- when it was booked
    what   TEXT    NOT NULL
           -- settled: settlement; presumed, unpresumed: presumption; corrected: correction;
           -- capped: cap_change
           CHECK (what IN ('settled', 'presumed', 'unpresumed', 'corrected', 'capped'))
) STRICT;

CREATE TABLE settlement (
    -- What a call has cost, or several that were alike.
    entry       INTEGER PRIMARY KEY REFERENCES entry (number),
    ended_at    INTEGER NOT NULL, -- when the call ended
    term        INTEGER NOT NULL REFERENCES term (term), -- what it was booked on
    budget      TEXT    NOT NULL, -- what it was charged to
    client      TEXT    NOT NULL, -- who called
    service     TEXT    NOT NULL, -- what was called
    route       TEXT    NOT NULL, -- as the policy writes it
    model       TEXT,             -- the model that served; null where there is none
    prices      TEXT,             -- the price list that was used
    status      INTEGER NOT NULL, -- of the answer; 0 if there was none
    basis       TEXT    NOT NULL, -- what the cost rests on; reserve and max_usage_reserve: the hold
    calls       INTEGER NOT NULL, -- how many calls this is
    cost_nanos  INTEGER NOT NULL, -- what they cost together
    hold_nanos  INTEGER NOT NULL, -- what had been reserved for them together
    upstream_id TEXT,             -- the provider's own id of the answer
    holder      BLOB    NOT NULL, -- which Envoy worker said so
    sequence    INTEGER NOT NULL, -- in which of its requests
    asked_term  INTEGER           -- the term that it named, where it was booked on another
) STRICT;

CREATE TABLE settlement_count (
    -- What was counted for a settlement. Kinds are disjoint: none contains another.
    entry  INTEGER NOT NULL REFERENCES settlement (entry),
    kind   TEXT    NOT NULL, -- input, output, cache_read, call, ...
    units  INTEGER NOT NULL, -- whole units
    micros INTEGER NOT NULL, -- and millionths of one
    PRIMARY KEY (entry, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE presumption (
    -- A lease that ran out: what it had not settled counts as spent, until the holder speaks after
    -- all. The sum over a term is what still counts.
    entry        INTEGER PRIMARY KEY REFERENCES entry (number),
    holder       BLOB    NOT NULL,
    term         INTEGER NOT NULL REFERENCES term (term),
    amount_nanos INTEGER NOT NULL  -- below zero: so much of it is gone
) STRICT;

CREATE TABLE correction (
    -- A person corrected an account and all above it.
    entry        INTEGER PRIMARY KEY REFERENCES entry (number),
    id           TEXT    NOT NULL UNIQUE, -- a repetition with the same id books nothing
    amount_nanos INTEGER NOT NULL,        -- added to what was spent; below zero is a refund
    who          TEXT    NOT NULL,
    why          TEXT    NOT NULL
) STRICT;

CREATE TABLE correction_account (
    -- The accounts that a correction counts in.
    entry    INTEGER NOT NULL REFERENCES correction (entry),
    position INTEGER NOT NULL, -- 0 is the one that was named, then those above it
    budget   TEXT    NOT NULL,
    period   TEXT    NOT NULL,
    PRIMARY KEY (entry, position),
    FOREIGN KEY (budget, period) REFERENCES account (budget, period)
) STRICT, WITHOUT ROWID;

CREATE TABLE cap_change (
    -- An account was opened, or its cap changed.
    entry        INTEGER PRIMARY KEY REFERENCES entry (number),
    budget       TEXT    NOT NULL,
    period       TEXT    NOT NULL,
    before_nanos INTEGER, -- null: it was unlimited, or is new
    after_nanos  INTEGER, -- null: it is unlimited
    policy       TEXT    NOT NULL, -- the version of the policy that says so
    FOREIGN KEY (budget, period) REFERENCES account (budget, period)
) STRICT;

CREATE TABLE tally (
    -- The settlements of a quarter of an hour that are alike, added up in the transaction that books
    -- them, so that a sum need not read every call. Never the truth: that is `settlement`, and the
    -- tally can be made of it again.
    tally       INTEGER PRIMARY KEY,
    quarter     INTEGER NOT NULL, -- the first instant of the quarter of an hour
    term        INTEGER NOT NULL,
    client      TEXT    NOT NULL,
    service     TEXT    NOT NULL,
    route       TEXT    NOT NULL,
    model       TEXT    NOT NULL, -- empty where there is none
    prices      TEXT    NOT NULL, -- empty where there are none
    basis       TEXT    NOT NULL,
    calls       INTEGER NOT NULL,
    cost_units  INTEGER NOT NULL, -- the cost is cost_units + cost_nanos / 1e9: in two parts, so that
    cost_nanos  INTEGER NOT NULL, -- no sum of absurd costs can be too large to be kept
    first_entry INTEGER NOT NULL, -- where to look for them
    last_entry  INTEGER NOT NULL,
    UNIQUE (quarter, term, client, service, route, model, prices, basis)
) STRICT;

CREATE INDEX tally_by_term ON tally (term);

CREATE TABLE tally_count (
    -- What was counted for the settlements of a tally.
    tally  INTEGER NOT NULL REFERENCES tally (tally),
    kind   TEXT    NOT NULL,
    units  INTEGER NOT NULL, -- the quantity is units + micros / 1e6
    micros INTEGER NOT NULL,
    PRIMARY KEY (tally, kind)
) STRICT, WITHOUT ROWID;
