//! One page of lines: each kind of entry from its own table, put in order again.

use std::collections::VecDeque;
use std::sync::Arc;

use rusqlite::params_from_iter;
use wire::budget::Basis;
use wire::ids::{BudgetName, ClientName, PriceListName, ServiceName};
use wire::money::{Nanos, Quantity};
use wire::usage::Kind;

use super::{Line, Lines, Presumption, Said, Settled};
use crate::store::error::{Fault, StoreError};
use crate::store::spend::source::Conditions;
use crate::store::sqlite::Reader;

const SETTLED: &str = "
SELECT entry.number, entry.at, ended_at, settlement.term, charged.budget, charged.period, client,
       service, route, model, prices, status, basis, calls, cost_nanos, hold_nanos, upstream_id,
       holder, sequence
FROM settlement
JOIN entry ON entry.number = settlement.entry
JOIN term_account AS charged ON charged.term = settlement.term AND charged.position = 0";

const COUNTS: &str = "SELECT entry, kind, units, micros FROM settlement_count WHERE entry = ?1";

const PRESUMED: &str = "
SELECT entry.number, entry.at, what, holder, presumption.term, charged.budget, charged.period,
       abs(amount_nanos)
FROM presumption
JOIN entry ON entry.number = presumption.entry
JOIN term_account AS charged ON charged.term = presumption.term AND charged.position = 0";

const CORRECTED: &str = "
SELECT entry.number, entry.at, id, amount_nanos, who, why
FROM correction JOIN entry ON entry.number = correction.entry";

const CORRECTED_ACCOUNTS: &str = "
SELECT entry, budget, period FROM correction_account WHERE entry = ?1 ORDER BY position";

const CAPPED: &str = "
SELECT entry.number, entry.at, budget, period, before_nanos, after_nanos, policy
FROM cap_change JOIN entry ON entry.number = cap_change.entry";

impl Lines<'_> {
    /// The lines from `first` to `last`.
    pub(super) fn read_page(&self, first: u64, last: u64) -> Result<VecDeque<Line>, StoreError> {
        let mut page = self.settled(first, last)?;
        if !self.filter.is_about_calls() {
            page.extend(self.presumed(first, last)?);
            page.extend(self.corrected(first, last)?);
            page.extend(self.capped(first, last)?);
            page.sort_by_key(|line| line.number);
        }
        Ok(page.into())
    }

    fn settled(&self, first: u64, last: u64) -> Result<Vec<Line>, StoreError> {
        if last < *self.settled.start() || first > *self.settled.end() {
            return Ok(Vec::new());
        }
        let mut conditions = Conditions::default();
        conditions.number("settlement.entry >=", first);
        conditions.number("settlement.entry <=", last);
        conditions.about_call(&self.filter);
        conditions.within("ended_at", &self.filter);
        conditions.on_path(&self.filter, "settlement.term");
        let sql = format!("{SETTLED} WHERE {} ORDER BY 1", conditions.all());
        let parameters = params_from_iter(&conditions.values);
        let mut lines = self.spend.rows(&sql, parameters, ("settlement", 1), settled)?;
        for line in &mut lines {
            if let Said::Settled(settled) = &mut line.said {
                settled.counts = self.counts(line.number)?;
            }
        }
        Ok(lines)
    }

    fn counts(&self, entry: u64) -> Result<Vec<(Kind, Quantity)>, StoreError> {
        let number = i64::try_from(entry).unwrap_or(i64::MAX);
        let mut counts = self.spend.rows(COUNTS, [number], ("settlement_count", 2), count)?;
        counts.sort();
        Ok(counts)
    }

    fn presumed(&self, first: u64, last: u64) -> Result<Vec<Line>, StoreError> {
        let mut conditions = self.booked(first, last);
        conditions.on_path(&self.filter, "presumption.term");
        let sql = format!("{PRESUMED} WHERE {} ORDER BY 1", conditions.all());
        let parameters = params_from_iter(&conditions.values);
        self.spend.rows(&sql, parameters, ("presumption", 1), presumed)
    }

    fn corrected(&self, first: u64, last: u64) -> Result<Vec<Line>, StoreError> {
        let mut conditions = self.booked(first, last);
        let mut account = Conditions::default();
        account.about_account(&self.filter);
        account.in_scope(&self.filter);
        account.among("number", "SELECT entry FROM correction_account", &mut conditions);
        let sql = format!("{CORRECTED} WHERE {} ORDER BY 1", conditions.all());
        let parameters = params_from_iter(&conditions.values);
        let mut lines = self.spend.rows(&sql, parameters, ("correction", 1), corrected)?;
        for line in &mut lines {
            let number = i64::try_from(line.number).unwrap_or(i64::MAX);
            if let Said::Corrected { accounts, .. } = &mut line.said {
                let table = ("correction_account", 1);
                *accounts = self.spend.rows(CORRECTED_ACCOUNTS, [number], table, account_name)?;
            }
        }
        Ok(lines)
    }

    fn capped(&self, first: u64, last: u64) -> Result<Vec<Line>, StoreError> {
        let mut conditions = self.booked(first, last);
        conditions.about_account(&self.filter);
        let sql = format!("{CAPPED} WHERE {} ORDER BY 1", conditions.all());
        let parameters = params_from_iter(&conditions.values);
        self.spend.rows(&sql, parameters, ("cap_change", 1), capped)
    }

    /// Of entries that are no calls: the numbers, and when they were booked.
    fn booked(&self, first: u64, last: u64) -> Conditions {
        let mut conditions = Conditions::default();
        conditions.number("entry.number >=", first);
        conditions.number("entry.number <=", last);
        conditions.within("entry.at", &self.filter);
        conditions
    }
}

