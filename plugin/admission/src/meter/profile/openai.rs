//! OpenAI, and the many that answer in its form.
//!
//! Prompt tokens contain what was cached, read or written, and what was sound or pictures. Generated
//! tokens contain those of reasoning, unless the total says otherwise.

use std::sync::{Arc, LazyLock};

use wire::usage::Kind;

use super::{Ending, Place, Reading, count, tree};
use crate::meter::counter::{Counter, Merge, Tally};
use crate::meter::counts::Counted;
use crate::meter::note::Note;
use crate::meter::role::{Field, Label, List, Name, Role};
use crate::meter::tree::Tree;

/// The `usage` of chat completions.
macro_rules! chat_usage {
    ($at:literal) => {
        &[
            (concat!($at, ".prompt_tokens"), count(Counter::Input)),
            (concat!($at, ".completion_tokens"), count(Counter::Output)),
            (concat!($at, ".total_tokens"), count(Counter::Total)),
            (concat!($at, ".cached_tokens"), count(Counter::CacheRead)),
            (concat!($at, ".prompt_cache_hit_tokens"), count(Counter::CacheRead)),
            (concat!($at, ".prompt_cache_miss_tokens"), count(Counter::CacheMiss)),
            (concat!($at, ".cache_write_tokens"), count(Counter::CacheWrite)),
            (concat!($at, ".prompt_tokens_details.cached_tokens"), count(Counter::CacheRead)),
            (concat!($at, ".prompt_tokens_details.cache_write_tokens"), count(Counter::CacheWrite)),
            (concat!($at, ".prompt_tokens_details.audio_tokens"), count(Counter::InputAudio)),
            (concat!($at, ".prompt_tokens_details.image_tokens"), count(Counter::InputImage)),
            (
                concat!($at, ".completion_tokens_details.reasoning_tokens"),
                count(Counter::Reasoning),
            ),
            (concat!($at, ".completion_tokens_details.audio_tokens"), count(Counter::OutputAudio)),
            (concat!($at, ".completion_tokens_details.image_tokens"), count(Counter::OutputImage)),
        ]
    };
}

/// The `usage` of responses.
macro_rules! responses_usage {
    ($at:literal) => {
        &[
            (concat!($at, ".input_tokens"), count(Counter::Input)),
            (concat!($at, ".output_tokens"), count(Counter::Output)),
            (concat!($at, ".total_tokens"), count(Counter::Total)),
            (concat!($at, ".input_tokens_details.cached_tokens"), count(Counter::CacheRead)),
            (concat!($at, ".input_tokens_details.cache_write_tokens"), count(Counter::CacheWrite)),
            (concat!($at, ".output_tokens_details.reasoning_tokens"), count(Counter::Reasoning)),
            (concat!($at, ".cost_in_usd_ticks"), count(Counter::CostTicks)),
        ]
    };
}

/// What a response says besides.
macro_rules! response {
    ($at:literal) => {
        &[
            (concat!($at, "id"), Role::Name(Name::Id)),
            (concat!($at, "model"), Role::Name(Name::Model)),
            (concat!($at, "service_tier"), Role::Name(Name::ServiceTier)),
            (concat!($at, "tool_usage.web_search.num_requests"), count(Counter::WebSearch)),
            (concat!($at, "output.*"), Role::Each(List::OutputItems)),
            (concat!($at, "output.*.type"), Role::Label(Label::Kind)),
            (concat!($at, "output.*.action.type"), Role::Label(Label::Action)),
        ]
    };
}

const ANSWER: &[Place] = &[
    ("id", Role::Name(Name::Id)),
    ("model", Role::Name(Name::Model)),
    ("service_tier", Role::Name(Name::ServiceTier)),
    ("error", Role::Error),
    ("error.code", Role::Word(Field::ErrorCode)),
];

/// Moonshot puts usage into the first choice, Groq's older streams into an object of its own.
const CHAT: &[&[Place]] =
    &[ANSWER, chat_usage!("usage"), chat_usage!("choices.0.usage"), chat_usage!("x_groq.usage")];

/// Its errors come as an event; in a response, `error` belongs to one that has its usage all the same.
const RESPONSES: &[&[Place]] = &[
    response!(""),
    response!("response."),
    responses_usage!("usage"),
    responses_usage!("response.usage"),
    &[
        ("type", Role::Word(Field::Type)),
        ("item.type", Role::Word(Field::ItemType)),
        ("item.action.type", Role::Word(Field::ItemAction)),
        ("error.code", Role::Word(Field::ErrorCode)),
    ],
];

