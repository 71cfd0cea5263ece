//! What calls have cost and the ledger has not heard yet.
//!
//! Nothing is ever dropped: a sync takes as many as it may carry, and the rest waits for the next.
//! There are no more than calls that have ended since the sidecar answered last, which the gate stops
//! admitting after [`crate::conversation`]'s silence.

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use wire::budget::{Basis, Settlement};
use wire::units::Millis;

use super::purse::Purse;

/// A call is merged with one of the last so many. On a gate of few busy routes that is all of them.
const LOOK_BACK: usize = 8;

/// Settlements that no sync has taken yet.
#[derive(Debug, Default)]
pub(super) struct Unsaid(VecDeque<Entry>);

#[derive(Debug)]
struct Entry {
    purse: Rc<Purse>,
    /// Its `ago_ms` is not set: the sync that takes it does that.
    settlement: Settlement,
    ended_at: Millis,
}

impl Unsaid {
    pub(super) fn push(&mut self, purse: Rc<Purse>, settlement: Settlement, now: Millis) {
        let last = self.0.iter_mut().rev().take(LOOK_BACK);
        let alike = is_flat(&settlement)
            .then(|| last.into_iter().find(|entry| alike(&entry.settlement, &settlement)))
            .flatten();
        match alike {
            Some(entry) => {
                merge(&mut entry.settlement, &settlement);
                entry.ended_at = now;
            }
            None => self.0.push_back(Entry { purse, settlement, ended_at: now }),
        }
    }

    /// Takes the oldest, at most `max`, for a sync that is written now.
    pub(super) fn take(&mut self, max: usize, now: Millis) -> Vec<(Rc<Purse>, Settlement)> {
        let count = self.0.len().min(max);
        let with_time = |Entry { purse, mut settlement, ended_at }| {
            settlement.ago_ms = now.since(ended_at);
            (purse, settlement)
        };
        self.0.drain(..count).map(with_time).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Whether calls like this one differ in nothing that finance asks for. What was metered stays single.
fn is_flat(one: &Settlement) -> bool {
    matches!(one.basis, Basis::Flat | Basis::Zero)
        && one.model.is_none()
        && one.upstream_id.is_none()
}

fn alike(sum: &Settlement, one: &Settlement) -> bool {
    let each = |part: u64, whole: u64| part.checked_mul(sum.calls) == Some(whole);
    is_flat(sum)
        && same(&sum.route, &one.route)
        && sum.term == one.term
        && sum.status == one.status
        && sum.basis == one.basis
        && each(one.cost.0, sum.cost.0)
        && each(one.hold.0, sum.hold.0)
        && sum.client == one.client
        && sum.budget == one.budget
        && sum.service == one.service
        && sum.prices == one.prices
        && sum.counts.len() == one.counts.len()
        && sum
            .counts
            .iter()
            .zip(&one.counts)
            .all(|(sum, one)| sum.0 == one.0 && each(one.1.0, sum.1.0))
}

fn same(one: &Arc<str>, other: &Arc<str>) -> bool {
    Arc::ptr_eq(one, other) || one == other
}

fn merge(sum: &mut Settlement, one: &Settlement) {
    sum.calls = sum.calls.saturating_add(one.calls);
    sum.cost = sum.cost.saturating_plus(one.cost);
    sum.hold = sum.hold.saturating_plus(one.hold);
    for (sum, one) in sum.counts.iter_mut().zip(&one.counts) {
        // `alike` has multiplied them without overflow; so much more is none either.
        sum.1 = sum.1.plus(one.1).unwrap_or(sum.1);
    }
}
