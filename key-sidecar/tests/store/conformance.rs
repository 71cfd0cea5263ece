//! What every store must do. Each question is asked of each store.

use key_sidecar::store::memory::MemoryStore;
use key_sidecar::store::sqlite::SqliteStore;
use key_sidecar::store::{Fault, LATE_WORD_MAX, Store};
use ledger::money::record::{Change, TermRecord, What};
use wire::budget::Term;
use wire::ids::HolderId;
use wire::money::{Nanos, Quantity};
use wire::units::UnixMillis;
use wire::usage::Kind;

use crate::naive::Naive;
use crate::sample::{
    TERM, account, budget, call, corrected, entry, holder, lease, opening, path, settled,
};

/// Asks `question` of each store, empty.
fn of_each(question: impl Fn(&mut dyn Store)) {
    question(&mut MemoryStore::new());
    let state = tempfile::tempdir().unwrap();
    question(&mut SqliteStore::open(state.path()).unwrap());
}

/// Commits `changes` and expects all of them back.
fn kept(store: &mut dyn Store, naive: &mut Naive, changes: &[Change]) {
    store.commit(changes).unwrap();
    naive.apply(changes);
    assert_eq!(store.load().unwrap(), naive.image());
}

/// Commits `changes` and expects a refusal that names the table, and that nothing has changed.
fn refused(store: &mut dyn Store, table: &str, changes: &[Change]) {
    let before = store.load().unwrap();
    let error = store.commit(changes).unwrap_err();
    let named = match &error.fault {
        Fault::Record { table, key, .. } if !key.is_empty() => Some(*table),
        _ => None,
    };
    assert_eq!(named, Some(table), "{error}");
    assert_eq!(store.load().unwrap(), before);
}

#[test]
fn an_empty_store_is_an_empty_image() {
    of_each(|store| {
        assert_eq!(store.load().unwrap(), Naive::default().image());
        kept(store, &mut Naive::default(), &[]);
    });
}

#[test]
fn what_was_committed_is_loaded() {
    of_each(|store| {
        let mut naive = Naive::default();
        kept(store, &mut naive, &opening());
        kept(store, &mut naive, &[lease(7, 5), holder(7, 1), settled(1, call("a", "m", 3))]);
        kept(store, &mut naive, &[corrected(2, "c-1", -5), corrected(3, "c-2", 7)]);
        let presumed = What::Presumed { holder: HolderId(7), term: TERM, amount: Nanos(5) };
        let unpresumed = What::Unpresumed { holder: HolderId(7), term: TERM, amount: Nanos(4) };
        kept(store, &mut naive, &[entry(4, presumed), entry(5, unpresumed)]);
        let capped = What::Capped {
            budget: budget("team"),
            period: "2026-11".into(),
            from: None,
            to: Some(Nanos(9)),
            by: "0123abcd".into(),
        };
        kept(store, &mut naive, &[entry(6, capped)]);
    });
}

#[test]
fn a_record_replaces_the_one_of_the_same_key_and_the_last_word_counts() {
    of_each(|store| {
        let mut naive = Naive::default();
        kept(store, &mut naive, &opening());
        let mut changed = account("team", "2026-11", None);
        changed.ends = None;
        changed.cap = None;
        changed.corrected = i64::MIN + 1;
        changed.settled = Nanos::MAX;
        let older = account("team", "2026-11", Some("acme"));
        kept(store, &mut naive, &[Change::Account(older), Change::Account(changed)]);
        let gone = Change::LeaseGone(HolderId(7), TERM);
        kept(store, &mut naive, &[lease(7, 5), lease(7, 4), holder(7, 1), holder(7, 2)]);
        kept(store, &mut naive, &[lease(7, 3), gone.clone()]);
        kept(store, &mut naive, &[gone, lease(7, 2)]);
        kept(store, &mut naive, &[Change::HolderGone(HolderId(7))]);
    });
}

#[test]
fn what_is_not_there_can_go() {
    of_each(|store| {
        let mut naive = Naive::default();
        kept(store, &mut naive, &opening());
        let gone = [Change::LeaseGone(HolderId(1), TERM), Change::HolderGone(HolderId(1))];
        kept(store, &mut naive, &gone);
    });
}

#[test]
fn a_change_that_fails_in_the_middle_leaves_nothing() {
    of_each(|store| {
        store.commit(&opening()).unwrap();
        let unknown = What::Presumed { holder: HolderId(7), term: Term(9), amount: Nanos(5) };
        let changes = [
            lease(7, 5),
            holder(7, 1),
            settled(1, call("a", "m", 3)),
            entry(2, unknown),
            lease(8, 1),
        ];
        refused(store, "presumption", &changes);
        // And it goes on as if that had not been.
        store.commit(&[settled(1, call("a", "m", 3))]).unwrap();
        assert_eq!(store.load().unwrap().last_entry, 1);
    });
}

