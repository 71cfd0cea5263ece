//! Does the reference deployment refuse what the filter has not judged, and allow the filter no more
//! than it needs?

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use tollkeeper_pack::contract::{EXPORTS, HOST_CALLS, WASI_CALLS};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::deployment::{Deployment, Site};
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::upstream::Upstream;

/// The reference, without a filter: as Envoy runs it where a worker skips one.
fn without_filter(upstream: &Upstream) -> Deployment {
    let mut deployment = Deployment::reference(&Site {
        wasm: Path::new("/nowhere/tollkeeper.wasm"),
        sidecar_socket: Path::new("/nowhere/sync.sock"),
        upstream: upstream.address(),
        upstream_ca: &upstream.ca_file(),
    });
    let filters = deployment.connection_manager()["http_filters"].as_array_mut();
    let removed = filters.map(|filters| filters.extract_if(.., is_ours).count());
    assert_eq!(removed, Some(1), "the reference has the filter once");
    deployment
}

fn is_ours(filter: &mut Value) -> bool {
    filter["name"] == "tollkeeper"
}

#[test]
fn what_was_not_judged_goes_nowhere_whatever_a_client_claims() {
    let upstream = Upstream::start("api.openai.com", "sk-real-key");
    let mut envoy = Envoy::start(without_filter(&upstream).tree(), 2);
    let call = Call::get("/v1/models?key=sk-canary").header("authorization", "Bearer sk-real-key");
    for claim in [
        call.clone(),
        call.clone().header("x-tollkeeper-service", "openai"),
        call.clone().header("X-Tollkeeper-SERVICE", "openai"),
        call.clone()
            .header("x-tollkeeper-service", "openai")
            .header("x-tollkeeper-service", "openai"),
        call.header("host", "api.openai.com"),
    ] {
        let answer = claim.send(envoy.gate()).unwrap();
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.header("x-tollkeeper-refusal"), Some("not_judged"));
        assert_eq!(answer.json()["code"], "not_judged");
        assert_eq!(answer.json()["error"]["code"], "not_judged");
    }
    assert!(upstream.seen().is_empty());

    let log = envoy.stop();
    let line = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["refusal"] == "not_judged")
        .expect("refusals are in the access log");
    assert_eq!(line["path"], "/v1/models", "{line}");
    assert!(!log.contains("sk-canary") && !log.contains("sk-real-key"));
}

#[test]
fn a_request_that_two_programs_could_read_differently_is_refused_by_envoy_itself() {
    let upstream = Upstream::start("api.openai.com", "sk-real-key");
    let envoy = Envoy::start(without_filter(&upstream).tree(), 1);
    for odd in [
        Call::get("/v1%2fmodels"),
        Call::get("/v1%5Cmodels"),
        Call::get("/v1/models").header("x_api_key", "sk-canary"),
    ] {
        let answer = odd.send(envoy.gate()).unwrap();
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
}

#[test]
fn the_filter_may_do_what_its_contract_lists_and_nothing_else() {
    let mut deployment = Deployment::reference(&Site {
        wasm: Path::new("/nowhere/tollkeeper.wasm"),
        sidecar_socket: Path::new("/nowhere/sync.sock"),
        upstream: ([127, 0, 0, 1], 1).into(),
        upstream_ca: Path::new("/nowhere/ca.pem"),
    });
    let allowed: BTreeSet<String> =
        deployment.filter()["vm_config"]["capability_restriction_config"]["allowed_capabilities"]
            .as_object()
            .expect("the reference restricts the filter")
            .keys()
            .cloned()
            .collect();
    // Only callbacks are capabilities; the rest of the exports Envoy needs to run a module at all.
    let callbacks = EXPORTS.iter().filter(|line| line.name.starts_with("proxy_on_"));
    let contract: BTreeSet<String> =
        callbacks.chain(HOST_CALLS).chain(WASI_CALLS).map(|line| line.name.to_owned()).collect();
    assert_eq!(allowed, contract);
}

#[test]
fn every_way_to_a_services_cluster_asks_for_the_mark_of_that_service() {
    let mut deployment = Deployment::reference(&Site {
        wasm: Path::new("/nowhere/tollkeeper.wasm"),
        sidecar_socket: Path::new("/nowhere/sync.sock"),
        upstream: ([127, 0, 0, 1], 1).into(),
        upstream_ca: Path::new("/nowhere/ca.pem"),
    });
    deployment.add_service("geocoding", "maps.googleapis.com", ([127, 0, 0, 1], 2).into());
    let routes =
        deployment.connection_manager()["route_config"]["virtual_hosts"][0]["routes"].clone();
    let routes = routes.as_array().expect("routes are a list");
    let (guard, services) = routes.split_last().expect("there are routes");
    assert_eq!(services.len(), 2);
    for route in services {
        let marked = json!([{
            "name": "x-tollkeeper-service",
            "string_match": { "exact": route["route"]["cluster"] },
        }]);
        assert_eq!(route["match"]["headers"], marked);
        assert_eq!(route["name"], route["route"]["cluster"]);
    }
    assert_eq!(guard["direct_response"]["status"], 503);
}
