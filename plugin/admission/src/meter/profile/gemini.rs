//! Gemini and Vertex: `usageMetadata`, with running totals on most documents of a stream.
//!
//! The prompt contains what was cached, but not what a tool added. Thoughts are beside the candidates'
//! tokens, in old versions among them; the total without the prompt is right for both.

use std::sync::{Arc, LazyLock};

use wire::usage::Kind;

use super::{Place, Reading, count, tree};
use crate::meter::counter::{Counter, Tally};
use crate::meter::counts::Counted;
use crate::meter::note::Note;
use crate::meter::role::{Label, List, Name, Role};
use crate::meter::tree::Tree;

const GENERATE: &[Place] = &[
    ("modelVersion", Role::Name(Name::Model)),
    ("responseId", Role::Name(Name::Id)),
    ("error", Role::Error),
    ("usageMetadata.promptTokenCount", count(Counter::Input)),
    ("usageMetadata.cachedContentTokenCount", count(Counter::CacheRead)),
    ("usageMetadata.candidatesTokenCount", count(Counter::Output)),
    ("usageMetadata.thoughtsTokenCount", count(Counter::Reasoning)),
    ("usageMetadata.toolUsePromptTokenCount", count(Counter::ToolInput)),
    ("usageMetadata.totalTokenCount", count(Counter::Total)),
    ("usageMetadata.trafficType", Role::Name(Name::TrafficType)),
    ("usageMetadata.serviceTier", Role::Name(Name::ServiceTier)),
    ("usageMetadata.promptTokensDetails.*", Role::Each(List::PromptModality)),
    ("usageMetadata.promptTokensDetails.*.modality", Role::Label(Label::Kind)),
    ("usageMetadata.promptTokensDetails.*.tokenCount", Role::Part(Counter::Input)),
    ("usageMetadata.cacheTokensDetails.*", Role::Each(List::CacheModality)),
    ("usageMetadata.cacheTokensDetails.*.modality", Role::Label(Label::Kind)),
    ("usageMetadata.cacheTokensDetails.*.tokenCount", Role::Part(Counter::Input)),
    ("usageMetadata.candidatesTokensDetails.*", Role::Each(List::OutputModality)),
    ("usageMetadata.candidatesTokensDetails.*.modality", Role::Label(Label::Kind)),
    ("usageMetadata.candidatesTokensDetails.*.tokenCount", Role::Part(Counter::Input)),
];

static TREE: LazyLock<Arc<Tree<Role>>> = LazyLock::new(|| tree(&[GENERATE]));

/// `generateContent` and its stream.
pub(super) fn generate() -> Reading {
    Reading::new(&TREE, rule)
}

fn rule(tally: &Tally) -> Counted {
    let mut counted = Counted::default();
    let prompt = tally.get(Counter::Input);
    let tool = tally.or_zero(Counter::ToolInput);
    let fresh = |all, cached| tally.or_zero(all).saturating_sub(tally.or_zero(cached));
    let audio = fresh(Counter::InputAudio, Counter::CacheAudio);
    let image = fresh(Counter::InputImage, Counter::CacheImage);
    let parts = [tally.or_zero(Counter::CacheRead), audio, image];
    let text = counted.remainder(prompt.unwrap_or_default(), &parts);
    counted.counts.add(Kind::Input, text.saturating_add(tool));
    counted.counts.add(Kind::InputAudio, audio);
    counted.counts.add(Kind::InputImage, image);
    counted.take(tally, Counter::CacheRead, Kind::CacheRead);
    let output = generated(tally, prompt.unwrap_or_default().saturating_add(tool), &mut counted);
    let parts = [tally.or_zero(Counter::OutputAudio), tally.or_zero(Counter::OutputImage)];
    let text = counted.remainder(output, &parts);
    counted.counts.add(Kind::Output, text);
    counted.take(tally, Counter::OutputAudio, Kind::OutputAudio);
    counted.take(tally, Counter::OutputImage, Kind::OutputImage);
    counted.reasoning = tally.or_zero(Counter::Reasoning).min(output);
    counted.complete = prompt.is_some();
    counted
}

fn generated(tally: &Tally, prompt: u128, counted: &mut Counted) -> u128 {
    let candidates = tally.or_zero(Counter::Output);
    let with_thoughts = candidates.saturating_add(tally.or_zero(Counter::Reasoning));
    match tally.get(Counter::Total) {
        None => with_thoughts,
        Some(total) => {
            let Some(generated) = total.checked_sub(prompt) else {
                counted.contradictory = true;
                counted.notes.push(Note::TotalDiffers);
                return with_thoughts;
            };
            if generated != candidates && generated != with_thoughts {
                counted.notes.push(Note::TotalDiffers);
            }
            generated
        }
    }
}
