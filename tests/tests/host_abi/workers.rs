//! One Envoy: several VMs, one sidecar, time by events.

use std::cell::RefCell;
use std::time::Duration;

use tollkeeper_tests::host::{Answer, Setup, Workers};

use crate::puppet::{Puppet, said};

/// Syncs on each tick, every 100 ms, and says 7 for each answer.
fn syncing() -> Puppet {
    let mut puppet = Puppet::default();
    let (cluster, body) = (puppet.text("key-sidecar"), puppet.text("q"));
    let headers = puppet.map(&[(":method", "POST"), (":path", "/sync"), (":authority", "s")]);
    let trailers = puppet.map(&[]);
    let call = format!(
        "(call $http {cluster} {headers} {body} {trailers} (i32.const 250) (i32.const 32))"
    );
    puppet
        .on_configure("(drop (call $tick_every (i32.const 100)))")
        .on_tick(&format!("(drop {call})"))
        .on(
            "http_call_response",
            "(param i32) (param i32) (param i32) (param i32) (param i32)",
            "(call $say (i32.const 7))",
        )
}

#[test]
fn every_vm_syncs_at_its_ticks_the_main_threads_too() {
    let module = syncing().module();
    let asked = RefCell::new(Vec::new());
    let sidecar = |callout: &tollkeeper_tests::host::Callout| {
        asked.borrow_mut().push(callout.body.clone());
        Answer::ok("a")
    };
    let mut envoy = Workers::start(&module, &Setup::new(""), 2, sidecar).unwrap();
    envoy.run_for(Duration::from_millis(1050)).unwrap();
    assert_eq!(envoy.syncs_by_vm(), [10, 10, 10]);
    assert_eq!(envoy.syncs(), 30);
    assert_eq!(said(envoy.vm(0)).len(), 10);
    drop(envoy);
    assert_eq!(asked.into_inner(), vec![b"q".to_vec(); 30]);
}

#[test]
fn answers_take_the_sidecars_latency() {
    let module = syncing().module();
    let mut envoy = Workers::start(&module, &Setup::new(""), 1, |_| Answer::ok("a")).unwrap();
    envoy.set_latency(Duration::from_millis(30));
    let start = envoy.clock().monotonic();
    envoy.run_for(Duration::from_millis(129)).unwrap();
    assert_eq!(said(envoy.vm(0)).len(), 0);
    envoy.run_for(Duration::from_millis(1)).unwrap();
    assert_eq!(said(envoy.vm(0)).len(), 1);
    assert_eq!(envoy.clock().monotonic() - start, Duration::from_millis(130));
}
