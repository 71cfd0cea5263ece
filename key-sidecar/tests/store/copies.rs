//! Backup while serving, and the way back.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use key_sidecar::store::sqlite::{FILE, SqliteStore, backup};
use key_sidecar::store::{Fault, Store};

use crate::crash::{transaction, whole_transactions};
use crate::sample::opening;

fn with_transactions(state: &Path, count: u64) -> SqliteStore {
    let mut store = SqliteStore::open(state).unwrap();
    store.commit(&opening()).unwrap();
    for number in 1..=count {
        store.commit(&transaction(number)).unwrap();
    }
    store
}

#[test]
fn a_copy_made_during_commits_is_what_was_committed_at_one_moment() {
    let state = tempfile::tempdir().unwrap();
    let copies = tempfile::tempdir().unwrap();
    let mut store = with_transactions(state.path(), 20);
    let stop = AtomicBool::new(false);
    let (counts, last) = thread::scope(|threads| {
        let committing = threads.spawn(|| {
            let mut number = 20;
            while !stop.load(Ordering::Relaxed) {
                number += 1;
                store.commit(&transaction(number)).unwrap();
            }
            number
        });
        let counts: Vec<_> = (0..6)
            .map(|copy| {
                let path = copies.path().join(format!("{copy}.sqlite"));
                backup::backup(&state.path().join(FILE), &path).unwrap().last_entry / 2
            })
            .collect();
        stop.store(true, Ordering::Relaxed);
        (counts, committing.join().unwrap())
    });
    assert!(counts.is_sorted() && counts[0] >= 20 && counts[5] <= last, "{counts:?} of {last}");
    for (copy, count) in (0..).zip(counts) {
        let restored = tempfile::tempdir().unwrap();
        fs::copy(copies.path().join(format!("{copy}.sqlite")), restored.path().join(FILE)).unwrap();
        assert_eq!(whole_transactions(restored.path()), count);
    }
    // A copy is one file.
    assert_eq!(fs::read_dir(copies.path()).unwrap().count(), 6);
}

#[test]
fn a_restored_ledger_is_the_copy_and_the_one_before_is_kept() {
    let state = tempfile::tempdir().unwrap();
    let copy = state.path().join("copy.sqlite");
    let mut store = with_transactions(state.path(), 3);
    backup::backup(store.path(), &copy).unwrap();
    store.commit(&transaction(4)).unwrap();
    let served = backup::restore(&copy, state.path()).unwrap_err();
    assert!(matches!(served.fault, Fault::Locked { .. }), "{served}");
    drop(store);

    let kept = backup::restore(&copy, state.path()).unwrap().unwrap();
    assert_eq!(whole_transactions(state.path()), 3);
    let before = tempfile::tempdir().unwrap();
    fs::rename(kept, before.path().join(FILE)).unwrap();
    assert_eq!(whole_transactions(before.path()), 4);
    // The copy is still there, and a state directory without a ledger takes it too.
    assert_eq!(backup::restore(&copy, &before.path().join("new")).unwrap(), None);
    assert_eq!(whole_transactions(&before.path().join("new")), 3);
}

#[test]
fn a_copy_overwrites_nothing() {
    let state = tempfile::tempdir().unwrap();
    let store = with_transactions(state.path(), 1);
    let taken = state.path().join("taken");
    fs::write(&taken, "mine").unwrap();
    let error = backup::backup(store.path(), &taken).unwrap_err();
    assert!(matches!(error.fault, Fault::Taken), "{error}");
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
}

#[test]
fn what_is_no_ledger_is_not_restored() {
    let state = tempfile::tempdir().unwrap();
    drop(with_transactions(state.path(), 2));
    let letter = state.path().join("letter");
    fs::write(&letter, "a letter to the bank, and a long one at that").unwrap();
    backup::restore(&letter, state.path()).unwrap_err();
    assert_eq!(whole_transactions(state.path()), 2);
}
