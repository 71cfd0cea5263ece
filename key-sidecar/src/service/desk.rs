//! The money desk: one thread owns the ledger of money and its store.
//!
//! Whoever wants something of it hands in a command and waits. The thread takes what lies there,
//! applies one after another, makes all their changes durable in one transaction, and only then
//! answers: what was told was stored. Neighbours: `thread` is the loop; `books` is ledger and store as
//! one thing that survives a failing disk; [`super::figures`] shows the balances to others.

mod books;
mod error;
mod thread;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};
use ledger::money::command::{Command, Correction, Definition, Reply, Sync};
use ledger::money::record::{Change, HolderRecord};
use tokio::sync::oneshot;
use wire::budget::MoneyAnswer;
use wire::ids::HolderId;
use wire::units::Millis;

use self::books::Books;
pub use self::error::{DeskError, OpenError};
use super::figures::Figures;
use crate::clock::Clock;
use crate::metrics::MoneyMetrics;
use crate::store::{Store, fits};

/// Commands that may wait. Each worker of an Envoy has one at a time, so this is some hundred of them;
/// past it a command is refused at once, and its plugin repeats it.
const WAITING_MAX: usize = 1_024;

/// A transaction that takes longer is a disk that hangs.
const COMMIT_MAX: Millis = Millis(10_000);

/// What must be asked of the ledger of money, and where the answer is awaited.
pub struct Desk {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    clock: Clock,
}

/// What is handed in.
enum Job {
    /// Something to book.
    Book { command: Command, answer: oneshot::Sender<Result<Reply, DeskError>> },
    /// Time has passed, or there are new budgets.
    Look,
    /// Book what lies here, then end.
    Close,
}

/// What the thread and its callers both see.
#[derive(Default)]
struct Shared {
    /// The last sequence of each holder that the ledger knows, as stored.
    heard: Mutex<HashMap<HolderId, u64>>,
    /// Budgets that the ledger has not been told yet.
    budgets: Mutex<Option<Budgets>>,
    /// Why nothing is lent, while nothing is.
    trouble: Mutex<Option<String>>,
    /// Since when a transaction is under way.
    commit_since: Mutex<Option<Millis>>,
}

/// A transaction that is under way, until it is dropped.
struct Commit<'a>(&'a Shared);

/// The budgets of a policy.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// All of them.
    pub budgets: Vec<Definition>,
    /// Which policy says so.
    pub by: Arc<str>,
}

impl Desk {
    /// Opens the desk on what the store has.
    ///
    /// # Errors
    /// [`OpenError`] if the store cannot be read. Nothing is served then: what was spent is unknown.
    pub fn open(
        store: Box<dyn Store>,
        clock: Clock,
        figures: Arc<Figures>,
        metrics: MoneyMetrics,
    ) -> Result<Self, OpenError> {
        let shared = Arc::new(Shared::default());
        let books =
            Books::open(store, clock.clone(), Arc::clone(&shared), figures, metrics.clone())?;
        let (jobs, waiting) = bounded(WAITING_MAX);
        let thread = spawn(thread::Loop::new(waiting, books, Arc::clone(&shared), metrics));
        Ok(Self { jobs, shared, thread: Mutex::new(thread), clock })
    }

    /// Tells the ledger the budgets of the present policy. What is handed in afterwards finds them.
    pub fn define(&self, budgets: Budgets) {
        *lock(&self.shared.budgets) = Some(budgets);
        self.look();
    }

    /// Lets what has run out expire; to be called about once a second.
    pub fn look(&self) {
        // A full channel is being worked on, and a look comes with every group.
        let _ = self.jobs.try_send(Job::Look);
    }

    /// Whether a sync with this sequence was booked last for this holder: then its answer is kept and
    /// must be given again, whatever it would say now.
    #[must_use]
    pub fn has_answered(&self, holder: HolderId, sequence: u64) -> bool {
        lock(&self.shared.heard).get(&holder) == Some(&sequence)
    }

