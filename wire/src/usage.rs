//! What a call can use, and how an answer says so: the kinds that are counted, the API profiles.
//!
//! Kinds are disjoint: each unit is counted once, under one kind, and a "total" is never one of them
//! (DESIGN section 3). Which counter of which API contains what, knows the profile.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $Name:ident { $($(#[$note:meta])* $Variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize,
        )]
        pub enum $Name {
            $($(#[$note])* #[serde(rename = $word)] $Variant,)+
        }

        impl $Name {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$Variant,)+];

            /// The word of files, of the ledger and of the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$Variant => $word,)+
                }
            }

            /// The one of this word.
            #[must_use]
            pub fn of_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl fmt::Display for $Name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// What is counted and priced.
    Kind {
        /// Input tokens at the full price: text, neither read from nor written to a cache.
        Input = "input",
        /// Input tokens that came from the provider's cache.
        CacheRead = "cache_read",
        /// Input tokens written to the cache, where the provider names no lifetime.
        CacheWrite = "cache_write",
        /// Input tokens written to the cache for five minutes.
        CacheWrite5m = "cache_write_5m",
        /// Input tokens written to the cache for an hour.
        CacheWrite1h = "cache_write_1h",
        /// Input tokens of sound.
        InputAudio = "input_audio",
        /// Input tokens of pictures.
        InputImage = "input_image",
        /// Output tokens, those of reasoning among them where they have no price of their own.
        Output = "output",
        /// Output tokens of reasoning, where they have a price of their own.
        OutputReasoning = "output_reasoning",
        /// Output tokens of sound.
        OutputAudio = "output_audio",
        /// Output tokens of pictures.
        OutputImage = "output_image",
        /// Searches of the web that the provider bills.
        WebSearch = "web_search",
        /// Seconds of sound.
        AudioSecond = "audio_second",
        /// The call itself.
        Call = "call",
        /// The API's own unit: segments, credits, characters, pages, request units.
        Unit = "unit",
        /// Bytes of the request's body.
        BytesIn = "bytes_in",
        /// Bytes of the answer's body.
        BytesOut = "bytes_out",
    }
}

impl Kind {
    /// Whether it is part of the prompt, whose total decides the price tier.
    #[must_use]
    pub const fn is_input(self) -> bool {
        matches!(
            self,
            Self::Input
                | Self::CacheRead
                | Self::CacheWrite
                | Self::CacheWrite5m
                | Self::CacheWrite1h
                | Self::InputAudio
                | Self::InputImage
        )
    }
}

words! {
    /// How an API says what a call used: `"usage"` of a route.
    Profile {
        /// `POST /v1/chat/completions` of OpenAI, Azure, Groq, Together, vLLM, GLM, Moonshot.
        OpenaiChat = "openai-chat",
        /// `POST /v1/responses`.
        OpenaiResponses = "openai-responses",
        /// `POST /v1/embeddings`.
        OpenaiEmbeddings = "openai-embeddings",
        /// `POST /v1/images/...`.
        OpenaiImages = "openai-images",
        /// `POST /v1/audio/...`.
        OpenaiAudio = "openai-audio",
        /// `POST /v1/messages` of Anthropic.
        AnthropicMessages = "anthropic-messages",
        /// `generateContent` and `streamGenerateContent` of Gemini and Vertex.
        Gemini = "gemini",
        /// `Converse` and `ConverseStream` of Bedrock.
        BedrockConverse = "bedrock-converse",
        /// `InvokeModel` and its stream, with the vendor's body inside.
        BedrockInvoke = "bedrock-invoke",
        /// Chat, rerank and embed of Cohere.
        Cohere = "cohere",
        /// Chat and OCR of Mistral.
        Mistral = "mistral",
        /// Chat of DeepSeek.
        Deepseek = "deepseek",
        /// DashScope's own generation API.
        Dashscope = "dashscope",
        /// Chat and responses of xAI.
        Xai = "xai",
        /// Chat of OpenRouter, which states the cost.
        Openrouter = "openrouter",
        /// Chat of Perplexity, which states the cost.
        Perplexity = "perplexity",
    }
}

/// Where an answer says what the call used.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// As this API does.
    Api(Profile),
    /// In a JSON body, at these places.
    Json(JsonUsage),
    /// In a header.
    Header(HeaderUsage),
}

/// Places in a JSON body: dotted paths of object keys, such as `usage.credits`.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct JsonUsage {
    /// Where each kind is counted: a number, or a string that is one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub counts: Vec<(Kind, String)>,
    /// Where the provider states the cost, in the policy's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// Where the model that served stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

/// A header that carries a decimal number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HeaderUsage {
    /// Its name, in lower case.
    pub name: Arc<str>,
    /// What it counts; `None` where it states the cost itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Kind>,
}
