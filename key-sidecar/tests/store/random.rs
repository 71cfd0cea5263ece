//! Random sequences of changes: each store says what the naive replica says, after every commit and
//! after it was opened anew.

use std::sync::Arc;

use key_sidecar::store::Store;
use key_sidecar::store::memory::MemoryStore;
use key_sidecar::store::spend::Spend;
use key_sidecar::store::spend::entries::{Line, Presumption, Said, Settled};
use key_sidecar::store::spend::query::{Dimension, Filter, Key, Query, Scope};
use key_sidecar::store::spend::sums::{Sum, SumRow};
use key_sidecar::store::sqlite::SqliteStore;
use ledger::money::record::{Entry, What};
use proptest::prelude::*;
use proptest::sample::subsequence;
use wire::budget::{Basis, Settlement, Term};
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use crate::events::{Books, Event, PERIODS, event};
use crate::naive::Naive;
use crate::sample::TODAY;

fn commits() -> impl Strategy<Value = Vec<Vec<Event>>> {
    proptest::collection::vec(proptest::collection::vec(event(), 0..24), 1..6)
}

fn filter() -> impl Strategy<Value = Filter> {
    let names = |all: &[&str]| {
        let all: Vec<_> = all.iter().map(|name| (*name).to_owned()).collect();
        let most = all.len();
        prop_oneof![2 => Just(vec![]), 1 => subsequence(all, 1..=most)]
    };
    // Half of the ends lie on a quarter of an hour, where the tallies answer.
    let end = prop_oneof![
        Just(None),
        (0..8_u64).prop_map(|q| Some(q * 900_000)),
        (0..7_200_000_u64).prop_map(Some)
    ];
    (
        any::<bool>(),
        (
            names(&["acme", "team", "none"]),
            names(&PERIODS),
            names(&["a", "b"]),
            names(&["gpt", ""]),
        ),
        subsequence(Basis::ALL.to_vec(), 0..=2),
        (end.clone(), end),
    )
        .prop_map(|(charged, (budgets, periods, clients, models), bases, (from, until))| {
            Filter {
                scope: if charged { Scope::Charged } else { Scope::Path },
                budgets,
                periods,
                clients,
                models,
                bases,
                from: from.map(|from| UnixMillis(TODAY + from)),
                until: until.map(|until| UnixMillis(TODAY + until)),
                ..Filter::default()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn both_stores_say_what_the_replica_says(commits in commits()) {
        let state = tempfile::tempdir().unwrap();
        let (mut disk, mut memory) = (SqliteStore::open(state.path()).unwrap(), MemoryStore::new());
        let (mut naive, mut books) = (Naive::default(), Books::default());
        let opening = Books::opening();
        naive.apply(&opening);
        disk.commit(&opening).unwrap();
        memory.commit(&opening).unwrap();
        for events in commits {
            let changes: Vec<_> =
                events.into_iter().filter_map(|event| books.change(event)).collect();
            naive.apply(&changes);
            disk.commit(&changes).unwrap();
            memory.commit(&changes).unwrap();
            prop_assert_eq!(disk.load().unwrap(), naive.image());
            prop_assert_eq!(memory.load().unwrap(), naive.image());
        }
        drop(disk);
        let mut disk = SqliteStore::open(state.path()).unwrap();
        prop_assert_eq!(disk.load().unwrap(), naive.image());
        prop_assert_eq!(memory.entries(), &naive.entries);
        let spend = Spend::in_state(state.path()).unwrap();
        let lines: Result<Vec<_>, _> = spend.lines(Filter::default()).unwrap().collect();
        let expected: Vec<_> = naive.entries.iter().map(|entry| line(entry, &naive)).collect();
        prop_assert_eq!(lines.unwrap(), expected);
    }

    #[test]
    fn sums_counts_and_lines_are_those_of_the_entries(
        events in proptest::collection::vec(event(), 1..80),
        by in subsequence(BY.to_vec(), 0..=4),
        filter in filter(),
    ) {
        let state = tempfile::tempdir().unwrap();
        let (mut naive, mut books) = (Naive::default(), Books::default());
        let mut changes = Books::opening();
        changes.extend(events.into_iter().filter_map(|event| books.change(event)));
        naive.apply(&changes);
        SqliteStore::open(state.path()).unwrap().commit(&changes).unwrap();

        let spend = Spend::in_state(state.path()).unwrap();
        let query = Query { by, filter, ..Query::default() };
        prop_assert_eq!(spend.sums(&query).unwrap(), sums(&naive, &query));
        let counts = spend.counts(&query).unwrap();
        let micros = counts.iter().map(|row| row.micros).sum::<i128>();
        prop_assert_eq!(micros, counted(&naive, &query));

        let lines: Result<Vec<_>, _> = spend.lines(query.filter.clone()).unwrap().collect();
        let numbers: Vec<_> = lines.unwrap().iter()
            .filter(|line| matches!(line.said, Said::Settled(_)))
            .map(|line| line.number)
            .collect();
        let mut expected: Vec<_> =
            calls(&naive, &query.filter).into_iter().map(|call| call.number).collect();
        expected.dedup();
        prop_assert_eq!(numbers, expected);
    }
}

const BY: [Dimension; 6] = [
    Dimension::Budget,
    Dimension::Period,
    Dimension::Client,
    Dimension::Model,
    Dimension::Basis,
    Dimension::Hour,
];

/// A call, once for each account that the filter counts it in.
struct Counted<'a> {
    number: u64,
    ended: u64,
    account: &'a (BudgetName, Arc<str>),
    said: &'a Settlement,
}

fn calls<'a>(naive: &'a Naive, filter: &Filter) -> Vec<Counted<'a>> {
    let is = |names: &[String], name: &str| names.is_empty() || names.iter().any(|one| one == name);
    let mut found = Vec::new();
    for entry in &naive.entries {
        let What::Settled { ended, term, settlement: said, .. } = &entry.what else { continue };
        let fits = is(&filter.clients, said.client.as_str())
            && is(&filter.models, said.model.as_deref().unwrap_or(""))
            && (filter.bases.is_empty() || filter.bases.contains(&said.basis))
            && filter.from.is_none_or(|from| *ended >= from)
            && filter.until.is_none_or(|until| *ended < until);
        let accounts = &naive.terms[term].accounts;
        let counted = if filter.scope == Scope::Charged { &accounts[..1] } else { &accounts[..] };
        for account in counted {
            if fits && is(&filter.budgets, account.0.as_str()) && is(&filter.periods, &account.1) {
                found.push(Counted { number: entry.number, ended: ended.0, account, said });
            }
        }
    }
    found
}

