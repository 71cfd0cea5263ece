//! What happens to a ledger, at random, and what a ledger would have stored of it.

use std::sync::Arc;

use ledger::money::record::{Account, Change, Entry, LeaseRecord, TermRecord, What};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use wire::budget::{Basis, Settlement, Term};
use wire::ids::HolderId;
use wire::money::{Nanos, Quantity};
use wire::units::UnixMillis;
use wire::usage::Kind;

use crate::sample::{TODAY, account, budget, call, holder};

pub(crate) const PERIODS: [&str; 2] = ["2026-11", "2026-12"];

/// Something that happens; places are taken modulo what there is.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Account { leaf: bool, period: usize, settled: u64, cap: Option<u64>, corrected: i64 },
    Term { leaf: bool, period: usize },
    Lease { holder: u128, term: usize, lent: u64 },
    LeaseGone { holder: u128, term: usize },
    Holder { holder: u128, sequence: u64 },
    HolderGone { holder: u128 },
    Settled { holder: u128, term: usize, ended: u64, settlement: Settlement },
    Presumed { holder: u128, term: usize, amount: u64, gone: bool },
    Corrected { term: usize, amount: i64 },
    Capped { leaf: bool, period: usize, from: Option<u64>, to: Option<u64> },
}

fn settlement() -> impl Strategy<Value = Settlement> {
    let model = prop_oneof![Just(None), select(vec!["gpt", "claude"]).prop_map(Some)];
    let counts = subsequence(vec![Kind::Input, Kind::CacheRead, Kind::Output], 0..=3);
    (select(vec!["a", "b", "c"]), model, 0..=Nanos::MAX.0, select(Basis::ALL), counts, any::<u64>())
        .prop_map(|(client, model, cost, basis, kinds, quantity)| Settlement {
            model: model.map(Arc::from),
            basis,
            calls: 1 + quantity % 3,
            counts: kinds.into_iter().map(|kind| (kind, Quantity(quantity))).collect(),
            upstream_id: (quantity % 2 == 0).then(|| format!("id-{quantity}")),
            prices: call("a", "m", 0).prices.filter(|_| quantity % 5 > 0),
            ..call(client, "m", cost)
        })
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    let (holder, term, period) = (1..4_u128, 0..8_usize, 0..2_usize);
    let money = 0..=Nanos::MAX.0;
    let cap = proptest::option::of(money.clone());
    prop_oneof![
        1 => (any::<bool>(), period.clone(), money.clone(), cap.clone(), any::<i64>())
            .prop_map(|(leaf, period, settled, cap, corrected)| Event::Account {
                leaf, period, settled, cap, corrected
            }),
        2 => (any::<bool>(), period.clone())
            .prop_map(|(leaf, period)| Event::Term { leaf, period }),
        2 => (holder.clone(), term.clone(), money.clone())
            .prop_map(|(holder, term, lent)| Event::Lease { holder, term, lent }),
        1 => (holder.clone(), term.clone())
            .prop_map(|(holder, term)| Event::LeaseGone { holder, term }),
        1 => (holder.clone(), 0..1_000_u64)
            .prop_map(|(holder, sequence)| Event::Holder { holder, sequence }),
        1 => holder.clone().prop_map(|holder| Event::HolderGone { holder }),
        6 => (holder.clone(), term.clone(), 0..7_200_000_u64, settlement()).prop_map(
            |(holder, term, ended, settlement)| Event::Settled { holder, term, ended, settlement }
        ),
        1 => (holder, term.clone(), money.clone(), any::<bool>()).prop_map(
            |(holder, term, amount, gone)| Event::Presumed { holder, term, amount, gone }
        ),
        1 => (term, any::<i64>()).prop_map(|(term, amount)| Event::Corrected { term, amount }),
        1 => (any::<bool>(), period, cap.clone(), cap)
            .prop_map(|(leaf, period, from, to)| Event::Capped { leaf, period, from, to }),
    ]
}

/// What a ledger would have stored of the events: valid changes, numbered in order.
#[derive(Default)]
pub(crate) struct Books {
    terms: Vec<TermRecord>,
    last_entry: u64,
}

impl Books {
    pub(crate) fn opening() -> Vec<Change> {
        let all = PERIODS.iter().flat_map(|period| {
            [account("acme", period, None), account("team", period, Some("acme"))]
        });
        all.map(|account| Change::Account(forever(account))).collect()
    }

    pub(crate) fn change(&mut self, event: Event) -> Option<Change> {
        let name = |leaf| if leaf { "team" } else { "acme" };
        Some(match event {
            Event::Account { leaf, period, settled, cap, corrected } => {
                let mut account = forever(account(name(leaf), PERIODS[period], None));
                account.settled = Nanos(settled);
                account.cap = cap.map(Nanos);
                account.corrected = corrected;
                Change::Account(account)
            }
            Event::Term { leaf, period } => {
                let both =
                    [budget("team"), budget("acme")].map(|name| (name, PERIODS[period].into()));
                let accounts = both[usize::from(!leaf)..].to_vec();
                let term = Term(self.terms.len() as u64 + 1);
                self.terms.push(TermRecord { term, accounts });
                Change::Term(self.terms.last()?.clone())
            }
            Event::Lease { holder, term, lent } => Change::Lease(LeaseRecord {
                holder: HolderId(holder),
                term: self.term(term)?.term,
                lent: Nanos(lent),
                presumed: Nanos(lent / 2),
            }),
            Event::LeaseGone { holder, term } => {
                Change::LeaseGone(HolderId(holder), self.term(term)?.term)
            }
            Event::Holder { holder: id, sequence } => holder(id, sequence),
            Event::HolderGone { holder } => Change::HolderGone(HolderId(holder)),
            other => {
                let what = self.what(other)?;
                self.last_entry += 1;
                let (number, at) = (self.last_entry, UnixMillis(TODAY + self.last_entry));
                Change::Entry(Entry { number, at, what })
            }
        })
    }

    fn what(&self, event: Event) -> Option<What> {
        Some(match event {
            Event::Settled { holder, term, ended, mut settlement } => {
                let term = self.term(term)?;
                settlement.budget = term.accounts.first()?.0.clone();
                settlement.term = Term(term.term.0 + ended % 2);
                What::Settled {
                    holder: HolderId(holder),
                    sequence: ended,
                    ended: UnixMillis(TODAY + ended),
                    term: term.term,
                    settlement,
                }
            }
            Event::Presumed { holder, term, amount, gone } => {
                let (holder, term) = (HolderId(holder), self.term(term)?.term);
                let amount = Nanos(amount);
                match gone {
                    true => What::Unpresumed { holder, term, amount },
                    false => What::Presumed { holder, term, amount },
                }
            }
            Event::Corrected { term, amount } => What::Corrected {
                id: format!("c-{}", self.last_entry).into(),
                accounts: self.term(term)?.accounts.clone(),
                amount,
                who: "who".into(),
                why: "why".into(),
            },
            Event::Capped { leaf, period, from, to } => What::Capped {
                budget: budget(if leaf { "team" } else { "acme" }),
                period: PERIODS[period].into(),
                from: from.map(Nanos),
                to: to.map(Nanos),
                by: "0123abcd".into(),
            },
            _ => return None,
        })
    }

    fn term(&self, place: usize) -> Option<&TermRecord> {
        self.terms.get(place.checked_rem(self.terms.len())?)
    }
}

fn forever(mut account: Account) -> Account {
    account.ends = None;
    account
}
