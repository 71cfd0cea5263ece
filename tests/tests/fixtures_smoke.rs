//! Do the fixtures themselves work? A tiny Envoy, an upstream, a caller, and a SoftHSM2 token.
//!
//! Where this fails, the failures of the other suites mean nothing.

use std::io;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::softhsm::{CONFIGURATION_VARIABLE, SoftHsm};
use tollkeeper_tests::upstream::{Script, Upstream};
use tollkeeper_tests::wait;

const HOST: &str = "api.openai.com";
const KEY: &str = "sk-real-key";
const CHAT: &str = "/v1/chat/completions";

#[test]
fn a_call_goes_through_envoy_and_every_peculiarity_of_the_upstream_is_seen() {
    let upstream = Upstream::start(HOST, KEY);
    let mut envoy = Envoy::start(&pass_through(&upstream), 1);
    let to = envoy.gate();
    let chat = |body: Value| Call::post(CHAT, &body).header("authorization", "Bearer sk-real-key");
    let whole = chat(json!({ "model": "gpt-5-mini" }));

    let answer = whole.send(to).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "The gate is open.");
    let seen = upstream.take_seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("authorization"), [b"Bearer sk-real-key".as_slice()]);

    let events = chat(json!({ "model": "gpt-5-mini", "stream": true })).send(to).unwrap();
    assert!(events.text().ends_with("data: [DONE]\n\n"));

    let stranger = Call::get("/v1/models")
        .header("x-api-key", "sk-canary")
        .header("authorization", "Bearer sk-canary");
    let refused = stranger.send(to).unwrap();
    assert_eq!(refused.status, 401);
    assert!(refused.text().contains("sk-canary"), "providers quote keys");

    upstream.script(Script::status(500).delay(Duration::from_millis(50)));
    let (failed, took) = wait::measured(|| whole.send(to).unwrap());
    assert_eq!(failed.status, 500);
    assert!(took >= Duration::from_millis(50), "{took:?}");

    upstream.script(Script::default().echo_headers().header("x-odd", b"\xff"));
    let echoed = whole.send(to).unwrap();
    assert_eq!(echoed.header("x-echo-authorization"), Some("Bearer sk-real-key"));
    assert!(echoed.headers.contains(&("x-odd".to_owned(), vec![0xff])));

    upstream.script(Script::default().reset_after(10));
    let broken = whole.send(to).map(|answer| answer.text());
    assert!(
        broken.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::UnexpectedEof),
        "{broken:?}"
    );

    assert_eq!(envoy.stat("cluster.upstream.upstream_rq_completed"), 6);
    assert!(envoy.config_dump().contains("pass_through"));
    assert!(envoy.stop().contains("caught ENVOY_SIGTERM"));
    assert!(whole.send(to).is_err(), "nobody listens where Envoy was stopped");
}

#[test]
fn a_certificate_for_another_host_is_not_believed() {
    let impostor = Upstream::start("impostor.example", KEY);
    let envoy = Envoy::start(&pass_through(&impostor), 1);
    let answer = Call::get("/v1/models").send(envoy.gate()).unwrap();
    assert_eq!(answer.status, 503);
    assert!(impostor.seen().is_empty());
}

#[test]
fn a_token_is_there_vanishes_and_comes_back() {
    let hsm = SoftHsm::init("smoke");
    let has_token = || {
        let slots = Command::new("softhsm2-util")
            .env(CONFIGURATION_VARIABLE, hsm.configuration())
            .arg("--show-slots")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&slots.stdout).into_owned();
        text.lines().any(|line| line.trim().starts_with("Label:") && line.contains("smoke"))
    };
    assert!(has_token());
    hsm.vanish();
    assert!(!has_token());
    hsm.come_back();
    assert!(has_token());
    assert!(SoftHsm::module().is_absolute());
}

/// One listener, one route, one cluster, nothing else.
fn pass_through(upstream: &Upstream) -> Value {
    json!({
        "admin": { "address": loopback() },
        "static_resources": {
            "listeners": [{
                "name": "gate",
                "address": loopback(),
                "filter_chains": [{ "filters": [{
                    "name": "http",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                        "stat_prefix": "pass_through",
                        "route_config": { "virtual_hosts": [{
                            "name": "all", "domains": ["*"],
                            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "upstream" } }],
                        }]},
                        "http_filters": [{
                            "name": "router",
                            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                        }],
                    },
                }]}],
            }],
            "clusters": [{
                "name": "upstream",
                "load_assignment": {
                    "cluster_name": "upstream",
                    "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": { "socket_address": {
                        "address": "127.0.0.1", "port_value": upstream.address().port(),
                    }}}}]}],
                },
                "transport_socket": {
                    "name": "tls",
                    "typed_config": {
                        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                        "sni": HOST,
                        "common_tls_context": { "validation_context": {
                            "trusted_ca": { "filename": upstream.ca_file() },
                            "match_typed_subject_alt_names": [{ "san_type": "DNS", "matcher": { "exact": HOST } }],
                        }},
                    },
                },
            }],
        },
    })
}

fn loopback() -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } })
}
