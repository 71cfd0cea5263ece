//! Terms: which accounts a loan counts against.
//!
//! A term is found by its accounts: the same budgets in the same periods are the same term,
//! whatever came between (a budget that vanished and came back, a zone change). Terms are opened
//! when they are first needed, and never removed: a settlement may name one for as long as a call
//! can run.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::budget::Term;

use crate::money::account::AccountId;

/// The accounts of a term: the charged budget's first, then those above it. Never empty.
pub(super) type Path = Arc<[AccountId]>;

/// All terms.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    all: BTreeMap<Term, Path>,
    by_path: BTreeMap<Path, Term>,
}

impl Terms {
    /// The term of these accounts, opened if there is none. Says whether it was.
    pub(super) fn find_or_open(&mut self, path: &Path) -> (Term, bool) {
        if let Some(term) = self.by_path.get(path) {
            return (*term, false);
        }
        let last = self.all.last_key_value().map_or(0, |(term, _)| term.0);
        let term = Term(last + 1);
        self.put(term, Arc::clone(path));
        (term, true)
    }

    /// Puts a stored term in its place. Says whether that was free.
    #[must_use]
    pub(super) fn restore(&mut self, term: Term, path: Path) -> bool {
        let free = !self.all.contains_key(&term);
        if free {
            self.put(term, path);
        }
        free
    }

    fn put(&mut self, term: Term, path: Path) {
        assert!(!path.is_empty(), "a term has an account");
        // Of two terms of the same accounts the later one is used: a store need not give back all.
        let latest = self.by_path.entry(Arc::clone(&path)).or_insert(term);
        *latest = term.max(*latest);
        self.all.insert(term, path);
    }

    pub(super) fn path(&self, term: Term) -> Option<&Path> {
        self.all.get(&term)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Term, &Path)> {
        self.all.iter().map(|(term, path)| (*term, path))
    }
}
