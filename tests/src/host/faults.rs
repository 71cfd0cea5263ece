//! Host calls that fail on demand.

use std::collections::BTreeMap;

use super::abi::Status;

/// Which occurrences of a host call fail.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum When {
    /// All.
    Always,
    /// The `n`th from the moment the fault was set, counted from 1, and no other.
    Nth(u64),
}

/// What is to go wrong.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults(BTreeMap<String, Fault>);

#[derive(Clone, Debug)]
struct Fault {
    status: Status,
    when: When,
    seen: u64,
}

impl Faults {
    pub(super) fn set(&mut self, call: &str, status: Status, when: When) {
        let fault = Fault { status, when, seen: 0 };
        self.0.insert(call.to_owned(), fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What this occurrence of `call` returns instead of being done. [`Status::OK`] is a fault like
    /// any other: success that was not.
    pub(super) fn strike(&mut self, call: &str) -> Option<Status> {
        let fault = self.0.get_mut(call)?;
        fault.seen += 1;
        match fault.when {
            When::Always => Some(fault.status),
            When::Nth(n) => (fault.seen == n).then_some(fault.status),
        }
    }
}
