//! A store that fails, waits or lies when it is told to, and survives the desk.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use key_sidecar::store::memory::MemoryStore;
use key_sidecar::store::{Fault, Store, StoreError};
use ledger::money::record::{Change, Image, What};

/// The test's hand on the store.
#[derive(Clone, Default)]
pub(crate) struct Disk {
    store: Arc<Mutex<MemoryStore>>,
    how: Arc<Mutex<How>>,
}

#[derive(Default)]
struct How {
    commits: u64,
    refused: u64,
    fails: bool,
    unreadable: bool,
    lies: bool,
    poison: Option<u64>,
    gate: Option<Receiver<()>>,
}

impl Disk {
    /// The store, for a desk.
    pub(crate) fn store(&self) -> Box<dyn Store> {
        Box::new(self.clone())
    }

    /// Whether commits fail.
    pub(crate) fn fail(&self, fails: bool) {
        self.how.lock().unwrap().fails = fails;
    }

    /// Whether nothing can be read either.
    pub(crate) fn vanish(&self, gone: bool) {
        let mut how = self.how.lock().unwrap();
        (how.fails, how.unreadable) = (gone, gone);
    }

    /// The next commit is durable, and said to have failed.
    pub(crate) fn lie_once(&self) {
        self.how.lock().unwrap().lies = true;
    }

    /// A commit with a settlement of this cost fails.
    pub(crate) fn refuse(&self, cost: u64) {
        self.how.lock().unwrap().poison = Some(cost);
    }

    /// The next commit waits until the gate is opened or dropped.
    pub(crate) fn close_gate(&self) -> Sender<()> {
        let (open, gate) = channel();
        self.how.lock().unwrap().gate = Some(gate);
        open
    }

    /// Whether a commit waits at the gate.
    pub(crate) fn is_waiting(&self) -> bool {
        self.how.lock().unwrap().gate.is_none()
    }

    pub(crate) fn commits(&self) -> u64 {
        self.how.lock().unwrap().commits
    }

    /// Commits that failed.
    pub(crate) fn refused(&self) -> u64 {
        self.how.lock().unwrap().refused
    }

    /// What is settled by the entries, which is what an auditor adds up.
    pub(crate) fn settled(&self) -> u64 {
        let store = self.store.lock().unwrap();
        let costs = store.entries().iter().filter_map(|entry| match &entry.what {
            What::Settled { settlement, .. } => Some(settlement.cost.0),
            _ => None,
        });
        costs.sum()
    }
}

impl Store for Disk {
    fn load(&mut self) -> Result<Image, StoreError> {
        match self.how.lock().unwrap().unreadable {
            true => Err(io_error()),
            false => self.store.lock().unwrap().load(),
        }
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let gate = self.how.lock().unwrap().gate.take();
        if let Some(gate) = gate {
            // An error is a gate that was dropped: open as well.
            let _ = gate.recv();
        }
        let mut how = self.how.lock().unwrap();
        let is_poison = |change: &Change| match change {
            Change::Entry(entry) => match &entry.what {
                What::Settled { settlement, .. } => Some(settlement.cost.0) == how.poison,
                _ => false,
            },
            _ => false,
        };
        if how.fails {
            how.refused += 1;
            return Err(io_error());
        }
        if changes.iter().any(is_poison) {
            let (table, key) = ("settlement", "entry 1".to_owned());
            let fault = Fault::Record { table, key, why: "cannot be kept".to_owned() };
            return Err(StoreError { path: None, fault });
        }
        how.commits += 1;
        self.store.lock().unwrap().commit(changes)?;
        match std::mem::take(&mut how.lies) {
            true => Err(io_error()),
            false => Ok(()),
        }
    }
}

fn io_error() -> StoreError {
    StoreError { path: None, fault: Fault::Io("the disk is gone".to_owned()) }
}
