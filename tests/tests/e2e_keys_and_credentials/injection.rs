//! Each service gets its credential in its own way, and no other's.

use serde_json::{Value, json};
use tollkeeper_tests::client::Call;
use tollkeeper_tests::upstream::Upstream;
use tollkeeper_tests::world::{HOST, SECRET, World, client, policy, until_answered};

/// A service that is not the reference's.
struct Other {
    name: &'static str,
    host: &'static str,
    secret: &'static str,
    inject: fn() -> Value,
    /// What its upstream accepts.
    shown: &'static str,
}

const OTHERS: [Other; 3] = [
    Other {
        name: "messages",
        host: "api.messages.example",
        secret: "sk-messages",
        inject: || json!({ "as": "header", "name": "x-api-key" }),
        shown: "sk-messages",
    },
    Other {
        name: "geocoding",
        host: "maps.example",
        secret: "maps-secret",
        inject: || json!({ "as": "query", "name": "key" }),
        shown: "maps-secret",
    },
    Other {
        name: "sms",
        host: "api.sms.example",
        secret: "account:password",
        inject: || json!({ "as": "basic" }),
        shown: "Basic YWNjb3VudDpwYXNzd29yZA==",
    },
];

fn policy_of_all() -> Value {
    let mut all = client(&crate::no_limits());
    all["may_use"] = json!({ "openai": {}, "messages": {}, "geocoding": {}, "sms": {} });
    let mut policy = policy(&json!({ "caller": all }));
    for other in OTHERS {
        policy["services"][other.name] = json!({
            "purpose": "a test",
            "cluster": other.name,
            "hosts": [other.host],
            "credential": other.name,
            "inject": (other.inject)(),
            "routes": [{ "match": "GET /v1/**", "free": "a test" }],
        });
    }
    policy
}

#[test]
fn four_ways_of_injecting() {
    let mut world = World::new(&policy_of_all());
    let upstreams = OTHERS.map(|other| Upstream::start(other.host, other.shown));
    let mut deployment = world.deployment();
    for (other, upstream) in OTHERS.iter().zip(&upstreams) {
        world.sidecar.add_credential(other.name, other.host, other.secret);
        deployment.add_service(other.name, other.host, upstream.address());
        deployment.trust(other.name, &upstream.ca_file());
    }
    world.sidecar.serve();
    world.add_envoy(&deployment, 1);
    let key = world.issue("caller");
    world.upstream.take_seen();

    let call = |path: &str| {
        // The first call of a service may find that its credential takes longer than it may wait.
        until_answered(world.gate(), &Call::get(path).header("x-api-key", &key), 200);
    };
    call("/openai/v1/models?page=2");
    for other in OTHERS {
        call(&format!("/{}/v1/models?page=2", other.name));
    }
    let seen = world.upstream.take_seen().remove(0);
    assert_eq!(seen.text("authorization"), Some(&*format!("Bearer {SECRET}")));
    assert_eq!((seen.text("host"), &*seen.target), (Some(HOST), "/v1/models?page=2"));
    assert!(!seen.has(&key));

    let [messages, geocoding, sms] = upstreams.map(|upstream| upstream.take_seen().remove(0));
    assert_eq!(messages.header("x-api-key"), [b"sk-messages".as_slice()]);
    assert_eq!(messages.target, "/v1/models?page=2");
    assert_eq!(geocoding.target, "/v1/models?page=2&key=maps-secret");
    assert!(geocoding.header("x-api-key").is_empty());
    assert_eq!(sms.header("authorization"), [OTHERS[2].shown.as_bytes()]);
    for (other, seen) in OTHERS.iter().zip([messages, geocoding, sms]) {
        assert_eq!(seen.text("host"), Some(other.host));
        assert!(!seen.has(&key) && !seen.has(SECRET), "{}", other.name);
    }
}
