//! Clocks, randomness, metrics, shared data, the configuration.

use std::time::Duration;

use tollkeeper_tests::host::{Clock, Setup, SharedData, Vm};

use crate::puppet::{OUT, OUT_SIZE, Puppet, said};

const TICKS: &str = "(drop (call $tick_every (i32.const 1000)))";

#[test]
fn both_clocks_are_the_tests_and_the_wall_can_be_set_back() {
    let seconds_of = |clock: &str| {
        format!(
            "{clock}
             (call $say (i32.wrap_i64 (i64.rem_u
               (i64.div_u (i64.load (i32.const 40)) (i64.const 1000000000)) (i64.const 100))))"
        )
    };
    let wasi =
        |id: u32| format!("(drop (call $clock (i32.const {id}) (i64.const 1) (i32.const 40)))");
    let body = [
        seconds_of("(drop (call $now (i32.const 40)))"),
        seconds_of(&wasi(0)),
        seconds_of(&wasi(1)),
    ]
    .concat();
    let module = Puppet::default().on_configure(TICKS).on_tick(&body).module();
    let clock = Clock::default();
    let mut vm = Setup::new("").clock(&clock).start(&module).unwrap();
    vm.tick().unwrap();
    clock.advance(Duration::from_secs(7));
    vm.tick().unwrap();
    clock.set_wall(Duration::from_secs(3));
    vm.tick().unwrap();
    assert_eq!(said(&vm), [0, 0, 0, 7, 7, 7, 3, 3, 7]);
}

#[test]
fn random_bytes_are_the_seeds() {
    let body = "(drop (call $random (i32.const 40) (i32.const 9)))
                (call $say (i32.rem_u (i32.load8_u (i32.const 40)) (i32.const 100)))
                (call $say (i32.rem_u (i32.load8_u (i32.const 48)) (i32.const 100)))";
    let module = Puppet::default().on_configure(body).module();
    let bytes = |seed| said(&Setup::new("").seed(seed).start(&module).unwrap());
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

#[test]
fn metrics_have_envoys_rules() {
    let mut puppet = Puppet::default();
    let (counter, gauge, histogram) = (puppet.text("c"), puppet.text("g"), puppet.text("h"));
    let define = |kind: u32, name: &str| {
        format!(
            "(call $say (call $define (i32.const {kind}) {name} (i32.const 40)))
             (call $say (i32.load (i32.const 40)))"
        )
    };
    let say = |call: &str, id: u32, by: i64| {
        format!("(call $say (call ${call} (i32.const {id}) (i64.const {by})))")
    };
    let body = [
        define(0, &counter),
        define(1, &gauge),
        define(2, &histogram),
        define(0, &counter),
        say("increment", 4, 0),
        say("increment", 4, -1),
        say("increment", 4, 5),
        say("increment", 8, 5),
        say("record", 4, 2),
        say("increment", 5, -1),
        say("record", 5, 9),
        say("increment", 6, 1),
        say("record", 6, 3),
        say("increment", 12, 1),
        say("record", 12, 1),
        "(call $say (call $define (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 40)))"
            .into(),
        "(call $say (call $metric (i32.const 4) (i32.const 40)))
         (call $say (i32.load (i32.const 40)))
         (call $say (call $metric (i32.const 6) (i32.const 40)))"
            .into(),
    ]
    .concat();
    let vm = puppet.on_configure(&body).start();
    let defined = [0, 4, 0, 5, 0, 6, 0, 8];
    let counted = [2, 2, 0, 0, 0, 0, 0, 2, 0, 1, 1, 2];
    let read = [0, 12, 2];
    assert_eq!(said(&vm), [&defined[..], &counted, &read].concat());
    assert_eq!(vm.metrics().value("c"), 12);
    assert_eq!(vm.metrics().value("g"), 9);
    assert_eq!(vm.metrics().recorded("h"), [3]);
    assert_eq!(vm.metrics().definitions(), 4);
}

#[test]
fn shared_data_is_compared_and_swapped_over_all_vms() {
    let mut puppet = Puppet::default();
    let (key, value) = (puppet.text("key"), puppet.text("value"));
    let set = |cas: &str| format!("(call $say (call $set_shared {key} {value} {cas}))");
    let body = [
        format!("(call $say (call $get_shared {key} {OUT} (i32.const 40)))"),
        // Any number creates what is absent; afterwards it must be the right one.
        set("(i32.const -1)"),
        set("(i32.const -1)"),
        format!("(call $say (call $get_shared {key} {OUT} (i32.const 40)))"),
        set("(i32.load (i32.const 40))"),
        set("(i32.load (i32.const 40))"),
        set("(i32.const 0)"),
    ]
    .concat();
    let module = puppet.on_configure(&body).module();
    let shared = SharedData::default();
    let setup = Setup::new("").shared(&shared);
    let first = setup.start(&module).unwrap();
    let second = setup.start(&module).unwrap();
    assert_eq!(said(&first), [1, 0, 8, 0, 0, 8, 0]);
    assert_eq!(said(&second), [0, 8, 8, 0, 0, 8, 0]);
    assert_eq!(shared.value("key"), Some(b"value".to_vec()));
    assert_eq!(shared.len(), 1);
}

#[test]
fn the_configuration_is_read_in_parts_and_nothing_lies_behind_it() {
    let read = |start: u32, max: i32| {
        format!(
            "(call $say (call $buffer (i32.const 7) (i32.const {start}) (i32.const {max}) {OUT}))
             (call $say {OUT_SIZE})"
        )
    };
    let body = [
        "(call $say (local.get $size))".to_owned(),
        read(0, -1),
        read(2, 3),
        read(6, 9),
        read(7, 9),
        format!("(call $say (call $buffer (i32.const 99) (i32.const 0) (i32.const 9) {OUT}))"),
    ]
    .concat();
    let module = Puppet::default().on_configure(&body).module();
    let vm = Vm::start(&module, "config").unwrap();
    assert_eq!(said(&vm), [6, 0, 6, 0, 3, 0, 0, 0, 0, 2]);
}

#[test]
fn logs_are_kept_with_their_level_and_a_level_that_is_none_is_refused() {
    let mut puppet = Puppet::default();
    let text = puppet.text("77");
    let body = format!(
        "(drop (call $log (i32.const 4) {text}))
         (call $say (call $log (i32.const 6) {text}))
         (call $say (call $log_level (i32.const 40)))
         (call $say (i32.load (i32.const 40)))"
    );
    let module = puppet.on_configure(&body).module();
    let vm = Setup::new("").log_level(3).start(&module).unwrap();
    assert_eq!(said(&vm), [77, 2, 0, 3]);
    assert_eq!(vm.logs()[0].level, 4);
}
