//! What becomes of requests, asked of the gate from outside, with a sidecar that answers from a script.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

use std::collections::HashMap;

use admission::admit::{Attempt, Decision};
use admission::denial::REFUSAL_HEADER;
use admission::gate::Gate;
use admission::inject::{Admission, Edit};
use serde_json::{Value, json};
use wire::client_key;
use wire::frame::{decode_request, encode_reply};
use wire::ids::Epoch;
use wire::sync::{
    ClientAnswer, CredentialAnswer, Identity, LeaseAnswer, PROTOCOL, Release, Shortage, SyncReply,
    SyncRequest,
};
use wire::units::Millis;

/// A sidecar that knows one client and one service, and lends what the test says.
struct Sidecar {
    lend: u64,
    lent: u64,
    short: Option<Shortage>,
    recall: bool,
    epoch: u64,
    hosts: Value,
    requests: Vec<SyncRequest>,
}

impl Default for Sidecar {
    fn default() -> Self {
        let hosts = json!(["api.openai.com"]);
        Self {
            lent: 0,
            lend: 10,
            short: None,
            recall: false,
            epoch: 1,
            hosts,
            requests: Vec::new(),
        }
    }
}

const LIMIT: &str = "client/checkout/requests-per-second";

fn issued() -> String {
    client_key::issue(&[1; 32]).to_string()
}

fn policy() -> Value {
    json!({"version": "p1", "organization": "acme", "services": [
        {"name": "openai", "hosts": ["api.openai.com"], "credential": "openai-prod",
         "inject": {"as": "bearer"}, "routes": [{"match": "POST /v1/chat/completions", "charge": "free"}, {"match": "GET /v1/models", "charge": "free"}],
         "limits": []}]})
}

fn client() -> Value {
    json!({"name": "checkout", "owner": "owner@acme.example", "limits": [
        {"key": LIMIT, "rule": {"requests": {"amount": 50, "per": "second", "burst": 50}}}],
        "uses": [{"service": "openai", "routes": [0], "limits": []}]})
}

impl Sidecar {
    fn answer(&mut self, bytes: &[u8]) -> Vec<u8> {
        let request = decode_request(bytes).unwrap();
        let credential = json!({"version": 1, "secret": "c2stcmVhbC1rZXk=", "hosts": self.hosts,
                                "ttl_ms": 60_000});
        let known = client_key::digest(issued().as_bytes());
        let clients = request.who.iter().map(|who| ClientAnswer {
            digest: who.digest,
            identity: match who.digest == known {
                true => Identity::Known(serde_json::from_value(client()).unwrap()),
                false => Identity::Unknown,
            },
            ttl_ms: Millis(60_000),
        });
        let mut limits: Vec<_> =
            request.leases.iter().map(|line| (line.limit.clone(), line.wants)).collect();
        if limits.is_empty() && !request.who.is_empty() {
            limits.push((serde_json::from_value(json!(LIMIT)).unwrap(), 1));
        }
        let lend = self.lend;
        let gets = |wants: u64| if wants > 0 { lend } else { 0 };
        self.lent += limits.iter().map(|(_, wants)| gets(*wants)).sum::<u64>();
        let reply = SyncReply {
            protocol: PROTOCOL,
            sequence: request.sequence,
            epoch: Epoch(self.epoch),
            policy: request.policy.is_none().then(|| serde_json::from_value(policy()).unwrap()),
            directory: 1,
            changes: vec![],
            clients: clients.collect(),
            credentials: vec![CredentialAnswer {
                name: serde_json::from_value(json!("openai-prod")).unwrap(),
                release: Release::Released(serde_json::from_value(credential).unwrap()),
            }],
            leases: limits
                .into_iter()
                .map(|(limit, wants)| LeaseAnswer {
                    limit,
                    gets: gets(wants),
                    ttl_ms: Millis(2_000),
                    recall: self.recall,
                    short: self.short,
                    remaining: 0,
                    resets_ms: Millis(1_000),
                })
                .collect(),
            money: vec![],
        };
        self.requests.push(request);
        encode_reply(&reply).unwrap()
    }
}

/// A gate, its sidecar and the time.
struct World {
    gate: Gate,
    sidecar: Sidecar,
    now: u64,
}

