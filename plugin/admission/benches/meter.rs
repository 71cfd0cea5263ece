//! How fast answers are read, natively: `cargo bench -p tollkeeper-admission --bench meter`.
//!
//! Prints megabytes per second of streams as providers send them, cut in pieces of 16 KiB as Envoy
//! hands them on: the best of many short runs, which other load on the machine disturbs least. What
//! the same takes in wasm, the bench `cost` of the tests measures in Envoy.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::float_arithmetic,
    clippy::unwrap_used,
    reason = "a bench reads the clock, divides, and stops where it fails"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use admission::ask::Asked;
use admission::meter::Meter;
use wire::money::Nanos;
use wire::tariff::Tariff;

const RUNS: u32 = 150;
const EVENTS: usize = 4_000;
const PIECE: usize = 16 * 1024;

fn main() {
    println!("| answer, metered natively | bytes | MB/s on one core |\n|---|--:|--:|");
    let long = "lorem ipsum dolor sit amet, consetetur sadipscing elitr ".repeat(4_000);
    for (name, profile, content_type, body) in [
        ("SSE, OpenAI chat chunks", "openai-chat", "text/event-stream", chat()),
        ("SSE, OpenAI responses events", "openai-responses", "text/event-stream", responses()),
        ("SSE, Anthropic events", "anthropic-messages", "text/event-stream", anthropic()),
        ("a JSON array, Gemini", "gemini", "application/json", gemini()),
        ("one long JSON answer", "openai-chat", "application/json", json(&long)),
    ] {
        let best = (0..RUNS).map(|_| seconds(profile, content_type, body.as_bytes()));
        let best = best.fold(f64::INFINITY, f64::min);
        println!("| {name} | {} | {:.0} |", body.len(), body.len() as f64 / best / 1e6);
    }
    println!("\nThe best of {RUNS} runs, in pieces of {PIECE} bytes.");
}

fn seconds(profile: &str, content_type: &str, body: &[u8]) -> f64 {
    let tariff = serde_json::json!({"usage": {"api": profile}, "hold": {"amount": 1}});
    let tariff: Tariff = serde_json::from_value(tariff).unwrap();
    let mut meter = Meter::new(Arc::new(tariff), None, Asked::default(), Nanos(1));
    let headers = [(&b":status"[..], &b"200"[..]), (b"content-type", content_type.as_bytes())];
    meter.headers(headers.into_iter());
    let start = Instant::now();
    for piece in body.chunks(PIECE) {
        meter.body(black_box(piece));
    }
    let bill = black_box(meter.settle(true));
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(bill.total_input, 14, "{:?}", bill.notes);
    seconds
}

fn chat() -> String {
    let chunk = |choices: &str, usage: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012\",\"object\":\"chat.completion.chunk\",\
             \"created\":1764057600,\"model\":\"gpt-5-mini-2026-08-07\",\"service_tier\":\"default\",\
             \"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{choices}],\"usage\":{usage},\
             \"obfuscation\":\"a8Xk2\"}}\n\n"
        )
    };
    let word = r#"{"index":0,"delta":{"content":" word\n"},"logprobs":null,"finish_reason":null}"#;
    let usage = r#"{"prompt_tokens":14,"completion_tokens":9,"total_tokens":23}"#;
    chunk(word, "null").repeat(EVENTS) + &chunk("", usage) + "data: [DONE]\n\n"
}

fn responses() -> String {
    let delta = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\
                 \"sequence_number\":17,\"item_id\":\"msg_0123456789abcdef0123456789abcdef\",\
                 \"output_index\":0,\"content_index\":0,\"delta\":\" word\",\"logprobs\":[],\
                 \"obfuscation\":\"a8Xk2\"}\n\n";
    let end = "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\
               \"id\":\"r\",\"model\":\"m\",\"output\":[],\"usage\":{\"input_tokens\":14,\
               \"output_tokens\":9,\"total_tokens\":23}}}\n\n";
    delta.repeat(EVENTS) + end
}

fn anthropic() -> String {
    let start = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"m\",\
                 \"model\":\"m\",\"usage\":{\"input_tokens\":14,\"output_tokens\":1}}}\n\n";
    let delta = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\
                 \"delta\":{\"type\":\"text_delta\",\"text\":\" some words\"}}\n\n";
    let end = "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\
               \"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n";
    start.to_owned() + &delta.repeat(EVENTS) + end
}

fn gemini() -> String {
    let document = "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"some words of the model \
                    \"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":14,\
                    \"candidatesTokenCount\":3,\"totalTokenCount\":17,\"promptTokensDetails\":[{\
                    \"modality\":\"TEXT\",\"tokenCount\":14}]},\"modelVersion\":\"gemini-x\",\
                    \"responseId\":\"abc\"}";
    format!("[{}]", vec![document; EVENTS].join("\n,\r\n"))
}

fn json(text: &str) -> String {
    let usage = r#"{"prompt_tokens":14,"completion_tokens":9,"total_tokens":23}"#;
    let content = text.repeat(4);
    format!(
        r#"{{"model":"m","choices":[{{"message":{{"content":"{content}"}}}}],"usage":{usage}}}"#
    )
}
