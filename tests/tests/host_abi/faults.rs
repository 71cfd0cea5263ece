//! Host calls that fail on demand, and the matrix of all of them.

use tollkeeper_tests::host::{Setup, Status, Vm, When, every_status};

use crate::puppet::{CONTINUE, GET, Puppet, said};

/// Replaces a header and says what came of it.
fn replacer() -> Puppet {
    let mut puppet = Puppet::default();
    let (name, value) = (puppet.text("a"), puppet.text("b"));
    let body = format!("(call $say (call $replace (i32.const 0) {name} {value}))");
    puppet.on_request(&body, CONTINUE)
}

const CALL: &str = "proxy_replace_header_map_value";

#[test]
fn every_status_comes_back_as_asked_and_the_call_is_not_done() {
    let mut vm = replacer().start();
    for status in Status::all() {
        vm.fail(CALL, status, When::Always);
        let stream = vm.call(&GET).unwrap();
        let sent = vm.stream(stream).sent.as_ref().unwrap();
        assert_eq!(sent.get("a"), None, "{status:?}");
    }
    assert_eq!(said(&vm), (0..=12).collect::<Vec<u32>>());
    vm.heal();
    let stream = vm.call(&GET).unwrap();
    let sent = vm.stream(stream).sent.as_ref().unwrap();
    assert_eq!(sent.get("a"), Some(&b"b"[..]));
}

#[test]
fn a_fault_may_strike_once() {
    let mut vm = replacer().start();
    vm.fail(CALL, Status(7), When::Nth(2));
    for _ in 0..3 {
        vm.call(&GET).unwrap();
    }
    assert_eq!(said(&vm), [0, 7, 0]);
    assert_eq!(vm.count(CALL), 3);
}

#[test]
fn the_matrix_finds_the_one_status_that_breaks_the_one_call() {
    let mut puppet = Puppet::default();
    let (name, value) = (puppet.text("a"), puppet.text("b"));
    // Twice, and only the second one cannot stand a 9.
    let body = format!(
        "(drop (call $replace (i32.const 0) {name} {value}))
         (if (i32.eq (call $replace (i32.const 0) {name} {value}) (i32.const 9))
           (then (unreachable)))
         (drop (call $resume (i32.const 0)))"
    );
    let module = puppet.on_request(&body, CONTINUE).module();
    let scenario = |vm: &mut Vm| {
        let stream = vm.call(&GET)?;
        vm.end(stream)
    };
    let matrix = every_status(&module, &Setup::new(""), scenario).unwrap();
    assert_eq!(matrix.calls[CALL], 2);
    assert_eq!(matrix.calls["proxy_continue_stream"], 1);
    // Always and each occurrence alone: 3 for the one, 2 for the other.
    assert_eq!(matrix.runs, (3 + 2) * 13);
    let found: Vec<_> = matrix
        .findings
        .iter()
        .map(|finding| (finding.call, finding.status, finding.when))
        .collect();
    let nine = Status(9);
    assert_eq!(found, [(CALL, nine, When::Always), (CALL, nine, When::Nth(2))]);
    let text = matrix.findings[0].to_string();
    assert!(text.contains("ResultMismatch (9)"), "{text}");
}

#[test]
fn a_host_call_that_fails_while_the_vm_starts_is_part_of_the_matrix() {
    let body = "(if (call $tick_every (i32.const 50)) (then (unreachable)))";
    let module = Puppet::default().on_configure(body).module();
    let matrix = every_status(&module, &Setup::new(""), |_| Ok(())).unwrap();
    assert_eq!(matrix.findings.len(), 2 * 12);
}
