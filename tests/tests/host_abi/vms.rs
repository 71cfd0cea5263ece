//! VMs and their root contexts: start, reconfiguration, ticks, death, fuel.

use std::time::Duration;

use tollkeeper_tests::host::{Broken, Module, Vm};

use crate::puppet::{CONTINUE, GET, Puppet, said};

const ID: &str = "(param $id i32)";

#[test]
fn a_configuration_that_is_refused_is_an_error_with_the_callbacks_name() {
    let refuse = "(param $id i32) (param $size i32) (result i32)";
    let puppet = Puppet::default().on("configure", refuse, "(i32.const 0)");
    let broken = Vm::start(&puppet.module(), "").err();
    let callback = "proxy_on_configure";
    assert_eq!(broken, Some(Broken::Refused { callback }));
}

#[test]
fn after_a_trap_the_vm_is_dead_and_says_since_when() {
    let mut puppet = Puppet::default();
    let text = puppet.text("42");
    let body = format!("(drop (call $log (i32.const 5) {text})) (unreachable)");
    let mut vm = puppet.on_request(&body, CONTINUE).start();
    let other = vm.open().unwrap();
    let broken = vm.call(&GET).unwrap_err();
    assert!(
        matches!(&broken, Broken::Trap { callback: "proxy_on_request_headers", reason, .. }
        if reason.contains("unreachable") && reason.contains("42")),
        "{broken}"
    );
    assert!(vm.is_dead());
    let since = "proxy_on_request_headers";
    assert_eq!(vm.open(), Err(Broken::Dead { since }));
    assert_eq!(vm.end(other), Err(Broken::Dead { since }));
}

#[test]
fn what_is_not_of_the_abi_is_a_trap_when_it_is_called_and_not_before() {
    let mut vm = Puppet::default().on_request("(call $unheard_of)", CONTINUE).start();
    let broken = vm.call(&GET).unwrap_err();
    assert!(broken.to_string().contains("proxy_unheard_of"), "{broken}");
}

#[test]
fn a_loop_that_does_not_end_is_a_trap() {
    let mut vm = Puppet::default().on_request("(loop $for_ever (br $for_ever))", CONTINUE).start();
    let broken = vm.call(&GET).unwrap_err();
    assert!(broken.to_string().contains("fuel"), "{broken}");
}

#[test]
fn fuel_counts_instructions_per_callback_and_is_repeatable() {
    let run = |additions: usize| {
        let body = "(drop (i32.add (i32.const 1) (i32.const 2)))".repeat(additions);
        let mut vm = Puppet::default().on_request(&body, CONTINUE).start();
        vm.call(&GET).unwrap();
        vm.call(&GET).unwrap();
        let fuel = vm.fuel("proxy_on_request_headers");
        assert_eq!(fuel.entered, 2);
        assert_eq!(fuel.total, 2 * fuel.last);
        assert_eq!(vm.fuel("proxy_on_response_headers").entered, 0);
        fuel.most
    };
    let (none, hundred, thousand) = (run(0), run(100), run(1000));
    assert!(none > 0);
    assert_eq!((thousand - none), (hundred - none) * 10);
    assert!(hundred - none >= 100);
}

#[test]
fn a_new_configuration_is_a_new_root_context_and_the_old_one_goes_on_ticking() {
    let create = "(param $id i32) (param $root i32)";
    let tick = "(call $say (i32.add (i32.const 90) (local.get $id)))";
    let mut vm = Puppet::default()
        .on("context_create", create, "(call $say (local.get $root))")
        .on_configure("(call $say (local.get $size)) (drop (call $tick_every (i32.const 10)))")
        .on_tick(tick)
        .start();
    let old = vm.root();
    vm.reconfigure("longer configuration").unwrap();
    let stream = vm.call(&GET).unwrap();
    assert_eq!(vm.tick(), Ok(2));
    assert_eq!(said(&vm), [0, 6, 0, 20, 2, 91, 92]);
    assert_eq!(vm.drain(old), Ok(true));
    assert_eq!(vm.tick(), Ok(1));
    vm.end(stream).unwrap();
}

#[test]
fn an_old_root_context_may_ask_for_time_and_end_itself() {
    let done = "(param $id i32) (result i32)";
    let mut vm = Puppet::default()
        .on_configure("(drop (call $tick_every (i32.const 10))) (call $say (call $done))")
        .on("done", done, "(i32.const 0)")
        .on_tick("(call $say (call $done))")
        .on("delete", ID, "(call $say (i32.add (i32.const 90) (local.get $id)))")
        .start();
    let old = vm.root();
    vm.reconfigure("").unwrap();
    assert_eq!(vm.drain(old), Ok(false));
    // The old one goes, before the new one ticks, which has nothing to be done with.
    vm.tick().unwrap();
    assert_eq!(said(&vm), [1, 1, 0, 91, 1]);
    assert_eq!(vm.tick(), Ok(1));
}

#[test]
fn ticks_come_at_their_moments_and_can_be_turned_off() {
    let mut vm = Puppet::default()
        .on_configure("(drop (call $tick_every (i32.const 250)))")
        .on_tick("(call $say (i32.const 1))")
        .start();
    assert_eq!(vm.tick_period(), Some(Duration::from_millis(250)));
    vm.advance(Duration::from_millis(249)).unwrap();
    assert_eq!(said(&vm).len(), 0);
    vm.advance(Duration::from_millis(1)).unwrap();
    assert_eq!(said(&vm).len(), 1);
    vm.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(said(&vm).len(), 5);

    let mut vm = Puppet::default()
        .on_configure("(drop (call $tick_every (i32.const 250)))")
        .on_tick("(call $say (i32.const 1)) (drop (call $tick_every (i32.const 0)))")
        .start();
    vm.advance(Duration::from_secs(9)).unwrap();
    assert_eq!(said(&vm).len(), 1);
    assert_eq!(vm.tick_period(), None);
}

#[test]
fn vms_share_code_and_nothing_else() {
    let body = "(global.set $heap (i32.add (global.get $heap) (i32.const 1)))
                (call $say (i32.sub (global.get $heap) (i32.const 65536)))";
    let module = Puppet::default().on_request(body, CONTINUE).module();
    let mut first = Vm::start(&module, "").unwrap();
    let mut second = Vm::start(&module, "").unwrap();
    first.call(&GET).unwrap();
    first.call(&GET).unwrap();
    second.call(&GET).unwrap();
    assert_eq!((said(&first), said(&second)), (vec![1, 2], vec![1]));
}

#[test]
fn what_is_no_module_is_refused_in_words() {
    let error = Module::from_bytes(b"\0asm").err().unwrap();
    assert!(!error.is_empty());
    let missing = Module::load(std::path::Path::new("/nowhere/tollkeeper.wasm"));
    assert!(missing.err().unwrap().contains("/nowhere/tollkeeper.wasm"));
}
