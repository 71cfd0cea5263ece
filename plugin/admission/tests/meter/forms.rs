//! Forms of bodies: lines, events, arrays, messages, encodings, and what is none of these.

use admission::meter::Note;
use serde_json::{Value, json};
use wire::budget::Basis;
use wire::usage::Kind::{Input, Output};

use crate::route::{Answer, HOLD, Route, counts};

const USAGE: &str =
    r#"{"model":"m","usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#;

fn assert_read(answer: &Answer) {
    let bill = Route::of("openai-chat").bill(answer);
    let shown = String::from_utf8_lossy(&answer.body[..answer.body.len().min(200)]);
    assert_eq!(
        (counts(&bill), bill.basis),
        (vec![(Input, 10), (Output, 5)], Basis::Usage),
        "{shown}"
    );
}

#[test]
fn events_come_in_many_forms() {
    let (first, second) = USAGE.split_at(9);
    for text in [
        format!("data: {USAGE}\n\n"),
        format!("data:{USAGE}\r\r"),
        format!("data: {USAGE}\r\n\r\n"),
        format!("\u{feff}data: {USAGE}"),
        format!(": comment\n\ndata: {USAGE}\n"),
        format!("event: message\nid: 1\ndata: {USAGE}\nretry: 9\n\n"),
        // Data in several lines are one, with line ends between.
        format!("data: {first}\ndata: {second}\n\n"),
        format!("data: {first}\r\n: comment\r\ndata\r\ndata:{second}\r\n\r\n"),
        // A line's end is white space, so what it cuts in two is no number.
        format!("data: {USAGE}\n\ndata: {{\"usage\":{{\"prompt_tokens\":1\ndata:1}}}}\n\n"),
        // A blank line is missing between two events.
        format!("data: {{\"usage\":null}}\ndata: {USAGE}\n\ndata: [DONE]\n\n"),
        // Data that are no documents, and documents that are no JSON.
        format!("data: hello\n\ndata: {{oops\n\ndata: {{\"usage\":\n\ndata: {USAGE}\n\n"),
        format!("database: x\ndata : y\ndata: {USAGE}\n\n"),
        format!("data:\n\ndata: \n\ndata: {USAGE}\n\ndata: [DO\n\n"),
    ] {
        assert_read(&Answer::new("text/event-stream; charset=utf-8", text.clone()));
        assert_read(&Answer::new("application/json", text));
    }
}

#[test]
fn documents_come_in_many_forms() {
    for text in [
        USAGE.to_owned(),
        format!(" \r\n\t{USAGE}\n"),
        format!("\u{feff}{USAGE}"),
        format!("[{USAGE}]"),
        format!("[{{\"usage\":null}}\n,\r\n{USAGE}\n]"),
        format!("{{\"usage\":null}}\n{USAGE}\n"),
    ] {
        assert_read(&Answer::json(text));
    }
    assert_read(&Answer::new("text/event-stream", USAGE));
}

#[test]
fn an_array_or_a_list_of_lines_is_not_whole_before_its_end() {
    let route = Route::of("openai-chat");
    for text in [format!("[{USAGE}"), format!("[{USAGE},")] {
        assert_eq!(route.bill(&Answer::json(text)).basis, Basis::MaxUsageReserve);
    }
    let lines = Answer::json(format!("{USAGE}\n{USAGE}\n"));
    assert_eq!(route.bill(&lines).basis, Basis::Usage);
    assert_eq!(route.bill_cut_off(&lines).basis, Basis::MaxUsageReserve);
}

#[test]
fn what_is_no_document_is_charged_its_hold() {
    for text in
        ["", "   ", "<html>", "null", "17", "\"usage\"", "{", "{]", "\0\0\0", "data: nothing\n\n"]
    {
        let bill = Route::of("openai-chat").bill(&Answer::json(text));
        assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD), "{text}");
    }
}

#[test]
fn compressed_bodies_are_read() {
    let plain = Answer::json(USAGE);
    assert_read(&plain.clone().gzip());
    assert_read(&plain.clone().zlib());
    assert_read(&plain.clone().bare_deflate());
    let mut named = plain.clone().gzip();
    named.headers.pop();
    assert_read(&named.header("content-encoding", " X-GZIP"));
    // An extra field, a name, a comment and a CRC of the head.
    let mut full = plain.clone().gzip();
    full.body[3] = 2 | 4 | 8 | 16;
    full.body.splice(10..10, *b"\x03\0xyzname\0comment\0\x12\x34");
    assert_read(&full);
    // Several members are one body.
    let mut two = Answer::json("  ").gzip();
    two.body.extend(plain.gzip().body);
    two.body.extend([0, 0, 0]);
    assert_read(&two);
}

#[test]
fn what_cannot_be_inflated_is_charged_its_hold() {
    let route = Route::of("openai-chat");
    for encoding in ["br", "zstd", "gzip, br", "compress"] {
        let answer = Answer::json(USAGE).header("content-encoding", encoding);
        let mut meter = route.meter();
        meter.headers(
            answer.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        );
        assert!(!meter.wants_body());
        let bill = route.bill(&answer);
        assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
        assert!(bill.notes.contains(&Note::UnreadableEncoding));
    }
    let twice = Answer::json(USAGE).gzip().header("content-encoding", "gzip");
    assert_eq!(route.bill(&twice).basis, Basis::Reserve);
    let garbled = Answer::json(USAGE).header("content-encoding", "gzip");
    let bill = route.bill(&garbled);
    assert_eq!(bill.basis, Basis::Reserve);
    assert!(bill.notes.contains(&Note::Garbled));
    for len in 0..20 {
        let cut = Answer::json(USAGE).gzip().cut(len);
        assert_eq!(route.bill(&cut).cost.0, HOLD);
    }
}

