//! A process that commits is killed at random moments: what it was told is durable is there, whole.
//!
//! Each transaction books two calls, the accounts that they count in, and a holder whose sequence
//! counts the transactions; so a half of one is seen by the sums. The child says each number after
//! its commit returned.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use key_sidecar::store::Store;
use key_sidecar::store::spend::Spend;
use key_sidecar::store::sqlite::{FILE, SqliteStore};
use ledger::money::record::{Account, Change};
use rusqlite::Connection;
use wire::money::Nanos;

use crate::sample::{account, call, holder, opening, settled};

const ROUNDS: u32 = 24;
const STATE: &str = "TOLLKEEPER_TEST_STATE";

/// The changes of one transaction, counted from 1.
pub(crate) fn transaction(number: u64) -> Vec<Change> {
    let (first, second) = (number * 2 - 1, number * 2);
    // The cost of entry n is n, so what is settled after n entries is n (n + 1) / 2.
    let spent = Nanos(second * (second + 1) / 2);
    let spent = |name, within| {
        Change::Account(Account { settled: spent, ..account(name, "2026-11", within) })
    };
    vec![
        settled(first, call("a", "m", first)),
        spent("team", Some("acme")),
        holder(7, number),
        settled(second, call("b", "m", second)),
        spent("acme", None),
    ]
}

/// How many transactions a state holds, each of them whole.
pub(crate) fn whole_transactions(state: &Path) -> u64 {
    let image = SqliteStore::open(state).unwrap().load().unwrap();
    let count = image.holders.first().map_or(0, |holder| holder.sequence);
    assert_eq!(image.last_entry, count * 2);
    let spend = Spend::in_state(state).unwrap();
    for agreement in spend.agreement().unwrap() {
        assert!(agreement.holds(), "{agreement:?}");
    }
    let numbers = spend.lines(Default::default()).unwrap().map(|line| line.unwrap().number);
    assert!(numbers.eq(1..=count * 2));
    count
}

/// Starts a test of this file as a process of its own, on `state`.
fn start(test: &str, state: &Path, limit: &str) -> Child {
    let own = std::env::current_exe().unwrap();
    let script = format!("{limit} exec \"$0\" --exact crash::{test} --ignored --nocapture");
    Command::new("sh")
        .args(["-c", &script])
        .arg(own)
        .env(STATE, state)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_said_to_be_durable() {
    let state = tempfile::tempdir().unwrap();
    SqliteStore::open(state.path()).unwrap().commit(&opening()).unwrap();
    let mut before = 0;
    let mut total = 0;
    for round in 0..ROUNDS {
        let mut child = start("commits_until_it_is_killed", state.path(), "");
        let output = BufReader::new(child.stdout.take().unwrap());
        let (say, heard) = mpsc::channel();
        let reader = thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(number) = line.strip_prefix("committed ") {
                    say.send(number.parse::<u64>().unwrap()).unwrap();
                }
            }
        });
        let first = heard.recv().unwrap();
        assert_eq!(first, before + 1);
        // Somewhere in the next 30 ms: in a commit, in a checkpoint, between two.
        thread::park_timeout(Duration::from_micros(u64::from(round * 7_919 % 30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
        let said = heard.iter().last().unwrap_or(first);
        let found = whole_transactions(state.path());
        // One more than was said: killed between the commit and the word.
        assert!(found == said || found == said + 1, "said {said}, found {found}");
        before = found;
        total += 1;
    }
    assert_eq!(total, ROUNDS);
}

/// Not a test: what the one above kills.
#[test]
#[ignore = "run by the test that kills it"]
fn commits_until_it_is_killed() {
    let state = std::env::var(STATE).unwrap();
    let state = Path::new(&state);
    // The harness may have begun a line.
    println!();
    let mut store = SqliteStore::open(state).unwrap();
    let done = store.load().unwrap().last_entry / 2;
    // Checkpoints all the time, so that some are cut in the middle.
    let file = state.join(FILE);
    thread::spawn(move || {
        let connection = Connection::open(file).unwrap();
        loop {
            let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
            connection.query_row(checkpoint, [], |_| Ok(())).unwrap();
        }
    });
    for number in done + 1.. {
        store.commit(&transaction(number)).unwrap();
        println!("committed {number}");
    }
}

#[test]
fn a_disk_that_takes_no_more_is_told_and_harms_nothing() {
    let state = tempfile::tempdir().unwrap();
    SqliteStore::open(state.path()).unwrap().commit(&opening()).unwrap();
    // No file may grow beyond 1 MiB (2,048 blocks); the signal would end the process.
    let limit = "trap '' XFSZ; ulimit -f 2048;";
    let mut child = start("commits_until_it_fails", state.path(), limit);
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(child.wait().unwrap().success(), "{text}");
    let said = text.lines().filter_map(|line| line.strip_prefix("committed ")).next_back().unwrap();
    let failed = text.lines().find_map(|line| line.strip_prefix("failed: ")).unwrap();
    assert!(failed.contains("ledger.sqlite: "), "{failed}");
    assert!(failed.contains("look at the disk"), "{failed}");
    let loaded = text.lines().find_map(|line| line.strip_prefix("loads ")).unwrap();
    assert_eq!(loaded, said);

    // With room again, it goes on where it was.
    let said: u64 = said.parse().unwrap();
    assert_eq!(whole_transactions(state.path()), said);
    SqliteStore::open(state.path()).unwrap().commit(&transaction(said + 1)).unwrap();
    assert_eq!(whole_transactions(state.path()), said + 1);
}

/// Not a test: runs with a limit on the size of files.
#[test]
#[ignore = "run by the test that limits it"]
fn commits_until_it_fails() {
    let state = std::env::var(STATE).unwrap();
    let mut store = SqliteStore::open(Path::new(&state)).unwrap();
    let error = (1..)
        .find_map(|number| match store.commit(&transaction(number)) {
            Ok(()) => {
                println!("committed {number}");
                None
            }
            Err(error) => Some(error),
        })
        .unwrap();
    println!("failed: {error}");
    println!("loads {}", store.load().unwrap().last_entry / 2);
}
