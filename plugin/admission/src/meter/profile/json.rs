//! Any JSON answer, at the places that policy names: they count in our kinds, as they stand.

use std::sync::Arc;

use wire::usage::{JsonUsage, Kind};

use super::{Ending, Reading};
use crate::meter::counter::{Counter, Merge, Tally};
use crate::meter::counts::Counted;
use crate::meter::role::{Name, Role};
use crate::meter::tree::Tree;

/// The reading of these places.
pub(super) fn places(usage: &JsonUsage) -> Reading {
    let counts = usage
        .counts
        .iter()
        .filter_map(|(kind, path)| Some((path.as_str(), Role::Count(Counter::of(*kind)?))));
    let cost = usage.cost.as_deref().map(|path| (path, Role::Count(Counter::Cost)));
    let model = usage.model.as_deref().map(|path| (path, Role::Name(Name::Model)));
    Reading {
        tree: Arc::new(Tree::new(counts.chain(cost).chain(model))),
        merge: Merge::Last,
        ending: Ending::OfStream,
        rule,
        nested: false,
        bills_refusals: false,
    }
}

fn rule(tally: &Tally) -> Counted {
    let mut counted = Counted::default();
    for kind in Kind::ALL {
        if let Some(counter) = Counter::of(*kind) {
            counted.take(tally, counter, *kind);
        }
    }
    counted.complete = !tally.is_empty();
    counted
}
