//! Targets that two programs could read differently.

use tollkeeper_tests::world::MODELS;

use crate::{Scene, is_refused, plenty};

#[test]
fn the_absolute_form_is_read_as_what_it_names() {
    let scene = Scene::open("absolute", &plenty());
    let call = |target: &str, host: &str| {
        scene.with_key("GET", target).header("host", host).send(scene.gate()).unwrap()
    };
    assert_eq!(call("http://api.openai.com/v1/models", "gate").status, 200);
    assert_eq!(scene.seen().remove(0).target, "/v1/models");
    is_refused(
        &call("http://elsewhere.example/v1/models", "api.openai.com"),
        404,
        "service_unknown",
    );
    assert_eq!(scene.seen().len(), 1);
    scene.close();
}

#[test]
fn two_hosts_are_no_way_to_a_third() {
    let scene = Scene::open("two-hosts", &plenty());
    for (target, hosts) in [
        (MODELS, ["gate", "elsewhere.example"]),
        ("/v1/models", ["api.openai.com", "elsewhere.example"]),
        ("/v1/models", ["elsewhere.example", "api.openai.com"]),
    ] {
        let call = scene.with_key("GET", target).header("host", hosts[0]).header("host", hosts[1]);
        let answer = call.send(scene.gate()).unwrap();
        assert!(matches!(answer.status, 200 | 400 | 404), "{hosts:?}: {}", answer.text());
    }
    for seen in scene.seen() {
        assert_eq!(seen.header("host"), [b"api.openai.com"]);
    }
    scene.close();
}

#[test]
fn paths_that_hide_where_they_lead() {
    let scene = Scene::open("paths", &plenty());
    for (target, status) in [
        ("/openai/v1%2fmodels", 400),
        ("/openai/v1%2Fmodels", 400),
        ("/openai/v1%5cmodels", 400),
        ("/openai%2fv1/models", 400),
        ("/openai/v1/models%00", 400),
        ("/openai/v1/models%", 400),
        ("/openai/v1/mod%zzels", 400),
        ("/openai/v1/models#x", 400),
        // Listed, by `GET /v1/**`, and sent as it stands; the upstream does not know it.
        ("/openai/v1/%252e%252e/models", 404),
        ("//openai/v1/models", 404),
        ("/openai//v1/models", 403),
        ("/openai/v2/models", 403),
        ("/openai/v1/../../v2/models", 404),
        ("/openai/v1/%2e%2e/v2/models", 403),
        ("/elsewhere/../openai/v2", 403),
        ("/openai", 403),
        ("/", 404),
        ("/OPENAI/v1/models", 404),
        // These lead to what they say, by one reading: Envoy's, which the filter then sees.
        ("/openai/v1/x/../models", 200),
        ("/elsewhere/../openai/v1/models", 200),
        ("/openai\\v1\\models", 200),
        ("/openai/v1/%6dodels", 200),
    ] {
        let answer = scene.with_key("GET", target).send(scene.gate()).unwrap();
        assert_eq!(answer.status, status, "{target}: {}", answer.text());
    }
    let seen = scene.seen();
    assert!(!seen.is_empty());
    for seen in seen {
        assert!(
            matches!(&*seen.target, "/v1/models" | "/v1/%252e%252e/models"),
            "judged and sent are one: {}",
            seen.target
        );
    }
    scene.close();
}
