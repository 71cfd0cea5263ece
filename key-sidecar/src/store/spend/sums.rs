//! Sums of cost and of what was counted, by any set of dimensions.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use wire::budget::Basis;
use wire::units::UnixMillis;
use wire::usage::Kind;

use super::query::{Dimension, Key, Query};
use super::source::{Conditions, Source};
use super::{Reader, Spend};
use crate::store::error::{Fault, StoreError};

/// What the calls of a group have cost.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sum {
    /// How many calls.
    pub calls: u64,
    /// What they cost, in nano-units.
    pub cost_nanos: i128,
    /// The part of it that rests on a hold.
    pub at_hold_nanos: i128,
}

/// A group and its sum.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SumRow {
    /// In the order of the query's dimensions.
    pub keys: Vec<Key>,
    /// What its calls have cost.
    pub sum: Sum,
}

/// What was counted of one kind in a group.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CountRow {
    /// In the order of the query's dimensions.
    pub keys: Vec<Key>,
    /// What was counted.
    pub kind: Kind,
    /// How much, in millionths of its unit.
    pub micros: i128,
}

const NANOS: i128 = 1_000_000_000;
const MICROS: i128 = 1_000_000;

impl Spend {
    /// What calls have cost, by group, in the order of the keys. Without dimensions there is one
    /// group, and none if there are no calls.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn sums(&self, query: &Query) -> Result<Vec<SumRow>, StoreError> {
        let source = Source::for_filter(&query.filter);
        let (groups, conditions) = (Groups::of(query), conditions(query));
        let at_hold = at_hold();
        let sql = format!(
            "SELECT {columns} sum(calls), sum(cost_units), sum(cost_nanos),
                    sum(iif({at_hold}, cost_units, 0)), sum(iif({at_hold}, cost_nanos, 0))
             FROM {source} JOIN term_account USING (term) WHERE {all} {group_by}",
            columns = groups.columns(),
            source = source.table(),
            all = conditions.all(),
            group_by = groups.group_by("HAVING count(*) > 0"),
        );
        let mut sums: BTreeMap<Vec<Key>, Sum> = BTreeMap::new();
        let parameters = rusqlite::params_from_iter(&conditions.values);
        self.each_row(&sql, parameters, ("tally", 0), |row| {
            let (keys, at) = groups.keys(row)?;
            let part = |column| row.signed(at.saturating_add(column)).map(i128::from);
            let calls = row.unsigned(at)?;
            let (units, nanos) = (part(1)?, part(2)?);
            let (hold_units, hold_nanos) = (part(3)?, part(4)?);
            let sum = sums.entry(keys).or_default();
            sum.calls = sum.calls.saturating_add(calls);
            sum.cost_nanos = join(sum.cost_nanos, units, nanos, NANOS);
            sum.at_hold_nanos = join(sum.at_hold_nanos, hold_units, hold_nanos, NANOS);
            Ok(())
        })?;
        Ok(sums.into_iter().map(|(keys, sum)| SumRow { keys, sum }).collect())
    }

    /// What was counted, by group and kind, in the order of keys and kinds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn counts(&self, query: &Query) -> Result<Vec<CountRow>, StoreError> {
        let source = Source::for_filter(&query.filter);
        let (groups, conditions) = (Groups::of(query), conditions(query));
        let sql = format!(
            "SELECT {columns} kind, sum(units), sum(micros)
             FROM {source} JOIN term_account USING (term) JOIN {counts} USING (part)
             WHERE {all} {group_by}",
            columns = groups.columns(),
            source = source.table(),
            counts = source.counts(),
            all = conditions.all(),
            group_by = groups.and("kind"),
        );
        let mut sums: BTreeMap<(Vec<Key>, Kind), i128> = BTreeMap::new();
        let parameters = rusqlite::params_from_iter(&conditions.values);
        self.each_row(&sql, parameters, ("tally_count", 0), |row| {
            let (keys, at) = groups.keys(row)?;
            let kind = row.parsed(at, |word| Kind::of_word(word).ok_or("is no kind"))?;
            let part = |column| row.signed(at.saturating_add(column)).map(i128::from);
            let (units, micros) = (part(1)?, part(2)?);
            let sum = sums.entry((keys, kind)).or_default();
            *sum = join(*sum, units, micros, MICROS);
            Ok(())
        })?;
        let row = |((keys, kind), micros)| CountRow { keys, kind, micros };
        Ok(sums.into_iter().map(row).collect())
    }
}