fn sums(naive: &Naive, query: &Query) -> Vec<SumRow> {
    let mut sums = std::collections::BTreeMap::<Vec<Key>, Sum>::new();
    for call in calls(naive, &query.filter) {
        let name = |name: &str| Key::Name((!name.is_empty()).then(|| name.into()));
        let key = |by: &Dimension| match by {
            Dimension::Budget => name(call.account.0.as_str()),
            Dimension::Period => name(&call.account.1),
            Dimension::Client => name(call.said.client.as_str()),
            Dimension::Model => name(call.said.model.as_deref().unwrap_or("")),
            Dimension::Basis => name(call.said.basis.as_str()),
            _ => Key::Start(UnixMillis(call.ended - call.ended % 3_600_000)),
        };
        let sum = sums.entry(query.by.iter().map(key).collect()).or_default();
        sum.calls += call.said.calls;
        sum.cost_nanos += i128::from(call.said.cost.0);
        if call.said.basis.is_estimate() {
            sum.at_hold_nanos += i128::from(call.said.cost.0);
        }
    }
    sums.into_iter().map(|(keys, sum)| SumRow { keys, sum }).collect()
}

fn counted(naive: &Naive, query: &Query) -> i128 {
    let calls = calls(naive, &query.filter);
    let counts = calls.iter().flat_map(|call| &call.said.counts);
    counts.map(|(_, quantity)| i128::from(quantity.0)).sum()
}

/// What the read side must say of an entry.
fn line(entry: &Entry, naive: &Naive) -> Line {
    let charged = |term: &Term| naive.terms[term].accounts[0].clone();
    let said = match entry.what.clone() {
        What::Settled { holder, sequence, ended, term, settlement: said } => {
            Said::Settled(Box::new(Settled {
                ended,
                term,
                budget: charged(&term).0,
                period: charged(&term).1,
                client: said.client,
                service: said.service,
                route: said.route,
                model: said.model,
                prices: said.prices,
                status: said.status,
                basis: said.basis,
                calls: said.calls,
                cost: said.cost,
                hold: said.hold,
                counts: said.counts,
                upstream_id: said.upstream_id.map(Arc::from),
                holder,
                sequence,
            }))
        }
        What::Presumed { holder, term, amount } => {
            let (budget, period) = charged(&term);
            Said::Presumed(Presumption { holder, term, budget, period, amount })
        }
        What::Unpresumed { holder, term, amount } => {
            let (budget, period) = charged(&term);
            Said::Unpresumed(Presumption { holder, term, budget, period, amount })
        }
        What::Corrected { id, accounts, amount, who, why } => {
            Said::Corrected { id, accounts, amount, who, why }
        }
        What::Capped { budget, period, from, to, by } => {
            Said::Capped { budget, period, from, to, by }
        }
    };
    Line { number: entry.number, at: entry.at, said }
}
