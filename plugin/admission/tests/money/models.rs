//! Does a call leave whose model has no price, or that its client may not use?

use admission::admit::{Attempt, Decision};
use admission::body::Body;

use crate::world::{Refused, World, request};

const CHAT: &str = "/api/v1/chat/completions";

fn refused(world: &mut World, path: &str, body: &str) -> Refused {
    world.post(1, path, body).err().unwrap_or_else(|| panic!("{body} passed"))
}

#[test]
fn a_model_on_the_list_passes_wherever_it_stands_in_the_body() {
    let mut world = World::new();
    let long = "x".repeat(100_000);
    for body in [
        r#"{"model": "gpt-5-mini", "messages": []}"#.to_owned(),
        format!(
            r#"{{"messages": [{{"content": "{long} \"model\": \"none\""}}], "model": "gpt-5"}}"#
        ),
    ] {
        assert!(world.post(1, CHAT, &body).is_ok());
    }
}

#[test]
fn a_model_without_a_price_is_refused_with_the_nearest_names() {
    let mut world = World::new();
    let refused = refused(&mut world, CHAT, r#"{"model": "gpt-5-mimi"}"#);
    assert_eq!((refused.status, refused.code.as_str()), (404, "model_not_priced"));
    assert_eq!(refused.body["models"][0], "gpt-5-mini");
    assert_eq!(refused.body["error"]["param"], "model");
    world.rest(500);
    assert!(world.sidecar.settlements.is_empty());
}

#[test]
fn a_body_from_which_no_model_can_be_learned_is_refused_with_the_remedy() {
    let mut world = World::new();
    for (body, status, code) in [
        ("", 400, "model_unknown"),
        ("{}", 400, "model_unknown"),
        (r#"{"model": null}"#, 400, "model_unknown"),
        (r#"{"model": 5}"#, 400, "body_unreadable"),
        ("model=gpt-5", 400, "body_unreadable"),
        (r#"{"model": "gpt-5", "model": "gpt-5-mini"}"#, 400, "body_ambiguous"),
        (r#"{"model": "gpt-5", "Model": "gpt-5-mini"}"#, 400, "body_ambiguous"),
    ] {
        let refused = refused(&mut world, CHAT, body);
        assert_eq!((refused.status, refused.code.as_str()), (status, code), "{body}");
    }
}

#[test]
fn a_client_that_may_use_some_models_uses_no_others() {
    let mut world = World::new();
    let refused = world.post(3, CHAT, r#"{"model": "gpt-5"}"#).err().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (403, "model_not_allowed"));
    assert_eq!(refused.body["models"][0], "gpt-5-mini");
    assert!(world.post(3, CHAT, r#"{"model": "gpt-5-mini"}"#).is_ok());
    assert!(world.send(3, "GET", "/api/v1/responses/r1", &[], None).is_ok(), "it runs no model");
}

#[test]
fn a_compressed_body_is_refused_before_it_is_read() {
    let mut world = World::new();
    world.get("/api/free").unwrap();
    let encoded = [("content-encoding", "gzip")];
    let refused = world.send(1, "POST", CHAT, &encoded, Some(b"\x1f\x8b")).err().unwrap();
    assert_eq!((refused.status, refused.code.as_str()), (400, "body_unreadable"));
}

#[test]
fn a_body_beyond_the_limit_is_refused_by_its_length_or_when_it_is_seen() {
    let mut world = World::new();
    world.gate.set_body_bytes_max(1_000);
    let long = format!(r#"{{"model": "gpt-5", "x": "{}"}}"#, "x".repeat(1_000));
    let stated = [("content-length", "1024")];
    for more in [&stated[..], &[]] {
        let refused = world.send(1, "POST", CHAT, more, Some(long.as_bytes())).err().unwrap();
        assert_eq!((refused.status, refused.code.as_str()), (413, "request_too_large"));
    }
}

#[test]
fn no_body_is_read_where_the_path_names_the_model_or_nothing_is_made() {
    let mut world = World::new();
    world.get("/api/free").unwrap();
    for (method, path) in
        [("POST", "/api/v1beta/models/gemini-3:generateContent"), ("GET", "/api/v1/responses/r1")]
    {
        let headers = request(1, method, path, &[]);
        let mut attempt = Attempt::new(true);
        let mut decision = world.decide(&headers, &mut attempt);
        if matches!(decision, Decision::Await) {
            world.pass_waiting(60, true);
            decision = world.decide(&headers, &mut attempt);
        }
        assert!(matches!(decision, Decision::Admit(_)), "{path}");
        assert!(matches!(attempt.body, Body::Unread));
    }
    let refused = refused(&mut world, "/api/v1beta/models/gemini-9:generateContent", "");
    assert_eq!(refused.code, "model_not_priced");
}

#[test]
fn a_streamed_chat_is_made_to_ask_for_its_usage() {
    let mut world = World::new();
    let headers = request(1, "POST", CHAT, &[]);
    for (body, rewritten) in [
        (r#"{"model": "gpt-5", "stream": true}"#, true),
        (r#"{"model": "gpt-5", "stream": true, "stream_options": {"include_usage": false}}"#, true),
        (r#"{"model": "gpt-5", "stream": true, "stream_options": {"include_usage": true}}"#, false),
        (r#"{"model": "gpt-5", "stream": false}"#, false),
        (r#"{"model": "gpt-5"}"#, false),
    ] {
        let mut attempt = Attempt::new(true);
        assert!(matches!(world.decide(&headers, &mut attempt), Decision::Read));
        let Body::Reading(reading) = &mut attempt.body else { panic!("not read") };
        reading.piece(body.as_bytes());
        assert_eq!(reading.rewritten(body.as_bytes()), None, "not before it is whole");
        reading.end();
        let new = reading.rewritten(body.as_bytes());
        assert_eq!(new.is_some(), rewritten, "{body}");
        if let Some(new) = new {
            let new: serde_json::Value = serde_json::from_slice(&new).unwrap();
            assert_eq!(new["stream_options"]["include_usage"], true);
            assert_eq!(new["model"], "gpt-5");
        }
    }
}

#[test]
fn what_was_held_as_a_whole_and_turns_out_to_need_its_body_is_to_be_tried_again() {
    let mut world = World::new();
    world.get("/api/free").unwrap();
    let headers = request(1, "POST", CHAT, &[]);
    let mut attempt = Attempt::new(true);
    attempt.seal();
    let Decision::Deny(denial) = world.decide(&headers, &mut attempt) else { panic!("it passed") };
    let reply = denial.reply(wire::units::Millis(world.now));
    assert_eq!(reply.status, 503);
    assert!(reply.headers.contains(&("retry-after", "1".to_owned())));
}
