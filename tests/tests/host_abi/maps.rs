//! Maps of headers: what is in them, and when they are there.

use tollkeeper_tests::host::{Headers, Setup};

use crate::puppet::{CONTINUE, GET, OUT, OUT_SIZE, PAUSE, Puppet, said};

#[test]
fn by_name_the_first_of_two_is_found_in_any_case_and_the_upstream_gets_both() {
    let mut puppet = Puppet::default();
    let name = puppet.text("DUP");
    let body = format!(
        "(call $say (call $value (i32.const 0) {name} {OUT}))
         (call $say {OUT_SIZE})
         (call $say (i32.load8_u (i32.load (i32.const 16))))"
    );
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    let stream = vm.call(&[("dup", "!"), ("Dup", "..")]).unwrap();
    assert_eq!(said(&vm), [0, 1, u32::from(b'!')]);
    let sent = vm.stream(stream).sent.as_ref().unwrap();
    assert_eq!(sent.all("dup"), [b"!".as_slice(), b".."]);
}

#[test]
fn values_are_bytes() {
    let mut puppet = Puppet::default();
    let name = puppet.text("key");
    let body = format!(
        "(call $say (call $value (i32.const 0) {name} {OUT}))
         (drop (call $replace (i32.const 0) {name} (i32.load (i32.const 16)) {OUT_SIZE}))"
    );
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    let stream = vm.call(&[("key", b"\xff\xfe\0")]).unwrap();
    let sent = vm.stream(stream).sent.as_ref().unwrap();
    assert_eq!(sent.get("key"), Some(&b"\xff\xfe\0"[..]));
}

#[test]
fn absent_is_not_found_and_empty_is_a_null_pointer() {
    let mut puppet = Puppet::default();
    let (absent, empty) = (puppet.text("absent"), puppet.text("empty"));
    let body = format!(
        "(i32.store (i32.const 16) (i32.const 7))
         (call $say (call $value (i32.const 0) {absent} {OUT}))
         (call $say (i32.load (i32.const 16)))
         (call $say (call $value (i32.const 0) {empty} {OUT}))
         (call $say (i32.load (i32.const 16)))
         (call $say {OUT_SIZE})
         (call $say (call $remove (i32.const 0) {absent}))"
    );
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    vm.call(&[("empty", "")]).unwrap();
    assert_eq!(said(&vm), [1, 7, 0, 0, 0, 0]);
}

#[test]
fn headers_are_added_replaced_removed_and_set_anew() {
    let mut puppet = Puppet::default();
    let (dup, fresh, gone) = (puppet.text("dup"), puppet.text("fresh"), puppet.text("gone"));
    let value = puppet.text("v");
    let body = format!(
        "(call $say (call $replace (i32.const 0) {dup} {value}))
         (call $say (call $add (i32.const 0) {dup} {value}))
         (call $say (call $add (i32.const 0) {fresh} {value}))
         (call $say (call $remove (i32.const 0) {gone}))"
    );
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    let stream = vm.call(&[("dup", "a"), ("dup", "b"), ("gone", "1"), ("gone", "2")]).unwrap();
    assert_eq!(said(&vm), [0; 4]);
    let expected = Headers::new(&[("dup", "v"), ("dup", "v"), ("fresh", "v")]);
    assert_eq!(vm.stream(stream).sent, Some(expected));

    let mut puppet = Puppet::default();
    let map = puppet.map(&[("only", "this")]);
    let broken = puppet.text(b"\x01\0\0\0\xff");
    let body = format!(
        "(call $say (call $set_pairs (i32.const 0) {broken}))
         (call $say (call $set_pairs (i32.const 0) {map}))"
    );
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    let stream = vm.call(&GET).unwrap();
    assert_eq!(said(&vm), [2, 0]);
    let expected = Headers::new(&[("only", "this")]);
    assert_eq!(vm.stream(stream).sent, Some(expected));
}

