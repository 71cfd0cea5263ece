//! Lines of bills, added up to rows in bounded memory.
//!
//! Rows are kept by key until there are too many, and then those with the lowest keys leave; keys
//! begin with the time, and the ledger is nearly in that order, so what leaves is done but for a late
//! word, which becomes a row of its own. Sums are not changed by that.

use std::collections::BTreeMap;

use super::super::amount::Exact;
use super::lines::Line;

/// The most rows that are kept: some tens of megabytes. A day of a thousand clients on ten models
/// has fewer.
const ROWS_MAX: usize = 100_000;
/// How many leave at once.
const ROWS_LEAVE: usize = ROWS_MAX / 4;

/// What lines with one key have come to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Row {
    pub(super) micros: u128,
    pub(super) cost: Exact,
    pub(super) calls: u64,
}

/// Rows by key.
#[derive(Debug)]
pub(super) struct Rows<K> {
    rows: BTreeMap<K, Row>,
    rows_max: usize,
}

impl<K: Ord> Rows<K> {
    pub(super) const fn new() -> Self {
        Self { rows: BTreeMap::new(), rows_max: ROWS_MAX }
    }

    /// Adds a line; `None` if a sum is beyond what can be held.
    pub(super) fn add(&mut self, key: K, line: &Line) -> Option<()> {
        let row = self.rows.entry(key).or_default();
        row.micros = row.micros.checked_add(line.micros)?;
        row.cost = row.cost.plus(line.cost)?;
        row.calls = row.calls.checked_add(line.calls)?;
        Some(())
    }

    /// The rows that have to leave now.
    pub(super) fn overflow(&mut self) -> Vec<(K, Row)> {
        if self.rows.len() <= self.rows_max {
            return Vec::new();
        }
        let many = ROWS_LEAVE.min(self.rows_max);
        std::iter::from_fn(|| self.rows.pop_first()).take(many.max(1)).collect()
    }

    /// All rows that are left, in order.
    pub(super) fn finish(self) -> impl Iterator<Item = (K, Row)> {
        self.rows.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use wire::usage::Kind;

    use super::super::super::amount::Money;
    use super::super::lines::Item;
    use super::*;

    #[test]
    fn rows_leave_in_order_when_there_are_too_many_and_nothing_is_lost() {
        let mut rows = Rows { rows_max: 2, ..Rows::new() };
        let item = Item::Metered { kind: Kind::Call, picos: 1, per: 1 };
        let cost = Exact::of(Money(1)).unwrap();
        let mut left = Vec::new();
        for key in [3, 1, 2, 1, 3] {
            rows.add(key, &Line { item, micros: 1, cost, calls: 1 }).unwrap();
            left.extend(rows.overflow());
        }
        left.extend(rows.finish());
        let keys: Vec<_> = left.iter().map(|(key, _)| *key).collect();
        assert_eq!(keys, [1, 2, 1, 3]);
        assert_eq!(left.iter().map(|(_, row)| row.calls).sum::<u64>(), 5);
    }
}