#[test]
fn entries_are_numbered_without_a_gap() {
    of_each(|store| {
        store.commit(&opening()).unwrap();
        refused(store, "entry", &[settled(2, call("a", "m", 3))]);
        store.commit(&[settled(1, call("a", "m", 3)), settled(2, call("a", "m", 3))]).unwrap();
        refused(store, "entry", &[settled(2, call("a", "m", 3))]);
        refused(store, "entry", &[settled(4, call("a", "m", 3))]);
    });
}

#[test]
fn what_is_named_must_be_there() {
    of_each(|store| {
        let there = TermRecord { term: TERM, accounts: path() };
        refused(store, "term_account", &[Change::Term(there.clone())]);
        refused(store, "lease", &[lease(7, 5)]);
        refused(store, "settlement", &[settled(1, call("a", "m", 3))]);
        refused(store, "correction_account", &[corrected(1, "c-1", 1)]);
        let capped = What::Capped {
            budget: budget("team"),
            period: "2026-11".into(),
            from: None,
            to: None,
            by: "0123abcd".into(),
        };
        refused(store, "cap_change", &[entry(1, capped)]);
        // In one commit the order does not matter.
        let accounts = opening();
        let changes = [&[lease(7, 5), Change::Term(there)], &accounts[..2]].concat();
        store.commit(&changes).unwrap();
    });
}

#[test]
fn terms_and_corrections_are_written_once() {
    of_each(|store| {
        store.commit(&opening()).unwrap();
        refused(store, "term", &opening()[2..]);
        store.commit(&[corrected(1, "c-1", 1)]).unwrap();
        refused(store, "correction", &[corrected(2, "c-1", 1)]);
        refused(store, "correction", &[corrected(2, "c-2", 1), corrected(3, "c-2", 1)]);
    });
}

#[test]
fn what_is_too_large_for_a_column_is_refused_and_what_an_upstream_counts_never_is() {
    of_each(|store| {
        store.commit(&opening()).unwrap();
        let above = Nanos(Nanos::MAX.0 + 1);
        refused(store, "lease", &[lease(7, above.0)]);
        refused(store, "holder", &[holder(7, u64::MAX)]);
        let mut settlement = call("a", "m", 3);
        settlement.hold = above;
        refused(store, "settlement", &[settled(1, settlement.clone())]);
        settlement.hold = Nanos::ZERO;
        settlement.counts = vec![(Kind::Call, Quantity::ONE), (Kind::Call, Quantity::ONE)];
        refused(store, "settlement", &[settled(1, settlement.clone())]);

        settlement.cost = Nanos::MAX;
        settlement.counts = vec![(Kind::Input, Quantity(u64::MAX))];
        for number in 1..=40 {
            store.commit(&[settled(number, settlement.clone())]).unwrap();
        }
    });
}

#[test]
fn old_terms_stay_unless_nothing_can_name_them() {
    of_each(|store| {
        let term = |number, period: &str| {
            let accounts = vec![(budget("team"), period.into())];
            Change::Term(TermRecord { term: Term(number), accounts })
        };
        let ends = |period: &str, ends: u64| {
            let mut account = account("team", period, None);
            account.ends = Some(UnixMillis(ends));
            Change::Account(account)
        };
        let now = 100 * 24 * 60 * 60 * 1000;
        let horizon = now - LATE_WORD_MAX.0;
        store.commit(&[ends("old", horizon), term(1, "old"), term(2, "old")]).unwrap();
        store.commit(&[ends("late", horizon + 1), term(3, "late"), lease(7, 1)]).unwrap();
        store.commit(&[ends("older", 1), term(4, "older"), term(5, "older")]).unwrap();
        let terms = |store: &mut dyn Store| -> Vec<u64> {
            store.load().unwrap().terms.iter().map(|record| record.term.0).collect()
        };
        // Nothing was booked yet, so nothing is known to be old.
        assert_eq!(terms(store), [1, 2, 3, 4, 5]);
        let mut booked =
            entry(1, What::Presumed { holder: HolderId(7), term: Term(1), amount: Nanos(1) });
        if let Change::Entry(entry) = &mut booked {
            entry.at = UnixMillis(now);
        }
        store.commit(&[booked]).unwrap();
        // 1 has a lease, 3 ended late enough, 5 is the newest.
        assert_eq!(terms(store), [1, 3, 5]);
    });
}
