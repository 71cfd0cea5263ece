//! Envoy's metrics with their odd rules, as seen on Envoy 1.40.
//!
//! Defining a name again gives another id for the same metric; a counter refuses an increment of zero
//! or less; recording a counter adds to it; a histogram can be neither incremented nor read.

use std::collections::BTreeMap;

use super::abi::Status;

/// What one VM has counted.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    ids: BTreeMap<u32, String>,
    values: BTreeMap<String, u64>,
    recorded: BTreeMap<String, Vec<u64>>,
    defined: [u32; 3],
}

const COUNTER: u32 = 0;
const GAUGE: u32 = 1;
const HISTOGRAM: u32 = 2;
/// The low bits of an id are the kind.
const KIND_BITS: u32 = 2;

impl Metrics {
    /// The value of a counter or gauge; 0 when it has not been counted, or not even been defined.
    #[must_use]
    pub fn value(&self, name: &str) -> u64 {
        self.values.get(name).copied().unwrap_or(0)
    }

    /// What has been recorded in a histogram.
    #[must_use]
    pub fn recorded(&self, name: &str) -> &[u64] {
        self.recorded.get(name).map_or(&[], Vec::as_slice)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ids.values().map(String::as_str).collect::<std::collections::BTreeSet<_>>().into_iter()
    }

    /// How many times any metric was defined: Envoy keeps an entry for each, for ever.
    #[must_use]
    pub fn definitions(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn define(&mut self, kind: u32, name: String) -> Result<u32, Status> {
        let defined = self.defined.get_mut(kind as usize);
        let index = defined.ok_or(Status::BAD_ARGUMENT)?;
        *index += 1;
        let id = (*index << KIND_BITS) | kind;
        self.ids.insert(id, name);
        Ok(id)
    }

    pub(super) fn increment(&mut self, id: u32, offset: i64) -> Result<(), Status> {
        let name = self.name(id)?;
        match kind(id) {
            COUNTER if offset > 0 => {}
            GAUGE => {}
            _ => return Err(Status::BAD_ARGUMENT),
        }
        let value = self.values.entry(name).or_default();
        *value = value.wrapping_add_signed(offset);
        Ok(())
    }

    pub(super) fn record(&mut self, id: u32, value: u64) -> Result<(), Status> {
        let name = self.name(id)?;
        match kind(id) {
            COUNTER => *self.values.entry(name).or_default() += value,
            GAUGE => *self.values.entry(name).or_default() = value,
            _ => self.recorded.entry(name).or_default().push(value),
        }
        Ok(())
    }

    pub(super) fn get(&self, id: u32) -> Result<u64, Status> {
        let name = self.name(id)?;
        if kind(id) == HISTOGRAM {
            return Err(Status::BAD_ARGUMENT);
        }
        Ok(self.value(&name))
    }

    fn name(&self, id: u32) -> Result<String, Status> {
        self.ids.get(&id).cloned().ok_or(Status::NOT_FOUND)
    }
}

fn kind(id: u32) -> u32 {
    id & ((1 << KIND_BITS) - 1)
}
