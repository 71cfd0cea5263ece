//! Something costly that tests of one file use together, as long as one of them runs.
//!
//! A plain `static` is never dropped, and what it started would outlive the test: here the last user
//! drops it. Who comes after that makes a new one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A place for one `T` that several tests use.
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// An empty place.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The one that is there, or the one that `make` makes; others wait for it.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        // Whoever failed to make one has said so; the next tries for itself.
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        place.upgrade().unwrap_or_else(|| {
            let made = Arc::new(make());
            *place = Arc::downgrade(&made);
            made
        })
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_lives_as_long_as_it_is_used() {
        let place = Shared::new();
        let first = place.get(|| 1);
        assert_eq!(*place.get(|| 2), 1);
        drop(first);
        assert_eq!(*place.get(|| 3), 3);
    }
}
