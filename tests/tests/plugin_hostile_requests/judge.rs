//! What must hold of every request, whatever it is.
//!
//! Either it is refused by the gate, with a status and a code; or it goes upstream with one mark, one
//! credential, where its service wants it, and nothing that any client ever used as a key.

use tollkeeper_tests::host::Headers;
use wire::client_key;

use crate::world::{World, key, secret_of};

/// The services, one for each way of injecting.
pub(crate) const SERVICES: [&str; 4] = ["openai", "anthropic", "own", "query"];

const INJECT: [&str; 4] = [
    r#"{"as": "bearer"}"#,
    r#"{"as": "header", "name": "x-api-key"}"#,
    r#"{"as": "header", "name": "x-own-key"}"#,
    r#"{"as": "query", "name": "key"}"#,
];

/// Where a client may put a key, or any other credential.
const CREDENTIAL_HEADERS: [&str; 6] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization", "cookie"];

/// What became of a request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Passed,
    Refused(u32, String),
}

/// A worker that knows clients 1 and 2.
pub(crate) fn ready() -> World {
    let services = SERVICES.iter().zip(INJECT).map(|(name, inject)| {
        format!(
            r#""{name}": {{"cluster": "{name}", "hosts": ["api.{name}.com"], "credential": "{name}",
                "inject": {inject}, "routes": [{{"match": "GET /v1/models", "free": "a test"}}]}}"#
        )
    });
    let services: Vec<_> = services.collect();
    let uses = SERVICES.map(|name| format!(r#""{name}": {{}}"#)).join(",");
    let client = |number| {
        format!(
            r#""client-{number}": {{"owner": "owner@acme.example", "may_use": {{{uses}}},
                "known_by": [{{"key": "sha256:{}"}}]}}"#,
            client_key::digest(key(number).as_bytes())
        )
    };
    let policy = format!(
        r#"{{"policy_version": 1,
            "organization": {{"name": "acme", "currency": "USD", "time_zone": "UTC"}},
            "services": {{{}}}, "clients": {{{}, {}}}}}"#,
        services.join(","),
        client(1),
        client(2)
    );
    World::ready(1, &policy)
}

/// Sends a request and looks at what came of it.
pub(crate) fn judge<N: AsRef<[u8]>>(world: &mut World, headers: &[(N, Vec<u8>)]) -> Verdict {
    let stream = world.decided(0, headers);
    let vm = &mut world.vms[0];
    let verdict = match vm.reply(stream) {
        Some(reply) => {
            assert!((400..=503).contains(&reply.status), "{reply:?}");
            let code = reply.headers.text("x-tollkeeper-refusal");
            Verdict::Refused(reply.status, code.unwrap_or_else(|| panic!("no code: {reply:?}")))
        }
        None => {
            assert!(vm.is_upstream(stream), "neither refused nor sent");
            let sent = vm.stream(stream).sent.as_ref().unwrap();
            check(sent);
            Verdict::Passed
        }
    };
    vm.end(stream).unwrap();
    vm.forget_ended_streams();
    verdict
}

/// One mark, one credential in its place, no key of a client's.
fn check(sent: &Headers) {
    let marks = sent.all("x-tollkeeper-service");
    assert_eq!(marks.len(), 1, "{sent:?}");
    let service = std::str::from_utf8(marks[0]).unwrap();
    let secret = secret_of(service, 1);
    let path = sent.text(":path").unwrap();
    let place = match service {
        "openai" => "authorization",
        "anthropic" => "x-api-key",
        "own" => "x-own-key",
        "query" => ":path",
        other => panic!("marked for {other}"),
    };
    assert_eq!(sent.text(":authority").unwrap(), format!("api.{service}.com"));
    assert_eq!(occurrences(sent, &secret), 1, "one credential: {sent:?}");
    assert!(sent.text(place).unwrap().contains(&secret), "in its place: {sent:?}");
    for name in CREDENTIAL_HEADERS.iter().filter(|name| **name != place) {
        assert!(sent.get(name).is_none(), "{name}: {sent:?}");
    }
    assert!(sent.all(place).len() <= 1, "{sent:?}");
    let undone = percent_decoded(&path);
    for number in [1, 2] {
        assert!(!sent.contain(key(number).as_bytes()), "a client key: {sent:?}");
        let found = undone.windows(51).any(|part| part == key(number).as_bytes());
        assert!(!found, "a client key, escaped: {path}");
    }
}

fn occurrences(sent: &Headers, secret: &str) -> usize {
    sent.iter()
        .map(|(_, value)| value.windows(secret.len()).filter(|part| *part == secret.as_bytes()))
        .map(Iterator::count)
        .sum()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(bytes[at]);
                at += 1;
            }
        }
    }
    decoded
}
