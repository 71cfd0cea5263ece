//! The fixed set of Envoy statistics, defined once for each root context.

use admission::counters::{Counters, NAMES};

use crate::host;

/// The ids that Envoy gave; `None` where it refused one.
pub(crate) struct Metrics(Vec<Option<u32>>);

impl Metrics {
    pub(crate) fn define() -> Self {
        Self(NAMES.iter().map(|name| host::define_counter(name).ok()).collect())
    }

    /// Hands over what was counted since the last time.
    pub(crate) fn flush(&self, counters: &Counters) {
        for (place, count) in counters.take() {
            if let Some(Some(id)) = self.0.get(place) {
                let _ = host::increment(*id, count);
            }
        }
    }
}
