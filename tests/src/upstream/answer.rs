//! Answers in OpenAI's shape: a completion, whole or as server-sent events, a list of models, errors;
//! for `/v1/messages` in Anthropic's.
#![expect(clippy::expect_used, reason = "an answer that a test scripted wrongly is a failed test")]

use std::io;
use std::time::Duration;

use http_body_util::channel::{Channel, Sender};
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::used::Used;
use super::{Script, Seen, anthropic};

/// A body that may break off.
pub(super) type Body = Channel<Bytes, io::Error>;

/// Chunks that may wait for a slow reader.
const CHUNKS: usize = 16;

struct Page {
    status: u16,
    content_type: String,
    chunks: Vec<Bytes>,
}

/// Answers `seen`; `key` is the accepted key that it showed.
pub(super) async fn to(seen: &Seen, key: Option<&str>, script: Script) -> Response<Body> {
    tokio::time::sleep(script.delay).await;
    let page = page(seen, key, &script);
    let mut response =
        Response::builder().status(page.status).header("content-type", &page.content_type);
    if script.reset_after.is_none() && page.chunks.len() == 1 && page.content_type != EVENTS {
        let length: usize = page.chunks.iter().map(Bytes::len).sum();
        response = response.header("content-length", length);
    }
    for (name, value) in echoes(seen, &script).iter().chain(&script.headers) {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("the script's header has a name");
        let value = HeaderValue::from_bytes(value).expect("the script's header has a value");
        response = response.header(name, value);
    }
    let (sender, body) = Channel::new(CHUNKS);
    tokio::spawn(send(sender, page.chunks, script.pause, script.reset_after));
    response.body(body).expect("all parts are valid")
}

fn page(seen: &Seen, key: Option<&str>, script: &Script) -> Page {
    let mut page = match (script.status, key) {
        (Some(status @ (401 | 403)), _) => wrong_key(status, seen),
        (Some(status), _) if status >= 400 => error(status, "scripted", "The test asked for this."),
        (_, None) => wrong_key(401, seen),
        (_, Some(_)) => usual(seen),
    };
    if let Some(status) = script.status {
        page.status = status;
    }
    if let Some(content_type) = &script.content_type {
        page.content_type.clone_from(content_type);
    }
    if let Some(pieces) = &script.pieces {
        page.chunks = pieces.iter().cloned().map(Bytes::from).collect();
    }
    page
}

fn usual(seen: &Seen) -> Page {
    let path = seen.target.split('?').next().unwrap_or_default();
    let request: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    match (seen.method.as_str(), path) {
        ("POST", "/v1/chat/completions") if request["stream"] == true => {
            Page { status: 200, content_type: EVENTS.to_owned(), chunks: events(&request) }
        }
        ("POST", "/v1/chat/completions") => json_page(200, &completion(&request)),
        ("POST", "/v1/messages") if request["stream"] == true => {
            let chunks = anthropic::events(&request, &WORDS);
            Page { status: 200, content_type: EVENTS.to_owned(), chunks }
        }
        ("POST", "/v1/messages") => json_page(200, &anthropic::message(&request, &WORDS)),
        ("GET", "/v1/models") => json_page(200, &models()),
        _ => error(404, "unknown_url", &format!("Unknown request URL: {path}")),
    }
}

fn completion(request: &Value) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_764_000_000, "model": request["model"],
        "choices": [{
            "index": 0, "finish_reason": "stop",
            "message": { "role": "assistant", "content": WORDS.concat() },
        }],
        "usage": usage(request),
    })
}

fn usage(request: &Value) -> Value {
    let Used { input, output } = Used::asked_by(request);
    json!({ "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output })
}

/// Usage comes in a last chunk, if it was asked for, and not at all if it was not.
fn events(request: &Value) -> Vec<Bytes> {
    let wants_usage = request["stream_options"]["include_usage"] == true;
    let chunk = |choices: Value, usage: Value| {
        let mut event = json!({
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_764_000_000,
            "model": request["model"], "choices": choices,
        });
        if wants_usage {
            event["usage"] = usage;
        }
        format!("data: {event}\n\n")
    };
    let choice = |delta: Value, finish: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        chunk(json!([choice]), Value::Null)
    };
    let words = WORDS.iter().map(|word| choice(json!({ "content": word }), None));
    let usage = wants_usage.then(|| chunk(json!([]), usage(request)));
    let stop = choice(json!({}), Some("stop"));
    let ends = [Some(stop), usage, Some("data: [DONE]\n\n".to_owned())];
    words.chain(ends.into_iter().flatten()).map(Bytes::from).collect()
}

fn models() -> Value {
    json!({
        "object": "list",
        "data": [{ "id": "gpt-5-mini", "object": "model", "created": 1_764_000_000, "owned_by": "openai" }],
    })
}

/// As providers do: the error quotes what came as a key.
fn wrong_key(status: u16, seen: &Seen) -> Page {
    let shown = seen.header("authorization").concat();
    let message =
        format!("Incorrect API key provided: {}. {}", String::from_utf8_lossy(&shown), seen.target);
    error(status, "invalid_api_key", &message)
}

fn error(status: u16, code: &str, message: &str) -> Page {
    let kind = "invalid_request_error";
    let body = json!({
        "error": { "message": message, "type": kind, "param": null, "code": code },
    });
    json_page(status, &body)
}

fn json_page(status: u16, body: &Value) -> Page {
    Page {
        status,
        content_type: "application/json".to_owned(),
        chunks: vec![body.to_string().into()],
    }
}

fn echoes(seen: &Seen, script: &Script) -> Vec<(String, Vec<u8>)> {
    let echoed = seen.headers.iter().filter(|_| script.echoes_headers);
    echoed.map(|(name, value)| (format!("x-echo-{name}"), value.clone())).collect()
}

async fn send(
    mut to: Sender<Bytes, io::Error>,
    chunks: Vec<Bytes>,
    pause: Duration,
    reset_after: Option<usize>,
) {
    let mut left = reset_after.unwrap_or(usize::MAX);
    for (number, chunk) in chunks.into_iter().enumerate() {
        if number > 0 {
            tokio::time::sleep(pause).await;
        }
        let part = chunk.slice(..chunk.len().min(left));
        left -= part.len();
        // A caller who has gone reads no more.
        if to.send_data(part).await.is_err() {
            return;
        }
        if left == 0 {
            break;
        }
    }
    if reset_after.is_some() {
        to.abort(io::ErrorKind::ConnectionReset.into());
    }
}

const EVENTS: &str = "text/event-stream";
const WORDS: [&str; 4] = ["The ", "gate ", "is ", "open."];
