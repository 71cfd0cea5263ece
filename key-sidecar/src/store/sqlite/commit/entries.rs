//! The lines of the ledger: each a row of `entry`, and what it says in the table of its kind.

use ledger::money::record::{Entry, What};
use rusqlite::{Transaction, params};
use wire::budget::{Settlement, Term};
use wire::ids::HolderId;
use wire::money::Nanos;
use wire::units::UnixMillis;

use super::{Write, bytes, integer};
use crate::store::error::Fault;
use crate::store::sqlite::kinds::{split, word};

const ENTRY: &str = "INSERT INTO entry VALUES (?1, ?2, ?3)";

const SETTLEMENT: &str = "
INSERT INTO settlement VALUES
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";

const COUNT: &str = "INSERT INTO settlement_count VALUES (?1, ?2, ?3, ?4)";

const PRESUMPTION: &str = "INSERT INTO presumption VALUES (?1, ?2, ?3, ?4)";

const CORRECTION: &str = "INSERT INTO correction VALUES (?1, ?2, ?3, ?4, ?5)";

const CORRECTION_ACCOUNT: &str = "INSERT INTO correction_account VALUES (?1, ?2, ?3, ?4)";

const CAP_CHANGE: &str = "INSERT INTO cap_change VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// Appends the entries, in order.
pub(super) fn write(to: &Transaction<'_>, entries: &[&Entry]) -> Result<(), Fault> {
    let mut lines = Write::prepare(to, "entry", ENTRY)?;
    for entry in entries {
        let row = params![integer(entry.number), integer(entry.at.0), word(&entry.what)];
        lines.row(row, || name(entry.number))?;
    }
    settlements(to, entries)?;
    entries.iter().try_for_each(|entry| other(to, entry))
}

fn settlements(to: &Transaction<'_>, entries: &[&Entry]) -> Result<(), Fault> {
    let mut settlement = Write::prepare(to, "settlement", SETTLEMENT)?;
    let mut count = Write::prepare(to, "settlement_count", COUNT)?;
    for entry in entries {
        let What::Settled { holder, sequence, ended, term, settlement: said } = &entry.what else {
            continue;
        };
        let number = integer(entry.number);
        let key = || name(entry.number);
        let booked =
            Booked { number, ended: *ended, term: *term, holder: *holder, sequence: *sequence };
        booked.write(&mut settlement, said, key)?;
        for (kind, quantity) in &said.counts {
            let (units, micros) = split(*quantity);
            count.row(params![number, kind.as_str(), units, micros], key)?;
        }
    }
    Ok(())
}

/// What the ledger adds to what a settlement says.
struct Booked {
    number: i64,
    ended: UnixMillis,
    term: Term,
    holder: HolderId,
    sequence: u64,
}

impl Booked {
    fn write(
        &self,
        to: &mut Write<'_>,
        said: &Settlement,
        key: impl Fn() -> String,
    ) -> Result<(), Fault> {
        let row = params![
            self.number,
            integer(self.ended.0),
            integer(self.term.0),
            said.budget.as_str(),
            said.client.as_str(),
            said.service.as_str(),
            said.route,
            said.model,
            said.prices.as_ref().map(|prices| prices.as_str()),
            said.status,
            said.basis.as_str(),
            integer(said.calls),
            integer(said.cost.0),
            integer(said.hold.0),
            said.upstream_id,
            bytes(self.holder),
            integer(self.sequence),
            (said.term != self.term).then_some(integer(said.term.0)),
        ];
        to.row(row, key)
    }
}

/// What is rare: everything but settlements.
fn other(to: &Transaction<'_>, entry: &Entry) -> Result<(), Fault> {
    let number = integer(entry.number);
    let key = || name(entry.number);
    match &entry.what {
        What::Settled { .. } => Ok(()),
        What::Presumed { holder, term, amount: Nanos(amount) } => {
            let row = params![number, bytes(*holder), integer(term.0), integer(*amount)];
            Write::prepare(to, "presumption", PRESUMPTION)?.row(row, key)
        }
        What::Unpresumed { holder, term, amount: Nanos(amount) } => {
            let taken = integer(*amount).saturating_neg();
            let row = params![number, bytes(*holder), integer(term.0), taken];
            Write::prepare(to, "presumption", PRESUMPTION)?.row(row, key)
        }
        What::Corrected { id, accounts, amount, who, why } => {
            let row = params![number, id, amount, who, why];
            Write::prepare(to, "correction", CORRECTION)?.row(row, key)?;
            let mut each = Write::prepare(to, "correction_account", CORRECTION_ACCOUNT)?;
            for (position, (budget, period)) in (0_i64..).zip(accounts) {
                each.row(params![number, position, budget.as_str(), period], key)?;
            }
            Ok(())
        }
        What::Capped { budget, period, from, to: now, by } => {
            let (from, now) = (from.map(|cap| integer(cap.0)), now.map(|cap| integer(cap.0)));
            let row = params![number, budget.as_str(), period, from, now, by];
            Write::prepare(to, "cap_change", CAP_CHANGE)?.row(row, key)
        }
    }
}

fn name(number: u64) -> String {
    format!("entry {number}")
}