fn line(row: Reader<'_, '_>, said: Said) -> Result<Line, Fault> {
    Ok(Line { number: row.unsigned(0)?, at: row.instant(1)?, said })
}

fn settled(row: Reader<'_, '_>) -> Result<Line, Fault> {
    let status = row.unsigned(11)?;
    let settled = Settled {
        ended: row.instant(2)?,
        term: row.term(3)?,
        budget: row.budget(4)?,
        period: row.shared(5)?,
        client: row.parsed(6, ClientName::parse)?,
        service: row.parsed(7, ServiceName::parse)?,
        route: row.shared(8)?,
        model: row.shared_or_none(9)?,
        prices: row.unless_null(10, |row, column| row.parsed(column, PriceListName::parse))?,
        status: u16::try_from(status).map_err(|error| row.wrong(11, error))?,
        basis: row.parsed(12, |word| {
            Basis::ALL.iter().find(|basis| basis.as_str() == word).copied().ok_or("is no basis")
        })?,
        calls: row.unsigned(13)?,
        cost: row.nanos(14)?,
        hold: row.nanos(15)?,
        counts: Vec::new(),
        upstream_id: row.shared_or_none(16)?,
        holder: row.holder(17)?,
        sequence: row.unsigned(18)?,
    };
    line(row, Said::Settled(Box::new(settled)))
}

fn count(row: Reader<'_, '_>) -> Result<(Kind, Quantity), Fault> {
    let kind = row.parsed(1, |word| Kind::of_word(word).ok_or("is no kind"))?;
    let micros = row.unsigned(2)?.checked_mul(Quantity::ONE.0);
    let micros = micros.and_then(|whole| whole.checked_add(row.unsigned(3).ok()?));
    let micros = micros.ok_or_else(|| row.wrong(2, "is more than can be counted"))?;
    Ok((kind, Quantity(micros)))
}

fn presumed(row: Reader<'_, '_>) -> Result<Line, Fault> {
    let presumption = Presumption {
        holder: row.holder(3)?,
        term: row.term(4)?,
        budget: row.budget(5)?,
        period: row.shared(6)?,
        amount: Nanos(row.unsigned(7)?),
    };
    let said = match row.text(2)? {
        "presumed" => Said::Presumed(presumption),
        "unpresumed" => Said::Unpresumed(presumption),
        other => return Err(row.wrong(2, format!("{other} has no presumption"))),
    };
    line(row, said)
}

fn corrected(row: Reader<'_, '_>) -> Result<Line, Fault> {
    let said = Said::Corrected {
        id: row.shared(2)?,
        accounts: Vec::new(),
        amount: row.signed(3)?,
        who: row.shared(4)?,
        why: row.shared(5)?,
    };
    line(row, said)
}

fn account_name(row: Reader<'_, '_>) -> Result<(BudgetName, Arc<str>), Fault> {
    Ok((row.budget(1)?, row.shared(2)?))
}

fn capped(row: Reader<'_, '_>) -> Result<Line, Fault> {
    let said = Said::Capped {
        budget: row.budget(2)?,
        period: row.shared(3)?,
        from: row.nanos_or_none(4)?,
        to: row.nanos_or_none(5)?,
        by: row.shared(6)?,
    };
    line(row, said)
}