/// A sum in two parts, added to one that is whole. Saturates far beyond what two columns can say.
fn join(sum: i128, units: i128, rest: i128, one: i128) -> i128 {
    sum.saturating_add(units.saturating_mul(one)).saturating_add(rest)
}

fn conditions(query: &Query) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.in_scope(&query.filter);
    conditions.about_account(&query.filter);
    conditions.about_call(&query.filter);
    conditions.within("ended_at", &query.filter);
    conditions
}

/// Whether a row's cost rests on a hold, as SQL. The words are ours.
fn at_hold() -> String {
    let words: Vec<_> = Basis::ALL
        .iter()
        .filter(|basis| basis.is_estimate())
        .map(|basis| format!("'{basis}'"))
        .collect();
    format!("basis IN ({})", words.join(", "))
}

/// The groups of a query: what SQLite groups by, and what days and hours are made of it here,
/// because only here there are time zones.
struct Groups<'q> {
    by: &'q [Dimension],
    zone: &'q TimeZone,
    names: Vec<&'static str>,
}

impl<'q> Groups<'q> {
    fn of(query: &'q Query) -> Self {
        let mut names: Vec<_> = query.by.iter().filter_map(|by| by.column()).collect();
        if names.len() < query.by.len() {
            names.push("quarter");
        }
        Self { by: &query.by, zone: &query.zone, names }
    }

    fn columns(&self) -> String {
        self.names.iter().map(|name| format!("{name},")).collect()
    }

    fn group_by(&self, where_none: &str) -> String {
        match self.names.as_slice() {
            [] => where_none.to_owned(),
            names => format!("GROUP BY {}", names.join(", ")),
        }
    }

    fn and(&self, name: &'static str) -> String {
        format!("GROUP BY {}{name}", self.columns())
    }

    /// The keys of a row, and the first column behind them.
    fn keys(&self, row: Reader<'_, '_>) -> Result<(Vec<Key>, usize), Fault> {
        let mut columns = 0..self.names.len();
        let mut keys = Vec::with_capacity(self.by.len());
        for by in self.by {
            let key = match by {
                Dimension::Day | Dimension::Hour => {
                    let quarter = row.instant(self.names.len().saturating_sub(1))?;
                    Key::Start(start(*by, quarter, self.zone))
                }
                _ => {
                    let name = row.shared(columns.next().unwrap_or(0))?;
                    Key::Name((!name.is_empty()).then(|| Arc::clone(&name)))
                }
            };
            keys.push(key);
        }
        Ok((keys, self.names.len()))
    }
}

/// The first instant of the day or hour that a quarter of an hour lies in.
fn start(by: Dimension, quarter: UnixMillis, zone: &TimeZone) -> UnixMillis {
    let instant = i64::try_from(quarter.0)
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok())
        .unwrap_or(Timestamp::MAX);
    let local = instant.to_zoned_datetime(zone.clone());
    let start = if by == Dimension::Day {
        local.start_of_day().map_or(instant, |day| day.timestamp())
    } else {
        // Back by the minutes on the clock, so that the hour that is there twice in autumn is two.
        let minutes = SignedDuration::from_mins(i64::from(local.minute()));
        instant.checked_sub(minutes).unwrap_or(instant)
    };
    crate::clock::unix_millis(start)
}
