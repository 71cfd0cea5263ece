//! What places in an answer are for: numbers, names, words that say what a document is, lists.

use super::counter::Counter;

/// What a place in an answer is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// A number to keep.
    Count(Counter),
    /// A name to keep.
    Name(Name),
    /// A word that says what the document is.
    Word(Field),
    /// It says that something failed, if it is not `null`.
    Error,
    /// Its presence says that the usage is whole.
    Final,
    /// An element of a list, each of which says what it counts.
    Each(List),
    /// What the element is.
    Label(Label),
    /// A number in the element.
    Part(Counter),
    /// A document in base64.
    Nested,
}

/// Texts of the answer that are kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Name {
    /// The model that served.
    Model,
    /// The provider's id of the answer.
    Id,
    /// `service_tier=`, `serviceTier=`: how it was served.
    ServiceTier,
    /// `trafficType=`, of Vertex.
    TrafficType,
    /// `speed=`, of Anthropic.
    Speed,
    /// `inference_geo=`, of Anthropic.
    InferenceGeo,
}

/// Words that say what a document is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Field {
    /// Its type.
    Type,
    /// Why generation stopped.
    StopReason,
    /// What went wrong.
    ErrorCode,
    /// What the item is that it tells of.
    ItemType,
    /// What that item did.
    ItemAction,
}

/// What an element of a list says of itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Label {
    /// Its kind.
    Kind,
    /// What it did.
    Action,
}

/// Lists whose elements count something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum List {
    /// Anthropic's iterations: some are in the totals, some are not.
    Iterations,
    /// Bedrock's cache writes by lifetime.
    CacheDetails,
    /// Gemini's prompt tokens by modality.
    PromptModality,
    /// Gemini's cached tokens by modality.
    CacheModality,
    /// Gemini's generated tokens by modality.
    OutputModality,
    /// The items of OpenAI's responses.
    OutputItems,
}

/// The words that mean something to a rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Word {
    /// `error`.
    Error,
    /// `message_delta`.
    MessageDelta,
    /// `message_stop`.
    MessageStop,
    /// `response.completed`, `response.incomplete` or `response.failed`.
    ResponseEnd,
    /// `response.output_item.done`.
    ItemDone,
    /// `web_search_call`.
    WebSearchCall,
    /// `search`.
    Search,
    /// `compaction` or `advisor_message`.
    SideInference,
    /// `1h`.
    OneHour,
    /// `AUDIO`.
    Audio,
    /// `IMAGE`.
    Image,
    /// `content_filter`.
    ContentFilter,
    /// Any other.
    Other,
}

impl Word {
    /// The word that this is.
    pub(super) const fn of(bytes: &[u8]) -> Self {
        match bytes {
            b"error" => Self::Error,
            b"message_delta" => Self::MessageDelta,
            b"message_stop" => Self::MessageStop,
            b"response.completed" | b"response.incomplete" | b"response.failed" => {
                Self::ResponseEnd
            }
            b"response.output_item.done" => Self::ItemDone,
            b"web_search_call" => Self::WebSearchCall,
            b"search" => Self::Search,
            b"compaction" | b"advisor_message" => Self::SideInference,
            b"1h" => Self::OneHour,
            b"AUDIO" => Self::Audio,
            b"IMAGE" => Self::Image,
            b"content_filter" => Self::ContentFilter,
            _ => Self::Other,
        }
    }
}

impl Name {
    /// Where it is kept.
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl Field {
    /// Where it is kept.
    #[expect(clippy::as_conversions, reason = "the number of a variant")]
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl List {
    /// What its elements add to.
    pub(super) const fn counters(self) -> &'static [Counter] {
        match self {
            Self::Iterations => &[
                Counter::SideInput,
                Counter::SideCacheRead,
                Counter::SideCacheWrite5m,
                Counter::SideCacheWrite1h,
                Counter::SideOutput,
            ],
            Self::CacheDetails => &[Counter::CacheWrite5m, Counter::CacheWrite1h],
            Self::PromptModality => &[Counter::InputAudio, Counter::InputImage],
            Self::CacheModality => &[Counter::CacheAudio, Counter::CacheImage],
            Self::OutputModality => &[Counter::OutputAudio, Counter::OutputImage],
            Self::OutputItems => &[Counter::SearchesSeen],
        }
    }
}