#[test]
fn all_pairs_come_in_the_form_of_the_abi_with_their_count() {
    let mut puppet = Puppet::default();
    let headers = [("a", "1"), ("a", "2"), ("bc", "")];
    let expected = puppet.map(&headers);
    let body = format!(
        "(call $say (local.get $count))
         (call $say (call $pairs (i32.const 0) {OUT}))
         (call $say {OUT_SIZE})
         (call $say (call $same (i32.load (i32.const 16)) {expected}))"
    );
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    vm.call(&headers).unwrap();
    assert_eq!(said(&vm), [3, 0, 4 + 3 * 8 + 3 * 2 + 6, 1]);
}

#[test]
fn after_the_request_was_let_go_its_map_is_gone() {
    let mut puppet = Puppet::default();
    let (name, value) = (puppet.text(":path"), puppet.text("/other"));
    let look = format!(
        "(call $say (call $pairs (i32.const 0) {OUT}))
         (call $say {OUT_SIZE})
         (call $say (call $value (i32.const 0) {name} {OUT}))
         (call $say (call $replace (i32.const 0) {name} {value}))
         (call $say (call $add (i32.const 0) {name} {value}))
         (call $say (call $remove (i32.const 0) {name}))"
    );
    let body = format!("(call $say (call $resume (i32.const 0))) {look}");
    let mut vm = puppet.on_request(&body, PAUSE).on_response(&look).start();
    let stream = vm.call(&GET).unwrap();
    assert_eq!(said(&vm), [0, 0, 0, 2, 2, 2, 2]);
    assert!(vm.is_upstream(stream));
    assert_eq!(vm.stream(stream).sent, Some(Headers::new(&GET)));
    vm.response_headers(stream, &[(":status", "200")], true).unwrap();
    assert_eq!(said(&vm)[7..], [0, 0, 2, 2, 2, 2]);
}

#[test]
fn a_root_context_has_no_maps_and_an_unknown_map_is_a_bad_argument() {
    let mut puppet = Puppet::default();
    let name = puppet.text("a");
    let body = format!(
        "(call $say (call $pairs (i32.const 0) {OUT}))
         (call $say (call $value (i32.const 0) {name} {OUT}))
         (call $say (call $pairs (i32.const 6) {OUT}))
         (call $say (call $pairs (i32.const 9) {OUT}))"
    );
    let vm = puppet.on_configure(&body).start();
    assert_eq!(said(&vm), [0, 2, 0, 2]);
}

#[test]
fn a_pointer_to_nowhere_is_an_invalid_memory_access() {
    let body = format!(
        "(call $say (call $value (i32.const 0) (i32.const -8) (i32.const 16) {OUT}))
         (call $say (call $pairs (i32.const 0) (i32.const -4) (i32.const -8)))"
    );
    let mut vm = Puppet::default().on_request(&body, CONTINUE).start();
    vm.call(&GET).unwrap();
    assert_eq!(said(&vm), [6, 6]);
}

#[test]
fn properties_are_those_of_the_stream_then_those_of_the_setup() {
    let mut puppet = Puppet::default();
    let (cluster, other) = (puppet.text("xds\0cluster_name"), puppet.text("xds\0other"));
    let body = format!(
        "(call $say (call $property {cluster} {OUT}))
         (call $say {OUT_SIZE})
         (call $say (call $property {other} {OUT}))"
    );
    let module = puppet.on_request(&body, CONTINUE).module();
    let setup = Setup::new("").property(&["xds", "cluster_name"], "openai");
    let mut vm = setup.start(&module).unwrap();
    vm.call(&GET).unwrap();
    let stream = vm.open().unwrap();
    vm.set_property(stream, &["xds", "cluster_name"], "up");
    vm.request_headers(stream, &GET, true).unwrap();
    assert_eq!(said(&vm), [0, 6, 1, 0, 2, 1]);
}