impl World {
    fn new() -> Self {
        let mut world = Self { gate: Gate::new(7), sidecar: Sidecar::default(), now: 1_000 };
        world.pass(0);
        world
    }

    /// Time passes, and a sync happens if one is due.
    fn pass(&mut self, ms: u64) {
        self.pass_waiting(ms, false);
    }

    fn pass_waiting(&mut self, ms: u64, waiting: bool) -> bool {
        self.now += ms;
        self.gate.set_now(Millis(self.now));
        let Some(bytes) = self.gate.sync_due(waiting).map(<[u8]>::to_vec) else {
            return false;
        };
        let answer = self.sidecar.answer(&bytes);
        self.gate.sync_answered(&answer).unwrap();
        true
    }

    /// A request with the issued key, decided at once or after one sync.
    fn call(&mut self) -> Result<Box<Admission>, (u32, String)> {
        self.send(&request("/openai/v1/chat/completions", &[("authorization", bearer())]))
    }

    fn send(&mut self, headers: &[(String, Vec<u8>)]) -> Result<Box<Admission>, (u32, String)> {
        let mut attempt = Attempt::default();
        for _ in 0..5 {
            match self.decide(headers, &mut attempt) {
                Decision::Admit(admission) => return Ok(admission),
                Decision::Deny(denial) => {
                    let reply = denial.reply(Millis(self.now));
                    let code = reply.headers.iter().find(|(name, _)| *name == REFUSAL_HEADER);
                    return Err((reply.status, code.unwrap().1.clone()));
                }
                Decision::Read => panic!("nothing here costs anything"),
                Decision::Await => {
                    self.pass_waiting(50, true);
                }
            }
        }
        panic!("it waits for ever");
    }

    fn decide(&mut self, headers: &[(String, Vec<u8>)], attempt: &mut Attempt) -> Decision {
        let pairs = headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
        self.gate.decide(pairs, attempt)
    }
}

fn bearer() -> Vec<u8> {
    format!("Bearer {}", issued()).into_bytes()
}

