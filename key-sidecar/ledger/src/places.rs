//! Concurrency: places, which are lent and come back, and are never used up.
//!
//! Invariant: `level == places - lent - held`, or nothing where a lowered number of places has been
//! lent already. What is lent and held is the owner's knowledge, and comes with each call.

/// The places of one limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    places: u64,
}

impl Places {
    pub(crate) const fn new(places: u64) -> Self {
        Self { places }
    }

    pub(crate) const fn places(self) -> u64 {
        self.places
    }

    /// Says whether that is a change.
    pub(crate) fn redefine(&mut self, places: u64) -> bool {
        std::mem::replace(&mut self.places, places) != places
    }

    pub(crate) const fn level(self, out: u64) -> u64 {
        self.places.saturating_sub(out)
    }
}
