//! Calls to the sidecar: refused, answered, cancelled.

use std::time::Duration;

use tollkeeper_tests::host::{Answer, Vm};

use crate::puppet::{GET, OUT, OUT_SIZE, PAUSE, Puppet, said};

const SYNC: [(&str, &str); 3] =
    [(":method", "POST"), (":path", "/sync"), (":authority", "sidecar")];

/// `(call $http ...)` to `cluster`; the token goes to address 32.
fn http(puppet: &mut Puppet, cluster: &str, headers: &[(&str, &str)]) -> String {
    let (cluster, headers) = (puppet.text(cluster), puppet.map(headers));
    let (body, trailers) = (puppet.text("question"), puppet.map(&[]));
    format!("(call $http {cluster} {headers} {body} {trailers} (i32.const 250) (i32.const 32))")
}

/// Calls on each tick, and says what comes back: count of headers, size of the body, status by name,
/// the body's status and its size as read.
fn caller() -> Vm {
    let mut puppet = Puppet::default();
    let call = http(&mut puppet, "key-sidecar", &SYNC);
    let status = puppet.text(":status");
    let answer = format!(
        "(call $say (i32.rem_u (local.get $token) (i32.const 100)))
         (call $say (local.get $count))
         (call $say (local.get $size))
         (call $say (call $value (i32.const 6) {status} {OUT}))
         (call $say (call $buffer (i32.const 4) (i32.const 0) (i32.const 1000) {OUT}))
         (call $say {OUT_SIZE})"
    );
    puppet
        .on_configure("(drop (call $tick_every (i32.const 50)))")
        .on_tick(&format!("(call $say {call})"))
        .on(
            "http_call_response",
            "(param $id i32) (param $token i32) (param $count i32) (param $size i32) (param $t i32)",
            &answer,
        )
        .start()
}

#[test]
fn a_call_is_recorded_and_its_answer_readable_during_its_callback() {
    let mut vm = caller();
    vm.tick().unwrap();
    vm.tick().unwrap();
    let callouts = vm.callouts();
    assert_eq!(callouts.len(), 2);
    assert_eq!((callouts[0].token, callouts[1].token), (4, 8));
    assert_eq!(callouts[0].cluster, "key-sidecar");
    assert_eq!(callouts[0].headers.get(":path"), Some(&b"/sync"[..]));
    assert_eq!(callouts[0].body, b"question");
    assert_eq!(callouts[0].timeout, Duration::from_millis(250));
    assert!(vm.answer(8, Answer::ok("answer")).unwrap());
    assert!(!vm.answer(8, Answer::ok("again")).unwrap());
    assert_eq!(said(&vm), [0, 0, 8, 2, 6, 0, 0, 6]);
}

#[test]
fn answers_come_without_headers_or_cut_short_or_as_envoys_errors() {
    let mut vm = caller();
    for _ in 0..4 {
        vm.tick().unwrap();
    }
    vm.answer(4, Answer::reset()).unwrap();
    // No header: reading one by name fails, and not with "not found" alone.
    assert_eq!(said(&vm)[4..], [4, 0, 0, 1, 0, 0]);
    vm.answer(8, Answer::ok("0123456789").cut_to(3)).unwrap();
    assert_eq!(said(&vm)[10..], [8, 2, 3, 0, 0, 3]);
    assert_eq!(Answer::timeout().headers.text(":status").as_deref(), Some("504"));
    assert_eq!(Answer::unreachable().headers.text(":status").as_deref(), Some("503"));
}

#[test]
fn unknown_clusters_and_incomplete_headers_are_bad_arguments_and_no_endpoint_is_a_failure() {
    let mut puppet = Puppet::default();
    let calls = [
        http(&mut puppet, "elsewhere", &SYNC),
        http(&mut puppet, "key-sidecar", &SYNC[..2]),
        http(&mut puppet, "key-sidecar", &SYNC),
    ]
    .map(|call| format!("(call $say {call})"))
    .concat();
    let mut vm =
        puppet.on_configure("(drop (call $tick_every (i32.const 50)))").on_tick(&calls).start();
    vm.tick().unwrap();
    vm.clusters_down(true);
    vm.tick().unwrap();
    assert_eq!(said(&vm), [2, 2, 0, 2, 2, 10]);
    assert_eq!(vm.callouts().len(), 1);
}

#[test]
fn a_streams_calls_end_with_it_and_those_made_for_the_root_do_not() {
    let mut puppet = Puppet::default();
    let call = http(&mut puppet, "key-sidecar", &SYNC);
    let body = format!(
        "(call $say {call})
         (drop (call $speak_for (i32.const 1)))
         (call $say {call})"
    );
    let mut vm = puppet.on_request(&body, PAUSE).start();
    let stream = vm.call(&GET).unwrap();
    assert_eq!(said(&vm), [0, 0]);
    assert_eq!(vm.callouts().len(), 2);
    vm.end(stream).unwrap();
    let left = vm.callouts();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].context, 1);
}

#[test]
fn outside_its_callback_an_answer_cannot_be_read() {
    let body =
        format!("(call $say (call $buffer (i32.const 4) (i32.const 0) (i32.const 9) {OUT}))");
    let vm = Puppet::default().on_configure(&body).start();
    assert_eq!(said(&vm), [1]);
}

#[test]
fn tokens_can_be_set_close_to_their_wrap() {
    let mut vm = caller();
    vm.set_last_token(u32::MAX - 3);
    vm.tick().unwrap();
    vm.tick().unwrap();
    let tokens: Vec<u32> = vm.callouts().iter().map(|call| call.token).collect();
    assert_eq!(tokens, [0, 4]);
}
