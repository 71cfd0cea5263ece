//! Files that are damaged, newer, foreign, not to be written, or served already.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use key_sidecar::store::spend::Spend;
use key_sidecar::store::sqlite::{FILE, SqliteStore, backup};
use key_sidecar::store::{Fault, Store, StoreError};
use rusqlite::Connection;

use crate::crash::{transaction, whole_transactions};
use crate::sample::opening;

/// A state directory with this many transactions, all of them still in the log beside the file, as
/// a crash leaves it.
fn crashed(transactions: u64) -> tempfile::TempDir {
    let served = tempfile::tempdir().unwrap();
    SqliteStore::open(served.path()).unwrap().commit(&opening()).unwrap();
    let mut store = SqliteStore::open(served.path()).unwrap();
    for number in 1..=transactions {
        store.commit(&transaction(number)).unwrap();
    }
    let left = tempfile::tempdir().unwrap();
    for file in [FILE.to_owned(), format!("{FILE}-wal")] {
        fs::copy(served.path().join(&file), left.path().join(&file)).unwrap();
    }
    left
}

fn error_of(state: &Path) -> StoreError {
    SqliteStore::open(state).unwrap_err()
}

#[test]
fn a_log_that_is_cut_or_damaged_gives_the_transactions_before_the_damage() {
    let log = format!("{FILE}-wal");
    let whole = fs::read(crashed(6).path().join(&log)).unwrap();
    let mut found = Vec::new();
    for tenth in 0..=10 {
        let place = whole.len() * tenth / 10;
        let cut = crashed(6);
        fs::write(cut.path().join(&log), &whole[..place]).unwrap();
        let damaged = crashed(6);
        let mut bytes = whole.clone();
        if let Some(byte) = bytes.get_mut(place) {
            *byte ^= 0x55;
        }
        fs::write(damaged.path().join(&log), bytes).unwrap();
        // A damaged byte costs the transaction that it is in and those after it, as a cut does.
        let kept = whole_transactions(cut.path());
        assert_eq!(whole_transactions(damaged.path()), kept, "{tenth} tenths");
        found.push(kept);
    }
    assert!(found.is_sorted(), "{found:?}");
    assert_eq!((found[0], found[10]), (0, 6), "{found:?}");
}

#[test]
fn a_damaged_file_is_told_and_is_not_copied() {
    let state = crashed(200);
    assert_eq!(whole_transactions(state.path()), 200);
    let file = state.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    for page in bytes.chunks_mut(4096).skip(1) {
        page[..64].fill(0xaa);
    }
    fs::write(&file, bytes).unwrap();

    let opened = SqliteStore::open(state.path()).and_then(|mut store| store.load());
    let error = opened.unwrap_err();
    assert!(matches!(error.fault, Fault::Corrupt(_)), "{error}");
    let text = error.to_string();
    assert!(text.contains("ledger.sqlite: ") && text.contains("restore the last backup"), "{text}");

    let copy = state.path().join("copy.sqlite");
    backup::backup(&file, &copy).unwrap_err();
    assert!(!copy.exists());
    let left = fs::read_dir(state.path()).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{left:?}");
}

#[test]
fn a_file_without_its_head_is_no_ledger() {
    let state = crashed(1);
    assert_eq!(whole_transactions(state.path()), 1);
    let file = state.path().join(FILE);
    let mut bytes = fs::read(&file).unwrap();
    bytes[..16].fill(0);
    fs::write(&file, bytes).unwrap();
    assert!(matches!(error_of(state.path()).fault, Fault::Foreign));
}

#[test]
fn a_file_that_must_not_be_written_is_refused_also_to_root() {
    let state = crashed(1);
    let file = state.path().join(FILE);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    let error = error_of(state.path());
    assert!(matches!(error.fault, Fault::ReadOnly), "{error}");
    assert!(error.to_string().contains("write permission"), "{error}");
}

#[test]
fn a_newer_file_is_refused_and_left_as_it_is() {
    let state = crashed(1);
    let count = whole_transactions(state.path());
    let file = state.path().join(FILE);
    let set = |version: u32| {
        Connection::open(&file).unwrap().pragma_update(None, "user_version", version).unwrap();
    };
    set(99);
    let text = error_of(state.path()).to_string();
    assert!(text.contains("version 99") && text.contains("install the newer"), "{text}");
    let error = Spend::in_state(state.path()).unwrap_err();
    assert!(matches!(error.fault, Fault::Newer { found: 99, .. }), "{error}");
    set(1);
    assert_eq!(whole_transactions(state.path()), count);
}

#[test]
fn a_file_of_another_program_is_refused_and_left_as_it_is() {
    let state = tempfile::tempdir().unwrap();
    let file = state.path().join(FILE);
    let other = Connection::open(&file).unwrap();
    other.execute_batch("CREATE TABLE letters (x); PRAGMA application_id = 7;").unwrap();
    drop(other);
    let before = fs::read(&file).unwrap();
    assert!(matches!(error_of(state.path()).fault, Fault::Foreign));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn one_ledger_is_served_by_one() {
    let state = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(state.path()).unwrap();
    let error = error_of(state.path());
    let own = std::process::id();
    assert!(matches!(error.fault, Fault::Locked { process: Some(id) } if id == own), "{error}");
    drop(first);
    SqliteStore::open(state.path()).unwrap();
}

#[test]
fn the_ledger_is_for_its_owner_alone() {
    let state = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::open(state.path()).unwrap();
    store.commit(&opening()).unwrap();
    for file in [FILE.to_owned(), format!("{FILE}-wal"), format!("{FILE}-shm")] {
        let mode = fs::metadata(state.path().join(&file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}
