//! The life of a stream: let go, held, refused, ended.

use tollkeeper_tests::host::{Action, Broken, Headers, Phase};

use crate::puppet::{CONTINUE, GET, PAUSE, Puppet, said};

const OK: [(&str, &str); 2] = [(":status", "200"), ("x", "upstream")];

/// `(call $reply ...)` with this status, headers and body.
fn reply(puppet: &mut Puppet, status: u16, headers: &[(&str, &str)], body: &str) -> String {
    let (headers, body) = (puppet.map(headers), puppet.text(body));
    format!(
        "(call $reply (i32.const {status}) (i32.const 0) (i32.const 0) {body} {headers} (i32.const -1))"
    )
}

#[test]
fn a_request_that_is_let_go_is_answered_and_ends_in_envoys_order() {
    let each = "(param $id i32)";
    let done = "(call $say (i32.const 21)) (i32.const 1)";
    let mut vm = Puppet::default()
        .on_request("(call $say (local.get $end))", CONTINUE)
        .on_response("(call $say (i32.const 10))")
        .on("log", each, "(call $say (i32.const 20))")
        .on("done", "(param $id i32) (result i32)", done)
        .on("delete", each, "(call $say (i32.const 22))")
        .start();
    let stream = vm.call(&GET).unwrap();
    assert!(vm.is_upstream(stream));
    vm.response_headers(stream, &OK, false).unwrap();
    assert_eq!(vm.stream(stream).phase, Phase::Answered);
    assert_eq!(vm.stream(stream).delivered, Some(Headers::new(&OK)));
    vm.end(stream).unwrap();
    vm.end(stream).unwrap();
    assert_eq!(said(&vm), [1, 10, 20, 21, 22]);
    assert_eq!(vm.stream(stream).phase, Phase::Deleted);
    assert_eq!(vm.reply(stream), None);
}

#[test]
fn callbacks_that_are_not_exported_are_done_without() {
    let mut vm = Puppet::default().start();
    let stream = vm.call(&GET).unwrap();
    vm.respond_and_end(stream, &OK).unwrap();
    assert_eq!(vm.stream(stream).delivered, Some(Headers::new(&OK)));
}

#[test]
fn a_refusal_takes_effect_after_the_callback_passes_the_response_callback_and_ends_the_stream() {
    let mut puppet = Puppet::default();
    let refusal = reply(&mut puppet, 429, &[("retry-after", "1")], "slow down");
    let (name, value) = (puppet.text("late"), puppet.text("but in time"));
    let body = format!(
        "(call $say {refusal})
         (call $say (call $replace (i32.const 0) {name} {value}))"
    );
    let mut vm = puppet
        .on_request(&body, PAUSE)
        .on_response(&format!(
            "(call $say (i32.add (i32.const 40) (local.get $count)))
             (drop (call $add (i32.const 2) {name} {value}))"
        ))
        .on("delete", "(param $id i32)", "(call $say (i32.const 22))")
        .start();
    let stream = vm.call(&GET).unwrap();
    // `:status`, `retry-after`, and two that Envoy adds.
    assert_eq!(said(&vm), [0, 0, 44, 22]);
    let seen = vm.reply(stream).unwrap();
    assert_eq!((seen.status, seen.text().as_str()), (429, "slow down"));
    assert_eq!(seen.headers, Headers::new(&[("retry-after", "1")]));
    let delivered = vm.stream(stream).delivered.as_ref().unwrap();
    assert_eq!(delivered.get("content-length"), Some(&b"9"[..]));
    assert_eq!(delivered.get("late"), Some(&b"but in time"[..]));
    assert_eq!(vm.stream(stream).sent, None);
    assert_eq!(vm.stream(stream).phase, Phase::Deleted);
}

#[test]
fn of_two_refusals_the_first_counts_and_neither_is_an_error() {
    let mut puppet = Puppet::default();
    let (first, second) = (reply(&mut puppet, 429, &[], ""), reply(&mut puppet, 430, &[], ""));
    let body = format!(
        "(call $say {first}) (call $say {second}) (call $say (call $resume (i32.const 0)))"
    );
    let again = format!("(call $say {second})");
    let mut vm = puppet.on_request(&body, PAUSE).on_response(&again).start();
    let stream = vm.call(&GET).unwrap();
    assert_eq!(said(&vm), [0, 0, 0, 0]);
    assert_eq!(vm.reply(stream).map(|reply| reply.status), Some(429));
}

