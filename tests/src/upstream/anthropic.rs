//! Answers in Anthropic's shape: a message, whole or as named server-sent events.

use hyper::body::Bytes;
use serde_json::{Value, json};

use super::used::Used;

/// The message.
pub(super) fn message(request: &Value, words: &[&str]) -> Value {
    let used = Used::asked_by(request);
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
        "content": [{ "type": "text", "text": words.concat() }],
        "stop_reason": "end_turn", "stop_sequence": null,
        "usage": { "input_tokens": used.input, "output_tokens": used.output },
    })
}

/// The same as it is streamed: input with the first event, running totals of output with the last.
pub(super) fn events(request: &Value, words: &[&str]) -> Vec<Bytes> {
    let used = Used::asked_by(request);
    let start = json!({
        "type": "message_start",
        "message": {
            "id": "msg_1", "type": "message", "role": "assistant", "model": request["model"],
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": { "input_tokens": used.input, "output_tokens": 1 },
        },
    });
    let block = json!({
        "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" },
    });
    let delta = |word: &&str| {
        let delta = json!({ "type": "text_delta", "text": word });
        json!({ "type": "content_block_delta", "index": 0, "delta": delta })
    };
    let end = json!({
        "type": "message_delta",
        "delta": { "stop_reason": "end_turn", "stop_sequence": null },
        "usage": { "output_tokens": used.output },
    });
    [start, block]
        .into_iter()
        .chain(words.iter().map(delta))
        .chain([json!({ "type": "content_block_stop", "index": 0 }), end])
        .chain([json!({ "type": "message_stop" })])
        .map(|event| {
            let name = event["type"].as_str().unwrap_or_default();
            format!("event: {name}\ndata: {event}\n\n").into()
        })
        .collect()
}
