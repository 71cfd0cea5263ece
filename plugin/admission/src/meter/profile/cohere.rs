//! Cohere: `billed_units`, which leave out what it does not bill (its own preamble); `tokens` have it.

use std::sync::{Arc, LazyLock};

use wire::usage::Kind;

use super::{Ending, Place, Reading, count, tree};
use crate::meter::counter::{Counter, Tally};
use crate::meter::counts::Counted;
use crate::meter::role::{Name, Role};
use crate::meter::tree::Tree;

/// An answer has tokens, or units of one sort.
macro_rules! billed_units {
    ($at:literal) => {
        &[
            (concat!($at, ".billed_units.input_tokens"), count(Counter::Input)),
            (concat!($at, ".billed_units.output_tokens"), count(Counter::Output)),
            (concat!($at, ".billed_units.image_tokens"), count(Counter::InputImage)),
            (concat!($at, ".billed_units.search_units"), count(Counter::Unit)),
            (concat!($at, ".billed_units.classifications"), count(Counter::Unit)),
            (concat!($at, ".billed_units.images"), count(Counter::Unit)),
            (concat!($at, ".billed_units.pages"), count(Counter::Unit)),
        ]
    };
}

const ANSWER: &[Place] = &[("id", Role::Name(Name::Id)), ("model", Role::Name(Name::Model))];

static TREE: LazyLock<Arc<Tree<Role>>> = LazyLock::new(|| {
    tree(&[
        ANSWER,
        billed_units!("usage"),
        billed_units!("meta"),
        billed_units!("delta.usage"),
        billed_units!("response.meta"),
    ])
});

/// Chat, rerank, embed, classify.
pub(super) fn billed_units() -> Reading {
    Reading { ending: Ending::Usage, ..Reading::new(&TREE, rule) }
}

fn rule(tally: &Tally) -> Counted {
    let mut counted = Counted::default();
    counted.take(tally, Counter::Input, Kind::Input);
    counted.take(tally, Counter::InputImage, Kind::InputImage);
    counted.take(tally, Counter::Output, Kind::Output);
    counted.take(tally, Counter::Unit, Kind::Unit);
    counted.complete = !tally.is_empty();
    counted
}
