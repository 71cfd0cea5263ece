//! The ledger itself: one entry a line, with all that it says. For audits, and for whoever wants to
//! add up by himself.
//!
//! Money and quantities are decimal text, because a reader's numbers may be floats.

use std::collections::BTreeMap;
use std::io::{self, Write};

use ledger::money::record::{Entry, What};
use serde::Serialize;
use wire::budget::{Basis, Term};
use wire::ids::{BudgetName, ClientName, HolderId, PriceListName, ServiceName};
use wire::usage::Kind;

use super::super::amount::Money;
use super::super::charge::{AccountName, Charge};
use crate::clock::timestamp;

/// A line. Its fields are in the order in which one reads them.
#[derive(Serialize)]
struct Line<'e> {
    number: u64,
    at: String,
    #[serde(flatten)]
    what: Said<'e>,
}

#[derive(Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Said<'e> {
    Settled {
        counts_at: String,
        ended: String,
        accounts: Vec<AccountLine<'e>>,
        client: &'e ClientName,
        service: &'e ServiceName,
        route: &'e str,
        model: Option<&'e str>,
        calls: u64,
        cost: Money,
        hold: Money,
        basis: Basis,
        counts: BTreeMap<Kind, String>,
        prices: Option<&'e PriceListName>,
        status: u16,
        upstream_id: Option<&'e str>,
        holder: HolderId,
        sequence: u64,
        term: Term,
        asked_term: Term,
    },
    Presumed {
        counts_at: String,
        accounts: Vec<AccountLine<'e>>,
        amount: Money,
        holder: HolderId,
        term: Term,
    },
    Unpresumed {
        counts_at: String,
        accounts: Vec<AccountLine<'e>>,
        amount: Money,
        holder: HolderId,
        term: Term,
    },
    Corrected {
        counts_at: String,
        accounts: Vec<AccountLine<'e>>,
        amount: Money,
        who: &'e str,
        why: &'e str,
        id: &'e str,
    },
    Capped {
        budget: &'e BudgetName,
        period: &'e str,
        from: Option<Money>,
        to: Option<Money>,
        policy: &'e str,
    },
}

#[derive(Serialize)]
struct AccountLine<'e> {
    budget: &'e BudgetName,
    period: &'e str,
}

/// An NDJSON file that is being written.
#[derive(Debug)]
pub(super) struct Ndjson<W: Write> {
    out: W,
    lines: u64,
}

impl<W: Write> Ndjson<W> {
    pub(super) const fn new(out: W) -> Self {
        Self { out, lines: 0 }
    }

    /// `charge` is what the entry charges, if anything.
    pub(super) fn add(&mut self, entry: &Entry, charge: Option<&Charge<'_>>) -> io::Result<()> {
        let line = Line {
            number: entry.number,
            at: timestamp_millis(entry.at),
            what: said(&entry.what, charge),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")?;
        self.lines = self.lines.saturating_add(1);
        Ok(())
    }

    /// Ends the file; says how many lines it has.
    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.lines)
    }
}

fn said<'e>(what: &'e What, charge: Option<&Charge<'e>>) -> Said<'e> {
    let counts_at = charge.map(|charge| timestamp_millis(charge.at)).unwrap_or_default();
    let accounts = charge.map(|charge| account_lines(charge.accounts)).unwrap_or_default();
    match what {
        What::Settled { holder, sequence, ended, term, settlement } => Said::Settled {
            counts_at,
            ended: timestamp_millis(*ended),
            accounts,
            client: &settlement.client,
            service: &settlement.service,
            route: &settlement.route,
            model: settlement.model.as_deref(),
            calls: settlement.calls,
            cost: settlement.cost.into(),
            hold: settlement.hold.into(),
            basis: settlement.basis,
            counts: settlement.counts.iter().map(|(kind, n)| (*kind, n.to_string())).collect(),
            prices: settlement.prices.as_ref(),
            status: settlement.status,
            upstream_id: settlement.upstream_id.as_deref(),
            holder: *holder,
            sequence: *sequence,
            term: *term,
            asked_term: settlement.term,
        },
        What::Presumed { holder, term, amount } => Said::Presumed {
            counts_at,
            accounts,
            amount: (*amount).into(),
            holder: *holder,
            term: *term,
        },
        What::Unpresumed { holder, term, amount } => Said::Unpresumed {
            counts_at,
            accounts,
            amount: (*amount).into(),
            holder: *holder,
            term: *term,
        },
        What::Corrected { id, amount, who, why, .. } => {
            Said::Corrected { counts_at, accounts, amount: Money((*amount).into()), who, why, id }
        }
        What::Capped { budget, period, from, to, by } => Said::Capped {
            budget,
            period,
            from: from.map(Money::from),
            to: to.map(Money::from),
            policy: by,
        },
    }
}

fn account_lines(accounts: &[AccountName]) -> Vec<AccountLine<'_>> {
    accounts.iter().map(|(budget, period)| AccountLine { budget, period }).collect()
}

/// An instant to the millisecond, which is what the ledger has.
fn timestamp_millis(at: wire::units::UnixMillis) -> String {
    let millis = at.0.checked_rem(1000).unwrap_or(0);
    let seconds = timestamp(at).to_string();
    format!("{}.{millis:03}Z", seconds.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use ledger::money::record::What;
    use serde_json::{Value, json};
    use wire::money::Nanos;
    use wire::units::UnixMillis;

    use super::super::super::charge::tests::{
        NOVEMBER, book, budget, corrected, presumed, settled, settlement,
    };
    use super::*;

    #[test]
    fn a_line_says_all_that_the_entry_has() {
        let book = book();
        let capped = Entry {
            number: 4,
            at: UnixMillis(NOVEMBER),
            what: What::Capped {
                budget: budget("acme"),
                period: "2026-11".into(),
                from: None,
                to: Some(Nanos(5_000_000_000_000)),
                by: "0123".into(),
            },
        };
        let entries = [
            settled(1, NOVEMBER + 7, settlement(61, &[(Kind::Input, 1)])),
            presumed(2, NOVEMBER, 5),
            corrected(3, NOVEMBER, -12_500_000_000, "refund"),
            capped,
        ];
        let mut bytes = Vec::new();
        let mut file = Ndjson::new(&mut bytes);
        for entry in &entries {
            file.add(entry, book.charge(entry).as_ref()).unwrap();
        }
        assert_eq!(file.finish().unwrap(), 4);
        let lines: Vec<Value> = String::from_utf8(bytes)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let accounts = json!([
            { "budget": "search-team", "period": "2026-11" },
            { "budget": "acme", "period": "2026-11" },
        ]);
        assert_eq!(
            lines[0],
            json!({
                "number": 1, "at": "2026-11-01T00:00:00.057Z", "what": "settled",
                "counts_at": "2026-11-01T00:00:00.007Z", "ended": "2026-11-01T00:00:00.007Z",
                "accounts": accounts, "client": "checkout-api", "service": "openai",
                "route": "POST /v1/chat/completions", "model": "gpt-5-mini", "calls": 1,
                "cost": "0.000000061", "hold": "0.25", "basis": "usage",
                "counts": { "input": "1" }, "prices": "openai-2026-11", "status": 200,
                "upstream_id": null, "holder": "00000000000000000000000000000007", "sequence": 1,
                "term": 1, "asked_term": 1,
            })
        );
        assert_eq!(lines[1]["amount"], "0.000000005");
        assert_eq!((&lines[2]["amount"], &lines[2]["accounts"]), (&json!("-12.50"), &accounts));
        assert_eq!((&lines[3]["from"], &lines[3]["to"]), (&Value::Null, &json!("5000.00")));
    }
}
