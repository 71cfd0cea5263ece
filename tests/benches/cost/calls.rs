//! What is called: each call once without a price and once with one, and what the upstream answers.
//!
//! The two of a pair are alike to the byte but for a word of the same length in the path, so that what
//! one takes more than the other is what its money takes.

use serde_json::{Value, json};

/// Events of a stream: a megabyte.
const EVENTS: usize = 3_150;
/// What a metered call reserves.
const HOLD: &str = "0.05";
const MODEL: &str = "gpt-5-mini";

/// A request, and the route that it takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// A small answer, free.
    List,
    /// The same at a price for each call.
    PricedList,
    /// A chat whose answer is one JSON document, free.
    Chat,
    /// The same, metered.
    MeteredChat,
    /// A chat whose answer is a long stream of events, free.
    Stream,
    /// The same, metered.
    MeteredStream,
}

impl Call {
    /// All of them: the order of the policy's routes.
    pub(crate) const ALL: [Self; 6] = [
        Self::List,
        Self::PricedList,
        Self::Chat,
        Self::MeteredChat,
        Self::Stream,
        Self::MeteredStream,
    ];

    /// What the report calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::List => "`GET`, free",
            Self::PricedList => "`GET`, a price for each call, three budgets",
            Self::Chat => "chat, JSON with usage, free",
            Self::MeteredChat => "chat, JSON with usage, metered, three budgets",
            Self::Stream => "chat, SSE, free",
            Self::MeteredStream => "chat, SSE, metered, three budgets",
        }
    }

    /// The same call without a price, if it has one.
    pub(crate) const fn without_money(self) -> Option<Self> {
        match self {
            Self::PricedList => Some(Self::List),
            Self::MeteredChat => Some(Self::Chat),
            Self::MeteredStream => Some(Self::Stream),
            Self::List | Self::Chat | Self::Stream => None,
        }
    }

    /// Where it goes.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::List => "/v1/models",
            Self::PricedList => "/v1/priced",
            Self::Chat => "/v1/free/completions",
            Self::MeteredChat => "/v1/chat/completions",
            Self::Stream => "/v1/free/streams",
            Self::MeteredStream => "/v1/chat/streams",
        }
    }

    /// Its body; one that has none is a GET.
    pub(crate) fn body(self) -> Option<String> {
        let chat = |stream: bool| {
            let text = "Which of these three addresses is written as the post office wants it?";
            let mut body = json!({
                "model": MODEL,
                "messages": [
                    { "role": "system", "content": "You answer in one sentence." },
                    { "role": "user", "content": text },
                ],
                "max_completion_tokens": 200,
            });
            if stream {
                body["stream"] = json!(true);
                body["stream_options"] = json!({ "include_usage": true });
            }
            body.to_string()
        };
        match self {
            Self::List | Self::PricedList => None,
            Self::Chat | Self::MeteredChat => Some(chat(false)),
            Self::Stream | Self::MeteredStream => Some(chat(true)),
        }
    }

    /// What the upstream answers: the content type and the body.
    pub(crate) fn answer(self) -> (&'static str, String) {
        match self {
            Self::List | Self::PricedList => {
                ("application/json", r#"{"object":"list","data":[]}"#.to_owned())
            }
            Self::Chat | Self::MeteredChat => ("application/json", document()),
            Self::Stream | Self::MeteredStream => ("text/event-stream", stream()),
        }
    }

    /// Its route in the policy.
    pub(crate) fn route(self) -> Value {
        let method = if self.body().is_some() { "POST" } else { "GET" };
        let pattern = format!("{method} {}", self.path());
        match self {
            Self::List | Self::Chat | Self::Stream => {
                json!({ "match": pattern, "free": "a bench" })
            }
            Self::PricedList => json!({ "match": pattern, "per_call": "0.0137" }),
            Self::MeteredChat | Self::MeteredStream => {
                json!({ "match": pattern, "usage": "openai-chat", "prices": "list", "hold": HOLD })
            }
        }
    }
}

/// The price list that the metered routes name.
pub(crate) fn prices() -> Value {
    json!({ "list": { "source": "a bench", "models": { MODEL: {
        "input_per_million": "0.25",
        "cache_read_per_million": "0.025",
        "output_per_million": "2.00",
    }}}})
}

fn document() -> String {
    let content =
        "The second: it has the house number after the street, and the code before the town.";
    json!({
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": "chat.completion",
        "created": 1_764_057_600,
        "model": MODEL,
        "choices": [{
            "index": 0,
            "message": { "role": "assistant", "content": content, "refusal": null },
            "finish_reason": "stop",
        }],
        "usage": {
            "prompt_tokens": 1024,
            "completion_tokens": 88,
            "total_tokens": 1112,
            "prompt_tokens_details": { "cached_tokens": 512, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 64, "audio_tokens": 0 },
        },
        "service_tier": "default",
        "system_fingerprint": "fp_44709d6fcb",
    })
    .to_string()
}

fn stream() -> String {
    let event = |choices: &Value, usage: &Value| {
        let event = json!({
            "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
            "object": "chat.completion.chunk",
            "created": 1_764_057_600,
            "model": MODEL,
            "service_tier": "default",
            "system_fingerprint": "fp_44709d6fcb",
            "choices": choices,
            "usage": usage,
            "obfuscation": "a8Xk2",
        });
        format!("data: {event}\n\n")
    };
    let word = json!([{
        "index": 0,
        "delta": { "content": " word\n" },
        "logprobs": null,
        "finish_reason": null,
    }]);
    let usage = json!({ "prompt_tokens": 14, "completion_tokens": 9, "total_tokens": 23 });
    event(&word, &Value::Null).repeat(EVENTS) + &event(&json!([]), &usage) + "data: [DONE]\n\n"
}
