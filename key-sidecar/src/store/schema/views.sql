-- The ledger as people read it. Money is decimal text, exact to the nano-unit, beside the integer.
-- MONEY(x) is written out when the views are made: SQLite keeps no functions of its own in a file.
-- A view with a condition on budget or period reads only what belongs to it, however old the ledger.

CREATE VIEW budget AS
-- The budgets that the ledger has accounts of, and their last period.
SELECT budget, within, count(*) AS periods, period AS last_period, max(starts_at) AS starts_at
FROM account GROUP BY budget;

CREATE VIEW spend AS
-- What was spent, by quarter of an hour, once for each budget that it counts in. `charged` is 1 where
-- the budget is the one that was charged: sum these to count each call once.
SELECT term_account.budget, term_account.period, position = 0 AS charged,
       datetime(quarter / 1000, 'unixepoch') AS quarter_utc, client, service, route,
       nullif(model, '') AS model, nullif(prices, '') AS prices, basis, calls,
       cost_units * 1000000000 + cost_nanos AS cost_nanos,
       iif(basis IN ('reserve', 'max_usage_reserve'), cost_units * 1000000000 + cost_nanos, 0)
           AS at_hold_nanos,
       tally, quarter, term
FROM tally JOIN term_account USING (term);

CREATE VIEW spend_by_budget AS
-- Each period of each budget. Spent is settled, presumed and corrected; `at_hold` is the part of
-- `settled` that rests on a hold, because the answer did not say what it used.
SELECT budget, period, within,
       datetime(starts_at / 1000, 'unixepoch') AS starts_utc,
       datetime(ends_at / 1000, 'unixepoch') AS ends_utc,
       calls,
       iif(cap_nanos IS NULL, 'unlimited', MONEY(cap_nanos)) AS cap,
       MONEY(spent_nanos) AS spent,
       MONEY(reserved_nanos) AS reserved,
       MONEY(cap_nanos - spent_nanos - reserved_nanos) AS remaining,
       MONEY(settled_nanos) AS settled,
       MONEY(presumed_nanos) AS presumed,
       MONEY(corrected_nanos) AS corrected,
       MONEY(at_hold_nanos) AS at_hold,
       -- In hundredths of a percent, of millionths: the product must fit.
       printf('%d.%02d', at_hold_nanos / 1000 * 10000 / nullif(settled_nanos / 1000, 0) / 100,
              at_hold_nanos / 1000 * 10000 / nullif(settled_nanos / 1000, 0) % 100)
           AS at_hold_percent,
       spent_nanos, cap_nanos
FROM (
    SELECT account.*,
           settled_nanos + presumed_nanos + corrected_nanos AS spent_nanos,
           coalesce(sum(calls), 0) AS calls,
           coalesce(sum(iif(basis IN ('reserve', 'max_usage_reserve'),
                            cost_units * 1000000000 + cost_nanos, 0)), 0) AS at_hold_nanos
    FROM account
    LEFT JOIN term_account USING (budget, period)
    LEFT JOIN tally USING (term)
    GROUP BY budget, period
);

CREATE VIEW spend_by_client AS
-- Each client, by the budget and period that it was charged to.
SELECT budget, period, client, sum(calls) AS calls, MONEY(sum(cost_nanos)) AS cost,
       MONEY(sum(at_hold_nanos)) AS at_hold, sum(cost_nanos) AS cost_nanos
FROM spend WHERE charged GROUP BY budget, period, client;

CREATE VIEW spend_by_service AS
-- Each service, by the budget and period that was charged.
SELECT budget, period, service, sum(calls) AS calls, MONEY(sum(cost_nanos)) AS cost,
       MONEY(sum(at_hold_nanos)) AS at_hold, sum(cost_nanos) AS cost_nanos
FROM spend WHERE charged GROUP BY budget, period, service;

CREATE VIEW spend_by_model AS
-- Each model of each service, by the budget and period that was charged.
SELECT budget, period, service, model, prices, sum(calls) AS calls,
       MONEY(sum(cost_nanos)) AS cost, MONEY(sum(at_hold_nanos)) AS at_hold,
       sum(cost_nanos) AS cost_nanos
FROM spend WHERE charged GROUP BY budget, period, service, model, prices;

