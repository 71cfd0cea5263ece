//! The filter itself fails: Envoy skips it on a worker, or its VM dies.

use std::path::Path;

use serde_json::json;
use tollkeeper_tests::client::Call;
use tollkeeper_tests::deployment::{Deployment, Site};
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::upstream::Upstream;
use tollkeeper_tests::world::{HOST, SECRET, until_answered};

use crate::probe::{Configure, TRAP, probe};

/// The reference, with the probe in the filter's place. It may do more than the filter: it needs shared data.
fn with_probe(probe: &Path, upstream: &Upstream) -> Deployment {
    let mut deployment = Deployment::reference(&Site {
        wasm: probe,
        sidecar_socket: Path::new("/nowhere/sync.sock"),
        upstream: upstream.address(),
        upstream_ca: &upstream.ca_file(),
    });
    let restriction = &mut deployment.filter()["vm_config"]["capability_restriction_config"];
    assert!(restriction.is_object(), "the reference restricts the filter");
    *restriction = json!({});
    deployment
}

fn call() -> Call {
    Call::get("/v1/models").header("authorization", format!("Bearer {SECRET}"))
}

#[test]
fn a_filter_that_workers_skip_lets_nothing_pass() {
    for (configure, status) in
        [(Configure::Succeeds, 200), (Configure::SaysNo, 503), (Configure::Traps, 503)]
    {
        let (upstream, probe) = (Upstream::start(HOST, SECRET), probe(configure));
        let envoy = Envoy::start(with_probe(probe.path(), &upstream).tree(), 2);
        for _ in 0..8 {
            let answer = call().send(envoy.gate()).unwrap();
            assert_eq!(answer.status, status, "{configure:?}: {}", answer.text());
            let code = (status == 503).then_some("not_judged");
            assert_eq!(answer.header("x-tollkeeper-refusal"), code, "{configure:?}");
        }
        assert_eq!(upstream.seen().is_empty(), status == 503, "{configure:?}");
        let told = envoy.log().contains("Failed to configure thread-local Wasm plugin");
        assert_eq!(told, status == 503, "{configure:?}: {}", envoy.log());
    }
}

#[test]
fn a_vm_that_dies_is_made_anew_and_the_call_that_killed_it_goes_nowhere() {
    let (upstream, probe) = (Upstream::start(HOST, SECRET), probe(Configure::Succeeds));
    let envoy = Envoy::start(with_probe(probe.path(), &upstream).tree(), 1);
    until_answered(envoy.gate(), &call(), 200);
    for deaths in 1..=3 {
        let poison = call().header(TRAP, "now").send(envoy.gate()).unwrap();
        assert_eq!(poison.status, 503, "{}", poison.text());
        until_answered(envoy.gate(), &call(), 200);
        assert_eq!(envoy.stat("wasm.tollkeeper.vm_reload_success"), deaths);
    }
    assert!(upstream.seen().iter().all(|seen| seen.header(TRAP).is_empty()));
}