    /// Books what a holder says and lends what it gets.
    ///
    /// # Errors
    /// [`DeskError`]; nothing is lent then, and the same request may be repeated.
    pub async fn sync(&self, sync: Sync) -> Result<Vec<MoneyAnswer>, DeskError> {
        fits::sync(&sync).map_err(|fault| DeskError::Unfit(fault.to_string()))?;
        match self.ask(Command::Sync(sync)).await? {
            Reply::Synced(answers) => Ok(answers),
            Reply::Refused(refusal) => Err(DeskError::Refused(refusal)),
            Reply::Corrected(_) | Reply::Done => Err(DeskError::Closed),
        }
    }

    /// Books a correction: the number of its entry, also where it was booked before.
    ///
    /// # Errors
    /// [`DeskError`].
    pub async fn correct(&self, correction: Correction) -> Result<u64, DeskError> {
        match self.ask(Command::Correct(correction)).await? {
            Reply::Corrected(number) => Ok(number),
            Reply::Refused(refusal) => Err(DeskError::Refused(refusal)),
            Reply::Synced(_) | Reply::Done => Err(DeskError::Closed),
        }
    }

    async fn ask(&self, command: Command) -> Result<Reply, DeskError> {
        let (answer, told) = oneshot::channel();
        self.jobs.try_send(Job::Book { command, answer }).map_err(|error| match error {
            TrySendError::Full(_) => DeskError::Busy,
            TrySendError::Disconnected(_) => DeskError::Closed,
        })?;
        told.await.unwrap_or(Err(DeskError::Closed))
    }

    /// Why nothing is lent; `None` while all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let stopped = || "the ledger of money has stopped: restart the service".to_owned();
        let since = *lock(&self.shared.commit_since);
        let took = since.map_or(Millis::ZERO, |since| self.clock.monotonic().since(since));
        let hangs = || format!("a transaction takes {} s already: look at the disk", took.0 / 1000);
        self.has_stopped()
            .then(stopped)
            .or_else(|| lock(&self.shared.trouble).clone())
            .or_else(|| (took >= COMMIT_MAX).then(hangs))
    }

    /// Whether it ended: it was closed, or an invariant of the ledger was broken.
    #[must_use]
    pub fn has_stopped(&self) -> bool {
        lock(&self.thread).as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Books what was handed in, and ends. Blocks until that is done.
    pub fn close(&self) {
        let _ = self.jobs.send(Job::Close);
        if let Some(thread) = lock(&self.thread).take()
            && thread.join().is_err()
        {
            tracing::error!("the money desk ended by a broken invariant");
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.close();
    }
}

/// A thread that cannot be had is a desk that answers nobody, which readiness tells.
fn spawn(desk: thread::Loop) -> Option<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("money-desk".into());
    thread
        .spawn(move || desk.run())
        .inspect_err(|error| tracing::error!(%error, "the money desk has no thread"))
        .ok()
}

// === impl Shared ===

impl Shared {
    fn take_budgets(&self) -> Option<Budgets> {
        lock(&self.budgets).take()
    }

    /// Sets what is wrong; what it was before.
    fn set_trouble(&self, trouble: Option<String>) -> Option<String> {
        std::mem::replace(&mut *lock(&self.trouble), trouble)
    }

    fn begin_commit(&self, now: Millis) -> Commit<'_> {
        *lock(&self.commit_since) = Some(now);
        Commit(self)
    }

    fn replace_heard(&self, holders: &[HolderRecord]) {
        *lock(&self.heard) = holders.iter().map(|one| (one.holder, one.sequence)).collect();
    }

    /// Before the answers go out: who repeats a request must find that it was answered.
    fn note_heard(&self, changes: &[Change]) {
        let mut heard = lock(&self.heard);
        for change in changes {
            match change {
                Change::Holder(record) => {
                    heard.insert(record.holder, record.sequence);
                }
                Change::HolderGone(holder) => {
                    heard.remove(holder);
                }
                _ => {}
            }
        }
    }
}

impl Drop for Commit<'_> {
    fn drop(&mut self) {
        *lock(&self.0.commit_since) = None;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