const MEDIA: &[Place] = &[
    ("usage.input_tokens", count(Counter::Input)),
    ("usage.output_tokens", count(Counter::Output)),
    ("usage.total_tokens", count(Counter::Total)),
    ("usage.input_tokens_details.cached_tokens", count(Counter::CacheRead)),
    ("usage.input_tokens_details.image_tokens", count(Counter::InputImage)),
    ("usage.output_tokens_details.text_tokens", count(Counter::OutputText)),
    ("usage.input_token_details.audio_tokens", count(Counter::InputAudio)),
    ("usage.seconds", count(Counter::AudioSecond)),
];

const OPENROUTER: &[Place] = &[
    ("usage.cost", count(Counter::Cost)),
    ("usage.is_byok", count(Counter::IsByok)),
    ("usage.cost_details.upstream_inference_cost", count(Counter::UpstreamCost)),
];

const PERPLEXITY: &[Place] = &[
    ("usage.cost.total_cost", count(Counter::Cost)),
    ("usage.reasoning_tokens", count(Counter::Reasoning)),
    ("usage.num_search_queries", count(Counter::WebSearch)),
];

const MISTRAL: &[Place] = &[
    ("usage.prompt_audio_seconds", count(Counter::AudioSecond)),
    ("usage_info.pages_processed", count(Counter::Unit)),
];

const XAI: &[Place] = &[
    ("error", Role::Error),
    ("usage.cost_in_usd_ticks", count(Counter::CostTicks)),
    ("choices.0.usage.cost_in_usd_ticks", count(Counter::CostTicks)),
];

const DASHSCOPE: &[Place] = &[
    ("request_id", Role::Name(Name::Id)),
    ("usage.input_tokens", count(Counter::Input)),
    ("usage.output_tokens", count(Counter::Output)),
    ("usage.total_tokens", count(Counter::Total)),
    ("usage.prompt_tokens_details.cached_tokens", count(Counter::CacheRead)),
    ("usage.output_tokens_details.reasoning_tokens", count(Counter::Reasoning)),
];

type Places = LazyLock<Arc<Tree<Role>>>;

static CHAT_TREE: Places = LazyLock::new(|| tree(CHAT));
static RESPONSES_TREE: Places = LazyLock::new(|| tree(RESPONSES));
static MEDIA_TREE: Places = LazyLock::new(|| tree(&[ANSWER, MEDIA]));
static MISTRAL_TREE: Places = LazyLock::new(|| tree(&[ANSWER, chat_usage!("usage"), MISTRAL]));
static DEEPSEEK_TREE: Places = LazyLock::new(|| tree(&[ANSWER, chat_usage!("usage")]));
static DASHSCOPE_TREE: Places = LazyLock::new(|| tree(&[DASHSCOPE]));
static OPENROUTER_TREE: Places =
    LazyLock::new(|| tree(&[ANSWER, chat_usage!("usage"), OPENROUTER]));
static PERPLEXITY_TREE: Places =
    LazyLock::new(|| tree(&[ANSWER, chat_usage!("usage"), PERPLEXITY]));
static XAI_TREE: Places = LazyLock::new(|| {
    let both = [CHAT, RESPONSES, &[XAI]];
    tree(&both.concat())
});

/// Chat completions and embeddings, of whoever follows the form.
pub(super) fn chat() -> Reading {
    Reading { bills_refusals: true, ..Reading::new(&CHAT_TREE, tokens) }
}

/// Responses: usage is on the last event, whether the response was completed, incomplete or failed.
pub(super) fn responses() -> Reading {
    Reading { ending: Ending::Said, bills_refusals: true, ..Reading::new(&RESPONSES_TREE, tokens) }
}

/// Images.
pub(super) fn images() -> Reading {
    Reading { ending: Ending::Usage, ..Reading::new(&MEDIA_TREE, pictures) }
}

/// Transcriptions and speech.
pub(super) fn audio() -> Reading {
    Reading { ending: Ending::Usage, ..Reading::new(&MEDIA_TREE, tokens) }
}

/// Mistral: chat, and OCR by pages.
pub(super) fn mistral() -> Reading {
    Reading::new(&MISTRAL_TREE, tokens)
}

/// DeepSeek: what the cache had and had not, besides or instead of the details.
pub(super) fn deepseek() -> Reading {
    Reading::new(&DEEPSEEK_TREE, tokens)
}

/// DashScope's own API.
pub(super) fn dashscope() -> Reading {
    Reading::new(&DASHSCOPE_TREE, tokens)
}