fn request(target: &str, more: &[(&str, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut headers = vec![
        (":method".to_owned(), b"POST".to_vec()),
        (":path".to_owned(), target.as_bytes().to_vec()),
        (":authority".to_owned(), b"gate.local:10000".to_vec()),
    ];
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    headers
}

/// The request's headers after the edits.
fn edited(headers: &[(String, Vec<u8>)], admission: &Admission) -> HashMap<String, String> {
    let mut all: HashMap<String, String> = headers
        .iter()
        .map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    admission
        .edits(|edit| {
            match edit {
                Edit::Remove(name) => all.remove(name),
                Edit::Set(name, value) => {
                    all.insert(name.to_owned(), String::from_utf8(value.to_vec()).unwrap())
                }
            };
            Ok::<(), ()>(())
        })
        .unwrap();
    all
}

#[test]
fn the_first_call_costs_one_sync_and_the_next_none() {
    let mut world = World::new();
    let before = world.sidecar.requests.len();
    world.call().ok().unwrap();
    assert_eq!(world.sidecar.requests.len(), before + 1);
    for _ in 0..5 {
        world.call().ok().unwrap();
    }
    assert_eq!(world.sidecar.requests.len(), before + 1);
}

#[test]
fn an_admitted_request_carries_the_credential_and_nothing_of_the_caller() {
    let mut world = World::new();
    let headers = request(
        "/openai/v1/chat/completions?beta=1",
        &[
            ("x-api-key", issued().into_bytes()),
            ("cookie", b"session=1".to_vec()),
            ("proxy-authorization", b"Basic eDp5".to_vec()),
            ("accept", b"*/*".to_vec()),
        ],
    );
    let admission = world.send(&headers).ok().unwrap();
    let sent = edited(&headers, &admission);
    assert_eq!(sent["authorization"], "Bearer sk-real-key");
    assert_eq!(sent[":path"], "/v1/chat/completions?beta=1");
    assert_eq!(sent[":authority"], "api.openai.com");
    assert_eq!(sent["x-tollkeeper-service"], "openai");
    assert_eq!(sent["accept"], "*/*");
    for gone in ["x-api-key", "cookie", "proxy-authorization"] {
        assert!(!sent.contains_key(gone), "{gone}");
    }
    assert!(!format!("{sent:?}").contains("tk_"));
}

#[test]
fn the_mark_is_the_last_edit() {
    let mut world = World::new();
    let admission = world.call().ok().unwrap();
    let mut names = Vec::new();
    admission
        .edits(|edit| {
            names.push(match edit {
                Edit::Remove(name) | Edit::Set(name, _) => name.to_owned(),
            });
            Ok::<(), ()>(())
        })
        .unwrap();
    assert_eq!(names.last().map(String::as_str), Some("x-tollkeeper-service"));
}

#[test]
fn who_may_not_is_refused_with_the_first_reason_that_holds() {
    let mut world = World::new();
    let chat = "/openai/v1/chat/completions";
    let broken = issued().replace("tk_A", "tk_B").into_bytes();
    for (headers, status, code) in [
        (request(chat, &[]), 401, "client_key_missing"),
        (request(chat, &[("x-api-key", broken)]), 401, "client_key_broken"),
        (request(chat, &[("x-api-key", b"sk-somebody".to_vec())]), 401, "client_key_unknown"),
        (request(chat, &[("x-api-key", b"\xff\xfe\x00".to_vec())]), 401, "client_key_unknown"),
        (
            request(chat, &[("x-api-key", b"a".to_vec()), ("authorization", bearer())]),
            400,
            "client_keys_differ",
        ),
        (
            request(chat, &[("api-key", bearer()), ("api-key", bearer())]),
            400,
            "client_key_repeated",
        ),
        (request("/openai/../x", &[("authorization", bearer())]), 400, "path_ambiguous"),
        (request("/claude/v1", &[("authorization", bearer())]), 404, "service_unknown"),
        (request("/openai/v1/files", &[("authorization", bearer())]), 403, "route_not_listed"),
    ] {
        let refused = world.send(&headers).err().unwrap();
        assert_eq!(refused, (status, code.to_owned()));
    }
    let mut headers = request("/openai/v1/models", &[("authorization", bearer())]);
    headers[0].1 = b"GET".to_vec();
    let refused = world.send(&headers).err().unwrap();
    assert_eq!(refused, (403, "route_not_allowed".to_owned()));
}

#[test]
fn a_broken_key_never_reaches_the_sidecar() {
    let mut world = World::new();
    let broken = issued().replace("tk_A", "tk_B").into_bytes();
    world.send(&request("/openai/v1/models", &[("x-api-key", broken)])).err().unwrap();
    world.pass(50);
    assert!(world.sidecar.requests.iter().all(|request| request.who.is_empty()));
}

#[test]
fn what_is_lent_is_spent_to_the_last_and_then_refused_without_asking() {
    let mut world = World::new();
    world.sidecar.lend = 3;
    world.sidecar.short = Some(Shortage {
        ask_again_ms: Millis(400),
        retry_ms: Millis(700),
        lent_elsewhere: false,
        undefined: false,
    });
    for _ in 0..3 {
        world.call().ok().unwrap();
    }
    let syncs = world.sidecar.requests.len();
    for _ in 0..100 {
        assert_eq!(world.call().err().unwrap(), (429, "rate_limited".to_owned()));
    }
    assert_eq!(world.sidecar.requests.len(), syncs);
}

#[test]
fn a_refused_request_is_charged_nothing() {
    let mut world = World::new();
    world.sidecar.lend = 2;
    world.call().ok().unwrap();
    let mut headers = request("/openai/v1/models", &[("authorization", bearer())]);
    headers[0].1 = b"GET".to_vec();
    for _ in 0..10 {
        world.send(&headers).err().unwrap();
    }
    let syncs = world.sidecar.requests.len();
    world.call().ok().unwrap();
    assert_eq!(world.sidecar.requests.len(), syncs, "the second unit was still there");
}

#[test]
fn everything_spent_is_reported_once() {
    let mut world = World::new();
    world.sidecar.lend = 100;
    for _ in 0..7 {
        world.call().ok().unwrap();
    }
    for _ in 0..40 {
        world.pass(50);
    }
    let lines = world.sidecar.requests.iter().flat_map(|request| &request.leases);
    assert_eq!(lines.map(|line| line.spent).sum::<u64>(), 7);
}

#[test]
fn a_sync_without_an_answer_is_repeated_to_the_byte() {
    let mut world = World::new();
    world.call().ok().unwrap();
    world.now += 500;
    world.gate.set_now(Millis(world.now));
    let first = world.gate.sync_due(false).unwrap().to_vec();
    world.gate.sync_failed();
    // What happens meanwhile waits for the next one.
    world.call().ok().unwrap();
    world.now += 200;
    world.gate.set_now(Millis(world.now));
    let second = world.gate.sync_due(false).unwrap().to_vec();
    assert_eq!(first, second);
}

#[test]
fn a_worker_syncs_at_most_twenty_times_a_second_whatever_is_offered() {
    let mut world = World::new();
    world.sidecar.lend = 1;
    let from = world.sidecar.requests.len();
    for _ in 0..200 {
        world.now += 5;
        world.gate.set_now(Millis(world.now));
        let mut attempt = Attempt::default();
        let headers = request("/openai/v1/chat/completions", &[("authorization", bearer())]);
        let waits = matches!(world.decide(&headers, &mut attempt), Decision::Await);
        world.pass_waiting(0, waits);
    }
    let syncs = world.sidecar.requests.len() - from;
    assert!((15..=20).contains(&syncs), "{syncs} in a second");
}

#[test]
fn without_a_sidecar_nothing_passes_and_the_refusal_says_so() {
    let mut gate = Gate::new(7);
    gate.set_now(Millis(1_000));
    let headers = request("/openai/v1/chat/completions", &[("authorization", bearer())]);
    let pairs = || headers.iter().map(|(name, value)| (name.as_bytes(), value.as_slice()));
    let mut attempt = Attempt::default();
    assert!(matches!(gate.decide(pairs(), &mut attempt), Decision::Await));
    assert!(gate.sync_due(true).is_some());
    gate.sync_failed();
    let Decision::Deny(denial) = gate.decide(pairs(), &mut attempt) else { panic!("passed") };
    assert_eq!(denial.reply(Millis(1_000)).status, 503);
}

#[test]
fn what_was_learned_is_not_believed_for_ever_without_the_sidecar() {
    let mut world = World::new();
    world.sidecar.lend = 1_000;
    world.call().ok().unwrap();
    world.now += 6_000;
    world.gate.set_now(Millis(world.now));
    world.gate.sync_due(false).unwrap();
    world.gate.sync_failed();
    let refused = world.call().err().unwrap();
    assert_eq!(refused, (503, "sidecar_unavailable".to_owned()));
}

#[test]
fn a_credential_sealed_to_other_hosts_is_not_injected() {
    let mut world = World::new();
    world.sidecar.hosts = json!(["api.anthropic.com"]);
    assert_eq!(world.call().err().unwrap(), (503, "credential_unavailable".to_owned()));
}

#[test]
fn a_gate_that_nobody_calls_gives_everything_back_and_sleeps() {
    let mut world = World::new();
    world.sidecar.lend = 10;
    world.call().ok().unwrap();
    for _ in 0..400 {
        world.pass(50);
    }
    assert!(world.gate.is_dormant());
    let lines = world.sidecar.requests.iter().flat_map(|request| &request.leases);
    assert_eq!(lines.map(|line| line.spent + line.returned).sum::<u64>(), world.sidecar.lent);
    let syncs = world.sidecar.requests.len();
    for _ in 0..100 {
        world.pass(50);
    }
    assert!(world.sidecar.requests.len() <= syncs + 1, "asleep it hardly speaks");
}

#[test]
fn a_new_life_of_the_ledger_voids_what_the_old_one_lent() {
    let mut world = World::new();
    world.sidecar.lend = 50;
    world.call().ok().unwrap();
    world.sidecar.epoch = 2;
    world.sidecar.lend = 0;
    world.sidecar.short = Some(Shortage {
        ask_again_ms: Millis(400),
        retry_ms: Millis(700),
        lent_elsewhere: false,
        undefined: false,
    });
    world.pass(600);
    assert_eq!(world.call().err().unwrap(), (429, "rate_limited".to_owned()));
}
