//! Bedrock: Converse, and InvokeModel with the vendor's own body inside.
//!
//! The model is in the path, not in the answer. Input tokens exclude what was cached, for some families
//! of models they include it; Converse's total tells. InvokeModel's stream repeats at its end what the
//! vendor's documents said, and its headers are all there is where the vendor's body says nothing.

use std::sync::{Arc, LazyLock};

use wire::usage::Kind;

use super::{Ending, Place, Reading, anthropic, count, tree};
use crate::meter::counter::{Counter, Merge, Tally};
use crate::meter::counts::Counted;
use crate::meter::note::Note;
use crate::meter::role::{Label, List, Name, Role};
use crate::meter::tree::Tree;

macro_rules! converse_usage {
    ($at:literal) => {
        &[
            (concat!($at, ".inputTokens"), count(Counter::Input)),
            (concat!($at, ".outputTokens"), count(Counter::Output)),
            (concat!($at, ".totalTokens"), count(Counter::Total)),
            (concat!($at, ".cacheReadInputTokens"), count(Counter::CacheRead)),
            (concat!($at, ".cacheReadInputTokenCount"), count(Counter::CacheRead)),
            (concat!($at, ".cacheWriteInputTokens"), count(Counter::CacheWrite)),
            (concat!($at, ".cacheWriteInputTokenCount"), count(Counter::CacheWrite)),
            (concat!($at, ".cacheDetails.*"), Role::Each(List::CacheDetails)),
            (concat!($at, ".cacheDetails.*.ttl"), Role::Label(Label::Kind)),
            (concat!($at, ".cacheDetails.*.inputTokens"), Role::Part(Counter::Input)),
        ]
    };
}

const CONVERSE: &[Place] = &[("serviceTier.type", Role::Name(Name::ServiceTier))];

/// What ends a stream of InvokeModel, and vendors other than Anthropic.
const INVOKE: &[Place] = &[
    ("amazon-bedrock-invocationMetrics", Role::Final),
    ("amazon-bedrock-invocationMetrics.inputTokenCount", count(Counter::Input)),
    ("amazon-bedrock-invocationMetrics.outputTokenCount", count(Counter::Output)),
    ("amazon-bedrock-invocationMetrics.cacheReadInputTokenCount", count(Counter::CacheRead)),
    ("amazon-bedrock-invocationMetrics.cacheWriteInputTokenCount", count(Counter::CacheWrite)),
    ("usage.prompt_tokens", count(Counter::Input)),
    ("usage.completion_tokens", count(Counter::Output)),
    ("prompt_token_count", count(Counter::Input)),
    ("generation_token_count", count(Counter::Output)),
    ("inputTextTokenCount", count(Counter::Input)),
    ("results.0.tokenCount", count(Counter::Output)),
];

static CONVERSE_TREE: LazyLock<Arc<Tree<Role>>> =
    LazyLock::new(|| tree(&[converse_usage!("usage"), CONVERSE]));

static INVOKE_TREE: LazyLock<Arc<Tree<Role>>> = LazyLock::new(|| {
    let vendors: &[&[Place]] =
        &[INVOKE, converse_usage!("usage"), converse_usage!("metadata.usage")];
    tree(&[anthropic::MESSAGES, vendors].concat())
});

/// `Converse` and `ConverseStream`.
pub(super) fn converse() -> Reading {
    Reading { ending: Ending::Usage, ..Reading::new(&CONVERSE_TREE, by_total) }
}

/// `InvokeModel` and `InvokeModelWithResponseStream`.
pub(super) fn invoke() -> Reading {
    Reading {
        merge: Merge::Max,
        ending: Ending::Said,
        nested: true,
        ..Reading::new(&INVOKE_TREE, by_total)
    }
}

/// The total says whether what was cached is among the input.
fn by_total(tally: &Tally) -> Counted {
    let mut counted = anthropic::disjoint(tally);
    let get = |counter| tally.or_zero(counter);
    let split = get(Counter::CacheWrite5m).saturating_add(get(Counter::CacheWrite1h));
    let written = get(Counter::CacheWrite).max(split);
    let cached = get(Counter::CacheRead).saturating_add(written);
    let inclusive = get(Counter::Input).saturating_add(get(Counter::Output));
    match tally.get(Counter::Total) {
        None => {}
        Some(total) if total == inclusive.saturating_add(cached) => {}
        Some(total) if total == inclusive => {
            let input = counted.remainder(get(Counter::Input), &[cached]);
            let drop = get(Counter::Input).saturating_sub(input);
            counted.counts.remove(Kind::Input, drop);
        }
        Some(_) => counted.notes.push(Note::TotalDiffers),
    }
    counted
}
