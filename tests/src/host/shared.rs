//! Shared data: what all VMs of one Envoy see, with compare-and-swap, as Envoy 1.40 has it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::abi::Status;

/// The shared data of one Envoy. Copies are the same data.
#[derive(Clone, Debug, Default)]
pub struct SharedData(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    entries: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    /// What is kept under `key`.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Vec<u8>> {
        self.get(key.as_bytes()).ok().map(|(value, _)| value)
    }

    /// How many keys there are; Envoy never forgets one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.with(|table| table.entries.len())
    }

    /// Whether nobody has written anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.with(|table| table.entries.get(key).cloned()).ok_or(Status::NOT_FOUND)
    }

    /// `cas` 0 writes whatever is there; another one writes an absent key, too.
    pub(super) fn set(&self, key: &[u8], value: &[u8], cas: u32) -> Result<(), Status> {
        self.with(|table| {
            let present = table.entries.get(key).map(|(_, cas)| *cas);
            if cas != 0 && present.is_some_and(|present| present != cas) {
                return Err(Status::CAS_MISMATCH);
            }
            table.last_cas = table.last_cas.checked_add(1).unwrap_or(1);
            let entry = (value.to_vec(), table.last_cas);
            table.entries.insert(key.to_vec(), entry);
            Ok(())
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Table) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