/// OpenRouter: states the cost.
pub(super) fn openrouter() -> Reading {
    Reading::new(&OPENROUTER_TREE, tokens)
}

/// Perplexity: states the cost; reasoning is counted apart.
pub(super) fn perplexity() -> Reading {
    Reading::new(&PERPLEXITY_TREE, reasoning_apart)
}

/// xAI: chat and responses; states the cost.
pub(super) fn xai() -> Reading {
    Reading { merge: Merge::Last, ..Reading::new(&XAI_TREE, tokens) }
}

fn tokens(tally: &Tally) -> Counted {
    let mut counted = Counted::default();
    let output = prompt_and_output(tally, &mut counted);
    counted.reasoning = tally.or_zero(Counter::Reasoning).min(output);
    let parts = [tally.or_zero(Counter::OutputAudio), tally.or_zero(Counter::OutputImage)];
    let text = counted.remainder(output, &parts);
    counted.counts.add(Kind::Output, text);
    counted.take(tally, Counter::OutputAudio, Kind::OutputAudio);
    counted.take(tally, Counter::OutputImage, Kind::OutputImage);
    counted
}

/// Where all that is generated are pictures, but for what is said to be text.
fn pictures(tally: &Tally) -> Counted {
    let mut counted = Counted::default();
    let output = prompt_and_output(tally, &mut counted);
    let text = tally.or_zero(Counter::OutputText);
    let pictures = counted.remainder(output, &[text]);
    counted.counts.add(Kind::OutputImage, pictures);
    counted.counts.add(Kind::Output, text);
    counted
}

/// Where reasoning is beside the generated tokens, not among them.
fn reasoning_apart(tally: &Tally) -> Counted {
    let mut beside = *tally;
    beside.clear(Counter::Reasoning);
    let mut counted = tokens(&beside);
    counted.take(tally, Counter::Reasoning, Kind::OutputReasoning);
    counted
}

/// Counts the prompt, and returns how many tokens were generated.
fn prompt_and_output(tally: &Tally, counted: &mut Counted) -> u128 {
    let hits_and_misses = tally
        .get(Counter::CacheMiss)
        .map(|misses| misses.saturating_add(tally.or_zero(Counter::CacheRead)));
    let prompt = tally.get(Counter::Input).or(hits_and_misses);
    let parts = [
        tally.or_zero(Counter::CacheRead),
        tally.or_zero(Counter::CacheWrite),
        tally.or_zero(Counter::InputAudio),
        tally.or_zero(Counter::InputImage),
    ];
    let text = counted.remainder(prompt.unwrap_or_default(), &parts);
    counted.counts.add(Kind::Input, text);
    counted.take(tally, Counter::CacheRead, Kind::CacheRead);
    counted.take(tally, Counter::CacheWrite, Kind::CacheWrite);
    counted.take(tally, Counter::InputAudio, Kind::InputAudio);
    counted.take(tally, Counter::InputImage, Kind::InputImage);
    counted.take(tally, Counter::AudioSecond, Kind::AudioSecond);
    counted.take(tally, Counter::Unit, Kind::Unit);
    let searches = tally.get(Counter::WebSearch).unwrap_or(tally.or_zero(Counter::SearchesSeen));
    counted.counts.add(Kind::WebSearch, searches);
    let output = generated(tally, prompt, counted);
    let in_tokens = prompt.is_some() && output.is_some();
    let otherwise = [Counter::AudioSecond, Counter::Unit, Counter::Cost, Counter::CostTicks];
    counted.complete = in_tokens || otherwise.iter().any(|one| tally.get(*one).is_some());
    output.unwrap_or_default()
}

/// The generated tokens; the total decides whether those of reasoning are among them.
fn generated(tally: &Tally, prompt: Option<u128>, counted: &mut Counted) -> Option<u128> {
    let (output, total) = (tally.get(Counter::Output), tally.get(Counter::Total));
    let Some((total, prompt)) = total.zip(prompt) else { return output };
    let beyond_prompt = total.saturating_sub(prompt);
    let Some(output) = output else { return Some(beyond_prompt) };
    let with_reasoning = output.saturating_add(tally.or_zero(Counter::Reasoning));
    let sum = |generated: u128| prompt.saturating_add(generated);
    if total == sum(output) {
        return Some(output);
    }
    if total == sum(with_reasoning) {
        return Some(with_reasoning);
    }
    // Some count what they do not show, as Gemini does behind its OpenAI form: the total has it.
    counted.notes.push(Note::TotalDiffers);
    Some(output.max(beyond_prompt))
}
