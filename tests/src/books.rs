//! The ledger of money as a third person reads it: the SQLite file, while the sidecar writes it.
//!
//! Plain SQL on the tables that the schema documents and no code of ours, so that what the sidecar says
//! of itself is judged by another. [`Auditor`] reads it all the time.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a ledger that cannot be read is a failed test"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Row};

use crate::wait;

/// The ledger, read only.
pub struct Books(Connection);

/// The newest period of a budget, in nano-units.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Its name.
    pub period: String,
    /// `None` is unlimited.
    pub cap: Option<i64>,
    /// Settled, presumed and corrected.
    pub spent: i64,
    /// What calls have cost.
    pub settled: i64,
    /// Lent and never settled.
    pub presumed: i64,
    /// Lent now.
    pub reserved: i64,
}

/// What became of a call's money.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Settled {
    /// The budget that was charged.
    pub budget: String,
    /// Its period.
    pub period: String,
    /// Who called.
    pub client: String,
    /// The model that served.
    pub model: Option<String>,
    /// The answer's status.
    pub status: u16,
    /// What the cost rests on.
    pub basis: String,
    /// How many calls.
    pub calls: i64,
    /// What they cost, in nano-units.
    pub cost: i64,
}

impl Books {
    /// Opens the ledger in a sidecar's state directory.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn open(state: &Path) -> Self {
        let file = state.join("ledger.sqlite");
        let connection = Connection::open_with_flags(&file, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        connection.busy_timeout(wait::PATIENCE).expect("a time can be set");
        Self(connection)
    }

    /// The newest period of a budget.
    ///
    /// # Panics
    /// If it has none.
    #[must_use]
    pub fn account(&self, budget: &str) -> Account {
        let newest = "SELECT period, cap_nanos, settled_nanos, presumed_nanos, corrected_nanos, reserved_nanos
                      FROM account WHERE budget = ? ORDER BY starts_at DESC LIMIT 1";
        self.0
            .query_row(newest, [budget], |row| {
                let (settled, presumed): (i64, i64) = (row.get(2)?, row.get(3)?);
                let corrected: i64 = row.get(4)?;
                let spent = settled + presumed + corrected;
                let (period, cap, reserved) = (row.get(0)?, row.get(1)?, row.get(5)?);
                Ok(Account { period, cap, spent, settled, presumed, reserved })
            })
            .unwrap_or_else(|error| panic!("{budget}: {error}"))
    }

    /// All settlements, in the order in which they were booked.
    ///
    /// # Panics
    /// If they cannot be read.
    #[must_use]
    pub fn settlements(&self) -> Vec<Settled> {
        let all = "SELECT settlement.budget, period, client, model, status, basis, calls, cost_nanos
                   FROM settlement JOIN term_account ON term_account.term = settlement.term AND position = 0
                   ORDER BY entry";
        let mut statement = self.0.prepare_cached(all).expect("the schema is as documented");
        let rows = statement.query_map([], settled).expect("settlements can be read");
        rows.map(|row| row.expect("a settlement can be read")).collect()
    }

    /// All settlements, once there are so many.
    ///
    /// # Panics
    /// If there are not within [`wait::PATIENCE`].
    #[must_use]
    pub fn until_settlements(&self, count: usize) -> Vec<Settled> {
        wait::until(wait::PATIENCE, || {
            let all = self.settlements();
            if all.len() >= count { Ok(all) } else { Err(format!("{} of {count}", all.len())) }
        })
        .unwrap_or_else(|reason| panic!("settlements: {reason}"))
    }

    /// A budget's newest period, once nothing of it is lent any longer.
    ///
    /// # Panics
    /// If something still is after [`wait::PATIENCE`].
    #[must_use]
    pub fn until_at_rest(&self, budget: &str) -> Account {
        wait::until(wait::PATIENCE, || match self.account(budget) {
            account if account.reserved == 0 => Ok(account),
            account => Err(format!("{account:?}")),
        })
        .unwrap_or_else(|reason| panic!("{budget} is not at rest: {reason}"))
    }

    /// The accounts that have given away more than their cap, in words.
    fn over(&self) -> Vec<String> {
        let over =
            "SELECT budget || ' ' || period || ': ' || committed_nanos || ' of ' || cap_nanos
                    FROM auditor WHERE over";
        let mut statement = self.0.prepare_cached(over).expect("the schema is as documented");
        let rows =
            statement.query_map([], |row| row.get(0)).expect("the auditor's view can be read");
        rows.map(|row| row.expect("a row can be read")).collect()
    }
}

fn settled(row: &Row<'_>) -> rusqlite::Result<Settled> {
    Ok(Settled {
        budget: row.get(0)?,
        period: row.get(1)?,
        client: row.get(2)?,
        model: row.get(3)?,
        status: row.get(4)?,
        basis: row.get(5)?,
        calls: row.get(6)?,
        cost: row.get(7)?,
    })
}

/// Reads the ledger all the while and remembers every account that was ever above its cap.
pub struct Auditor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<(BTreeSet<String>, usize)>,
}

impl Auditor {
    /// Begins to read it, once every `pause`.
    #[must_use]
    pub fn start(state: &Path, pause: Duration) -> Self {
        let books = Books::open(state);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut found = BTreeSet::new();
            let mut looks = 0;
            while !stopped.load(Ordering::Relaxed) {
                found.extend(books.over());
                looks += 1;
                wait::pass(pause);
            }
            (found, looks)
        });
        Self { stop, thread }
    }

    /// Ends it. What it found.
    ///
    /// # Panics
    /// If it could not read, or never looked.
    #[must_use]
    pub fn finish(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let (found, looks) = self.thread.join().expect("the auditor could read");
        assert!(looks > 0, "the auditor never looked");
        found.into_iter().collect()
    }
}
