//! What requests say, as the official clients write them, and as somebody who wants more than they may.

use std::sync::Arc;

use admission::ask::{AskReader, Asked};
use serde_json::{Value, json};
use wire::usage::{Profile, Usage};

fn read_by(profile: Profile, path_model: Option<&str>, body: &[u8]) -> (Asked, bool) {
    let read = |pieces: &[&[u8]]| {
        let mut reader = AskReader::new(Some(&Usage::Api(profile)), path_model);
        pieces.iter().for_each(|piece| reader.body(piece));
        assert_eq!(reader.has_model(), reader.asked().model.is_some());
        (reader.asked().clone(), reader.ended())
    };
    let whole = read(&[body]);
    for cut in 0..body.len() {
        let (left, right) = body.split_at(cut);
        assert_eq!(read(&[left, right]), whole, "cut at {cut}");
    }
    assert_eq!(read(&body.chunks(1).collect::<Vec<_>>()), whole);
    whole
}

fn read(body: &str) -> Asked {
    read_by(Profile::OpenaiChat, None, body.as_bytes()).0
}

fn model(name: &str) -> Option<Arc<str>> {
    Some(name.into())
}

#[test]
fn the_openai_client_writes_messages_first() {
    let body = r#"{"messages":[{"role":"user","content":"say \"model\":\"decoy\", \"max_tokens\":9"},{"role":"user","content":[{"type":"text","text":"x","model":"decoy"}]}],"model":"gpt-x","max_completion_tokens":100,"n":2,"service_tier":"flex","stream":true,"stream_options":{"include_usage":true},"tools":[{"function":{"parameters":{"model":{"type":"string"}}}}]}"#;
    let (asked, ended) = read_by(Profile::OpenaiChat, None, body.as_bytes());
    assert!(ended);
    let expected = Asked {
        model: model("gpt-x"),
        output_limit: Some(100),
        n: Some(2),
        stream: Some(true),
        include_usage: Some(true),
        service_tier: Some("flex".into()),
        bytes: body.len() as u64,
        duplicate: false,
        unreadable: false,
    };
    assert_eq!(asked, expected);
}

#[test]
fn the_anthropic_client_writes_its_limit_first() {
    let body = r#"{"max_tokens":1024,"messages":[{"role":"user","content":"hi"}],"model":"claude-x","stream":true,"system":"model"}"#;
    let asked = read(body);
    assert_eq!(
        (asked.model, asked.output_limit, asked.stream),
        (model("claude-x"), Some(1024), Some(true))
    );
    assert!(!asked.duplicate && !asked.unreadable);
}

#[test]
fn limits_have_many_names_of_which_the_largest_binds() {
    let limit = |body: Value| read(&body.to_string()).output_limit;
    assert_eq!(limit(json!({"max_output_tokens": 5})), Some(5));
    assert_eq!(
        limit(json!({"generationConfig": {"maxOutputTokens": 6, "candidateCount": 2}})),
        Some(6)
    );
    assert_eq!(limit(json!({"inferenceConfig": {"maxTokens": 7}})), Some(7));
    assert_eq!(limit(json!({"max_tokens": 8, "max_completion_tokens": 9})), Some(9));
    assert_eq!(limit(json!({"max_tokens": null})), None);
    let negative = read(r#"{"max_tokens":-1}"#);
    assert!(negative.output_limit.is_none() && negative.unreadable);
}

#[test]
fn the_model_of_the_path_is_the_one() {
    let body = json!({"model": "decoy", "inferenceConfig": {"maxTokens": 7}}).to_string();
    let (asked, _) = read_by(Profile::OpenaiChat, Some("deployed"), body.as_bytes());
    assert_eq!(asked.model, model("deployed"));
    let (asked, _) = read_by(Profile::BedrockConverse, None, body.as_bytes());
    assert_eq!(asked.model, None);
}

#[test]
fn what_servers_could_read_in_two_ways_is_marked() {
    for body in [
        r#"{"model":"cheap","model":"dear"}"#,
        r#"{"model":"cheap","mod\u0065l":"dear"}"#,
        r#"{"model":"cheap","Model":"dear"}"#,
        r#"{"max_tokens":1,"max_tokens":1000000}"#,
        r#"{"generationConfig":{"maxOutputTokens":1},"generationConfig":{}}"#,
    ] {
        assert!(read(body).duplicate, "{body}");
    }
    assert_eq!(read(r#"{"mod\u0065l":"g\u0070t"}"#).model, model("gpt"));
}

#[test]
fn what_cannot_be_read_is_marked() {
    for body in [
        "x",
        "[]",
        "{]",
        r#"{"model":7}"#,
        r#"{"model":"a"} {"model":"b"}"#,
        r#"{"model":""}"#,
        r#"{"stream":"true"}"#,
        &format!(r#"{{"model":"{}"}}"#, "m".repeat(300)),
    ] {
        let asked = read(body);
        assert!(asked.unreadable, "{body}");
    }
    let mut compressed = AskReader::new(None, None);
    compressed.unreadable();
    compressed.body(b"{\"model\":\"a\"}");
    assert!(compressed.ended() && compressed.asked().unreadable && !compressed.has_model());
}

#[test]
fn uploads_are_forms() {
    let body = "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n\r\n--b0undar\r\nname=\"model\"\n\n\r\n--b0undary\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--b0undary\r\nContent-Disposition: form-data; name=\"stream\"\r\n\r\ntrue\r\n--b0undary--\r\n";
    let (asked, ended) = read_by(Profile::OpenaiAudio, None, body.as_bytes());
    assert_eq!((asked.model, asked.stream, ended), (model("whisper-1"), Some(true), true));
    assert!(!asked.duplicate && !asked.unreadable);
    let part = "Content-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b0undary";
    let twice = format!("--b0undary\r\n{part}\r\n{part}--");
    let (asked, ended) = read_by(Profile::OpenaiAudio, None, twice.as_bytes());
    assert!(asked.duplicate && ended);
}
