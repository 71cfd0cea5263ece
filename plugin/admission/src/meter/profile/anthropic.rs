//! Anthropic's messages, and whoever follows the form.
//!
//! Prompt tokens are disjoint from cached ones. A stream reports at its start and again, cumulatively, at
//! its end; relays put zeros in either place, so of each counter the largest is true. Compaction and
//! other inferences on the side are not in the totals.

use std::sync::{Arc, LazyLock};

use wire::usage::Kind;

use super::{Ending, Place, Reading, count, tree};
use crate::meter::counter::{Counter, Merge, Tally};
use crate::meter::counts::Counted;
use crate::meter::role::{Field, Label, List, Name, Role};
use crate::meter::tree::Tree;

macro_rules! message {
    ($at:literal) => {
        &[
            (concat!($at, "id"), Role::Name(Name::Id)),
            (concat!($at, "model"), Role::Name(Name::Model)),
            (concat!($at, "usage.input_tokens"), count(Counter::Input)),
            (concat!($at, "usage.output_tokens"), count(Counter::Output)),
            (concat!($at, "usage.cache_read_input_tokens"), count(Counter::CacheRead)),
            (concat!($at, "usage.cache_creation_input_tokens"), count(Counter::CacheWrite)),
            (
                concat!($at, "usage.cache_creation.ephemeral_5m_input_tokens"),
                count(Counter::CacheWrite5m),
            ),
            (
                concat!($at, "usage.cache_creation.ephemeral_1h_input_tokens"),
                count(Counter::CacheWrite1h),
            ),
            (
                concat!($at, "usage.output_tokens_details.thinking_tokens"),
                count(Counter::Reasoning),
            ),
            (concat!($at, "usage.server_tool_use.web_search_requests"), count(Counter::WebSearch)),
            (concat!($at, "usage.service_tier"), Role::Name(Name::ServiceTier)),
            (concat!($at, "usage.speed"), Role::Name(Name::Speed)),
            (concat!($at, "usage.inference_geo"), Role::Name(Name::InferenceGeo)),
            (concat!($at, "usage.iterations.*"), Role::Each(List::Iterations)),
            (concat!($at, "usage.iterations.*.type"), Role::Label(Label::Kind)),
            (concat!($at, "usage.iterations.*.input_tokens"), Role::Part(Counter::Input)),
            (concat!($at, "usage.iterations.*.output_tokens"), Role::Part(Counter::Output)),
            (
                concat!($at, "usage.iterations.*.cache_read_input_tokens"),
                Role::Part(Counter::CacheRead),
            ),
            (
                concat!($at, "usage.iterations.*.cache_creation_input_tokens"),
                Role::Part(Counter::CacheWrite),
            ),
            (
                concat!($at, "usage.iterations.*.cache_creation.ephemeral_5m_input_tokens"),
                Role::Part(Counter::CacheWrite5m),
            ),
            (
                concat!($at, "usage.iterations.*.cache_creation.ephemeral_1h_input_tokens"),
                Role::Part(Counter::CacheWrite1h),
            ),
        ]
    };
}

/// The places of a message, whole or streamed.
pub(super) const MESSAGES: &[&[Place]] = &[
    message!(""),
    message!("message."),
    &[
        ("type", Role::Word(Field::Type)),
        ("delta.stop_reason", Role::Word(Field::StopReason)),
        ("error", Role::Error),
    ],
];

static TREE: LazyLock<Arc<Tree<Role>>> = LazyLock::new(|| tree(MESSAGES));

/// Messages.
pub(super) fn messages() -> Reading {
    Reading { merge: Merge::Max, ending: Ending::Said, ..Reading::new(&TREE, disjoint) }
}

/// All counters are disjoint already.
pub(super) fn disjoint(tally: &Tally) -> Counted {
    let mut counted = Counted::default();
    counted.take(tally, Counter::Input, Kind::Input);
    counted.take(tally, Counter::SideInput, Kind::Input);
    counted.take(tally, Counter::CacheRead, Kind::CacheRead);
    counted.take(tally, Counter::SideCacheRead, Kind::CacheRead);
    counted.cache_writes(tally);
    counted.take(tally, Counter::SideCacheWrite5m, Kind::CacheWrite5m);
    counted.take(tally, Counter::SideCacheWrite1h, Kind::CacheWrite1h);
    counted.take(tally, Counter::Output, Kind::Output);
    counted.take(tally, Counter::SideOutput, Kind::Output);
    counted.take(tally, Counter::WebSearch, Kind::WebSearch);
    counted.reasoning = tally.or_zero(Counter::Reasoning).min(tally.or_zero(Counter::Output));
    counted.complete = tally.get(Counter::Input).is_some() && tally.get(Counter::Output).is_some();
    counted
}