#[test]
fn a_refusal_beats_continue() {
    let mut puppet = Puppet::default();
    let refusal = reply(&mut puppet, 403, &[], "");
    let mut vm = puppet.on_request(&format!("(drop {refusal})"), CONTINUE).start();
    let stream = vm.call(&GET).unwrap();
    assert_eq!(vm.reply(stream).map(|reply| reply.status), Some(403));
    assert_eq!(vm.stream(stream).sent, None);
}

#[test]
fn a_refusal_in_place_of_an_answer_enters_no_further_callback() {
    let mut puppet = Puppet::default();
    let refusal = reply(&mut puppet, 502, &[], "ours");
    let mut vm = puppet.on_response(&format!("(call $say {refusal})")).start();
    let stream = vm.call(&GET).unwrap();
    vm.response_headers(stream, &OK, false).unwrap();
    assert_eq!(said(&vm), [0]);
    let delivered = vm.stream(stream).delivered.as_ref().unwrap();
    assert_eq!(delivered.text(":status").as_deref(), Some("502"));
    assert_eq!(delivered.get("x"), None);
}

#[test]
fn a_refusal_at_the_end_of_a_stream_would_crash_envoy() {
    let mut puppet = Puppet::default();
    let refusal = reply(&mut puppet, 500, &[], "");
    let mut vm = puppet.on("delete", "(param $id i32)", &format!("(drop {refusal})")).start();
    let stream = vm.call(&GET).unwrap();
    let broken = vm.end(stream).unwrap_err();
    assert!(matches!(&broken, Broken::Trap { callback: "proxy_on_delete", reason, .. }
        if reason.contains("Envoy 1.40 itself crashes")));
}

#[test]
fn a_held_request_can_be_changed_and_let_go_from_the_root_context() {
    let mut puppet = Puppet::default();
    let (name, value) = (puppet.text("authorization"), puppet.text("injected"));
    let tick = format!(
        "(call $say (call $speak_for (i32.const 2)))
         (call $say (call $add (i32.const 0) {name} {value}))
         (call $say (call $resume (i32.const 0)))
         (call $say (call $add (i32.const 0) {name} {value}))
         (call $say (call $resume (i32.const 0)))
         (call $say (call $speak_for (i32.const 0)))"
    );
    let mut vm = puppet
        .on_configure("(drop (call $tick_every (i32.const 100)))")
        .on_request("", PAUSE)
        .on_tick(&tick)
        .start();
    let stream = vm.open().unwrap();
    let action = vm.request_headers(stream, &GET, true).unwrap();
    assert_eq!(action, Action::Pause);
    assert!(vm.is_paused(stream));
    vm.tick().unwrap();
    assert_eq!(said(&vm), [0, 0, 0, 2, 0, 0]);
    assert!(vm.is_upstream(stream));
    let sent = vm.stream(stream).sent.as_ref().unwrap();
    assert_eq!(sent.get("authorization"), Some(&b"injected"[..]));
    assert!(vm.stream(stream).calls.contains(&"proxy_add_header_map_value"));
}

#[test]
fn one_can_speak_for_a_stream_until_it_is_deleted() {
    let tick = "(call $say (call $speak_for (i32.const 2)))
                (call $say (call $speak_for (i32.const 99)))
                (call $say (call $speak_for (i32.const 1)))";
    let mut vm = Puppet::default()
        .on_configure("(drop (call $tick_every (i32.const 100)))")
        .on_tick(tick)
        .on("delete", "(param $id i32)", "(call $say (call $speak_for (local.get $id)))")
        .start();
    let stream = vm.call(&GET).unwrap();
    vm.tick().unwrap();
    vm.end(stream).unwrap();
    vm.tick().unwrap();
    assert_eq!(said(&vm), [0, 2, 0, 0, 2, 2, 0]);
}

#[test]
fn a_stream_may_end_before_it_has_any_headers() {
    let mut vm =
        Puppet::default().on("delete", "(param $id i32)", "(call $say (local.get $id))").start();
    let stream = vm.open().unwrap();
    vm.end(stream).unwrap();
    assert_eq!(said(&vm), [2]);
}

#[test]
fn an_unknown_kind_of_stream_cannot_be_let_go_and_a_root_context_needs_not() {
    let body = "(call $say (call $resume (i32.const 9))) (call $say (call $resume (i32.const 0)))";
    let vm = Puppet::default().on_configure(body).start();
    assert_eq!(said(&vm), [2, 0]);
}
