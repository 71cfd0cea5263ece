//! The tallies: what a transaction's settlements add to each quarter of an hour, summed here first,
//! so that a large group writes each tally once.
//!
//! A sum is kept in two parts (units and the rest), each of which is far from what a column holds
//! whatever an upstream says; a commit must not fail for a sum.

use std::collections::BTreeMap;

use ledger::money::record::{Entry, What};
use rusqlite::{Transaction, params};
use wire::budget::{Basis, Settlement, Term};
use wire::units::UnixMillis;
use wire::usage::Kind;

use super::{Write, integer};
use crate::store::error::Fault;
use crate::store::spend::QUARTER_MS;
use crate::store::sqlite::kinds::split;

/// Nano-units in one unit of currency.
const NANOS: i64 = 1_000_000_000;

const TALLY: &str = "
INSERT INTO tally (quarter, term, client, service, route, model, prices, basis,
                   calls, cost_units, cost_nanos, first_entry, last_entry)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
ON CONFLICT DO UPDATE SET
    calls = calls + excluded.calls,
    cost_units = cost_units + excluded.cost_units,
    cost_nanos = cost_nanos + excluded.cost_nanos,
    last_entry = excluded.last_entry
RETURNING tally";

const COUNT: &str = "
INSERT INTO tally_count VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET units = units + excluded.units, micros = micros + excluded.micros";

/// What makes settlements alike.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Alike<'a> {
    quarter: i64,
    term: Term,
    client: &'a str,
    service: &'a str,
    route: &'a str,
    model: &'a str,
    prices: &'a str,
    basis: Basis,
}

#[derive(Default)]
struct Sum {
    calls: i64,
    cost_units: i64,
    cost_nanos: i64,
    first_entry: i64,
    last_entry: i64,
    counts: BTreeMap<Kind, (i64, i64)>,
}

/// Adds the settlements among the entries.
pub(super) fn add(to: &Transaction<'_>, entries: &[&Entry]) -> Result<(), Fault> {
    let mut tally = to.prepare_cached(TALLY).map_err(|error| Fault::of(&error))?;
    let mut count = Write::prepare(to, "tally_count", COUNT)?;
    for (alike, sum) in sums(entries) {
        let key = || format!("client {}, quarter {}", alike.client, alike.quarter);
        let row = params![
            alike.quarter,
            integer(alike.term.0),
            alike.client,
            alike.service,
            alike.route,
            alike.model,
            alike.prices,
            alike.basis.as_str(),
            sum.calls,
            sum.cost_units,
            sum.cost_nanos,
            sum.first_entry,
            sum.last_entry,
        ];
        let id: i64 = tally
            .query_row(row, |row| row.get(0))
            .map_err(|error| Fault::of_row("tally", key(), &error))?;
        for (kind, (units, micros)) in &sum.counts {
            count.row(params![id, kind.as_str(), units, micros], key)?;
        }
    }
    Ok(())
}

fn sums<'a>(entries: &[&'a Entry]) -> BTreeMap<Alike<'a>, Sum> {
    let mut sums: BTreeMap<Alike<'a>, Sum> = BTreeMap::new();
    for entry in entries {
        if let What::Settled { ended, term, settlement, .. } = &entry.what {
            sums.entry(Alike::of(settlement, *ended, *term))
                .or_insert_with(|| Sum { first_entry: integer(entry.number), ..Sum::default() })
                .add(settlement, entry.number);
        }
    }
    sums
}

impl<'a> Alike<'a> {
    fn of(said: &'a Settlement, ended: UnixMillis, term: Term) -> Self {
        let into_quarter = ended.0.checked_rem(QUARTER_MS).unwrap_or(0);
        Self {
            quarter: integer(ended.0.saturating_sub(into_quarter)),
            term,
            client: said.client.as_str(),
            service: said.service.as_str(),
            route: &said.route,
            model: said.model.as_deref().unwrap_or_default(),
            prices: said.prices.as_ref().map_or("", |prices| prices.as_str()),
            basis: said.basis,
        }
    }
}

impl Sum {
    fn add(&mut self, said: &Settlement, number: u64) {
        let cost = integer(said.cost.0);
        let plus = |sum: &mut i64, more: i64| *sum = sum.saturating_add(more);
        plus(&mut self.calls, integer(said.calls));
        plus(&mut self.cost_units, cost.checked_div(NANOS).unwrap_or(0));
        plus(&mut self.cost_nanos, cost.checked_rem(NANOS).unwrap_or(0));
        self.last_entry = integer(number);
        for (kind, quantity) in &said.counts {
            let (units, micros) = split(*quantity);
            let sum = self.counts.entry(*kind).or_default();
            plus(&mut sum.0, units);
            plus(&mut sum.1, micros);
        }
    }
}
