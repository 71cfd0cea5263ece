//! What the APIs report and how it is to be understood: for each profile the places in its answers, and
//! the rule that makes disjoint kinds of its counters.
//!
//! One file for each family. Which counter contains which is settled by the report's own total where it
//! has one, and by the profile otherwise; never by the model's name.

use std::sync::{Arc, LazyLock};

use wire::usage::{JsonUsage, Profile};

use super::counter::{Counter, Merge, Tally};
use super::counts::Counted;
use super::role::Role;
use super::tree::Tree;

mod anthropic;
mod bedrock;
mod cohere;
mod gemini;
mod json;
mod openai;

/// A place in an answer, as dotted path, and what it is for.
type Place = (&'static str, Role);

/// How an API reports.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    /// The places.
    pub(crate) tree: Arc<Tree<Role>>,
    /// How documents of one stream add up.
    pub(crate) merge: Merge,
    /// What says that a stream's report is whole.
    pub(crate) ending: Ending,
    /// Makes disjoint kinds of what was reported.
    pub(crate) rule: fn(&Tally) -> Counted,
    /// Messages carry documents in base64.
    pub(crate) nested: bool,
    /// A 400 that names the content filter may be billed, and a 408.
    pub(crate) bills_refusals: bool,
}

/// What says that the usage of a stream is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ending {
    /// That the stream ended by itself.
    OfStream,
    /// A document that says so: there are placeholders before.
    Said,
    /// That there is usage: it comes once, at the end.
    Usage,
}

impl Reading {
    /// As this API does.
    pub(crate) fn of(profile: Profile) -> Self {
        match profile {
            Profile::OpenaiChat | Profile::OpenaiEmbeddings => openai::chat(),
            Profile::Mistral => openai::mistral(),
            Profile::Deepseek => openai::deepseek(),
            Profile::Xai => openai::xai(),
            Profile::Openrouter => openai::openrouter(),
            Profile::Perplexity => openai::perplexity(),
            Profile::OpenaiResponses => openai::responses(),
            Profile::OpenaiImages => openai::images(),
            Profile::OpenaiAudio => openai::audio(),
            Profile::Dashscope => openai::dashscope(),
            Profile::AnthropicMessages => anthropic::messages(),
            Profile::Gemini => gemini::generate(),
            Profile::BedrockConverse => bedrock::converse(),
            Profile::BedrockInvoke => bedrock::invoke(),
            Profile::Cohere => cohere::billed_units(),
        }
    }

    /// At the places that policy names.
    pub(crate) fn of_json(usage: &JsonUsage) -> Self {
        json::places(usage)
    }

    /// The usual: running totals, of which the last one counts.
    fn new(tree: &LazyLock<Arc<Tree<Role>>>, rule: fn(&Tally) -> Counted) -> Self {
        Self {
            tree: Arc::clone(tree),
            merge: Merge::Last,
            ending: Ending::OfStream,
            rule,
            nested: false,
            bills_refusals: false,
        }
    }
}

/// The tree of several tables.
fn tree(tables: &[&[Place]]) -> Arc<Tree<Role>> {
    Arc::new(Tree::new(tables.iter().copied().flatten().copied()))
}

const fn count(counter: Counter) -> Role {
    Role::Count(counter)
}