#[test]
fn a_wrong_checksum_spoils_a_stream_that_does_not_say_its_end() {
    let stream = Answer::new("text/event-stream", format!("data: {USAGE}\n\n")).gzip();
    let route = Route::of("openai-chat");
    assert_eq!(route.bill(&stream).basis, Basis::Usage);
    let mut wrong = stream.clone();
    let at = wrong.body.len() - 6;
    wrong.body[at] ^= 1;
    let bill = route.bill(&wrong);
    assert_eq!((bill.basis, bill.cost.0), (Basis::MaxUsageReserve, HOLD));
    let short = stream.body.len() - 4;
    assert_eq!(route.bill(&stream.cut(short)).basis, Basis::MaxUsageReserve);
}

#[test]
fn huge_events_and_deep_ones_go_by() {
    let long = "a model may well write sixteen million letters \\n\\\"".repeat(16_000_000 / 50);
    let deep = format!("{}0{}", "[{\"a\":".repeat(50_000), "}]".repeat(50_000));
    for filler in [format!("\"{long}\""), deep] {
        let text = format!("data: {{\"x\":{filler},{}\n\n", USAGE.strip_prefix('{').unwrap());
        let answer = Answer::new("text/event-stream", text);
        for size in [1_000_000_000, 65_536] {
            let pieces: Vec<&[u8]> = answer.body.chunks(size).collect();
            let bill = Route::of("openai-chat").ready().bill_for(&answer, &pieces, true);
            assert_eq!(counts(&bill), [(Input, 10), (Output, 5)]);
        }
    }
}

/// A message of an AWS event stream.
fn message(event: &str, kind: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [(":event-type", event), (":message-type", kind)] {
        headers.push(name.len() as u8);
        headers.extend(name.as_bytes());
        headers.push(7);
        headers.extend((value.len() as u16).to_be_bytes());
        headers.extend(value.as_bytes());
    }
    let mut message = Vec::new();
    message.extend((16 + headers.len() as u32 + payload.len() as u32).to_be_bytes());
    message.extend((headers.len() as u32).to_be_bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message.extend(headers);
    message.extend(payload.as_bytes());
    message.extend(crc32fast::hash(&message).to_be_bytes());
    message
}

fn converse(messages: &[Vec<u8>]) -> Answer {
    Answer::new("application/vnd.amazon.eventstream", messages.concat())
}

fn metadata() -> Value {
    json!({"usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}})
}

#[test]
fn messages_count_if_their_checksums_are_right() {
    let route = Route::of("bedrock-converse");
    let text = message("contentBlockDelta", "event", "{\"delta\":{\"text\":\"x\"}}");
    let last = message("metadata", "event", &metadata().to_string());
    let empty = message("ping", "event", "");
    let right = converse(&[text.clone(), empty, last.clone()]);
    let bill = route.bill(&right);
    assert_eq!((counts(&bill), bill.basis), (vec![(Input, 10), (Output, 5)], Basis::Usage));
    for at in [1, 9, 20, text.len() + 40, text.len() + last.len() - 1] {
        let mut wrong = converse(&[text.clone(), last.clone()]);
        wrong.body[at] ^= 0x40;
        let bill = route.bill(&wrong);
        assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD), "byte {at}");
    }
}

#[test]
fn a_stream_that_ends_in_an_exception_is_charged_its_hold() {
    let text = message("messageStart", "event", "{}");
    let exception = message("throttlingException", "exception", "{\"message\":\"slow down\"}");
    let bill = Route::of("bedrock-converse").bill(&converse(&[text, exception]));
    assert_eq!((bill.basis, bill.cost.0), (Basis::Reserve, HOLD));
    assert!(bill.notes.contains(&Note::Failed));
}

#[test]
fn documents_inside_messages_are_read_whatever_the_escapes() {
    use base64::Engine;
    let chunk = |document: Value| {
        let inner = base64::engine::general_purpose::STANDARD.encode(document.to_string());
        // A JSON writer may escape the slash, and pad with whatever it likes.
        let payload = json!({"bytes": inner, "p": "abcdef"}).to_string().replace('/', "\\/");
        message("chunk", "event", &payload)
    };
    let fill = "?>~?".repeat(200);
    let messages = [
        chunk(json!({"type": "message_start", "message": {"model": "m", "x": fill,
                "usage": {"input_tokens": 10, "output_tokens": 1}}})),
        chunk(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
                "usage": {"output_tokens": 5}})),
    ];
    let bill = Route::of("bedrock-invoke").bill(&converse(&messages));
    assert_eq!((counts(&bill), bill.basis), (vec![(Input, 10), (Output, 5)], Basis::Usage));
    let bill = Route::of("bedrock-invoke").bill(&converse(&messages[..1]));
    assert_eq!(bill.basis, Basis::MaxUsageReserve);
}