CREATE VIEW spend_by_day AS
-- Each day in UTC, by service. A period of the policy's own time zone may end at another hour.
SELECT date(quarter / 1000, 'unixepoch') AS day_utc, service, sum(calls) AS calls,
       MONEY(sum(cost_nanos)) AS cost, sum(cost_nanos) AS cost_nanos
FROM spend WHERE charged GROUP BY day_utc, service;

CREATE VIEW usage_by_model AS
-- What was counted, by kind. Kinds are disjoint, so they may be added where their unit is the same.
SELECT budget, period, service, model, kind,
       printf('%d.%06d', sum(units) + sum(micros) / 1000000, sum(micros) % 1000000) AS quantity
FROM spend JOIN tally_count USING (tally)
WHERE charged GROUP BY budget, period, service, model, kind;

CREATE VIEW calls AS
-- Every settlement, as people read it.
SELECT entry, datetime(ended_at / 1000, 'unixepoch') AS ended_utc, settlement.budget,
       term_account.period, client, service, route, model, prices, status, basis, calls,
       MONEY(cost_nanos) AS cost, MONEY(hold_nanos) AS hold, upstream_id,
       lower(hex(holder)) AS holder
FROM settlement JOIN term_account ON term_account.term = settlement.term AND position = 0;

CREATE VIEW corrections AS
-- Every correction, once for each account that it counts in.
SELECT entry, datetime(at / 1000, 'unixepoch') AS at_utc, budget, period, position = 0 AS named,
       MONEY(amount_nanos) AS amount, who, why, id
FROM correction JOIN correction_account USING (entry) JOIN entry ON number = entry;

CREATE VIEW cap_changes AS
-- Every cap, from when its account was opened.
SELECT entry, datetime(at / 1000, 'unixepoch') AS at_utc, budget, period,
       MONEY(before_nanos) AS before, iif(after_nanos IS NULL, 'unlimited', MONEY(after_nanos)) AS after,
       policy
FROM cap_change JOIN entry ON number = entry;

CREATE VIEW auditor AS
-- What each account has given away, spent or lent, against its cap. Reads no entries.
SELECT budget, period,
       settled_nanos + presumed_nanos + corrected_nanos + reserved_nanos AS committed_nanos,
       cap_nanos,
       cap_nanos IS NOT NULL
           AND settled_nanos + presumed_nanos + corrected_nanos + reserved_nanos > cap_nanos AS over
FROM account;

CREATE VIEW ledger_check AS
-- Whether each account is the sum of its entries. Reads every entry, and is what to believe.
WITH settled AS (
    SELECT budget, period, sum(cost_nanos) AS nanos
    FROM (SELECT term, sum(cost_nanos) AS cost_nanos FROM settlement GROUP BY term)
    JOIN term_account USING (term) GROUP BY budget, period
), tallied AS (
    SELECT budget, period, sum(nanos) AS nanos
    FROM (
        SELECT term, sum(cost_units) * 1000000000 + sum(cost_nanos) AS nanos
        FROM tally GROUP BY term
    ) JOIN term_account USING (term) GROUP BY budget, period
), presumed AS (
    SELECT budget, period, sum(amount_nanos) AS nanos
    FROM presumption JOIN term_account USING (term) GROUP BY budget, period
), corrected AS (
    SELECT budget, period, sum(amount_nanos) AS nanos
    FROM correction JOIN correction_account USING (entry) GROUP BY budget, period
)
SELECT account.budget, account.period,
       settled_nanos, coalesce(settled.nanos, 0) AS entries_settled_nanos,
       coalesce(tallied.nanos, 0) AS tallied_nanos,
       presumed_nanos, coalesce(presumed.nanos, 0) AS entries_presumed_nanos,
       corrected_nanos, coalesce(corrected.nanos, 0) AS entries_corrected_nanos,
       settled_nanos = coalesce(settled.nanos, 0)
           AND settled_nanos = coalesce(tallied.nanos, 0)
           AND presumed_nanos = coalesce(presumed.nanos, 0)
           AND corrected_nanos = coalesce(corrected.nanos, 0) AS agrees
FROM account
LEFT JOIN settled USING (budget, period)
LEFT JOIN tallied USING (budget, period)
LEFT JOIN presumed USING (budget, period)
LEFT JOIN corrected USING (budget, period);
