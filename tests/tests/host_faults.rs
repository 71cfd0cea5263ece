//! Does any answer of Envoy's, to any host call, break the filter?
//!
//! A trap is the outage of a worker. The filter's own host calls take every status; those that are
//! the SDK's cannot all, and what they cannot is listed here, so that the list can only shrink.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

use tollkeeper_tests::host::{
    Answer, Broken, Callout, Headers, Matrix, Module, Setup, Status, Vm, every_status,
};
use wire::facts::{ClientFacts, CredentialFacts, Inject, PolicyFacts, ServiceFacts, UseFacts};
use wire::ids::{ClientName, CredentialName, Epoch, PolicyVersion, ServiceName};
use wire::route::RoutePattern;
use wire::secret::Secret;
use wire::sync::{
    ClientAnswer, CredentialAnswer, Identity, PROTOCOL, Release, SyncReply, SyncRequest,
};
use wire::units::Millis;
use wire::{PROTOCOL_HEADER, client_key, frame};

const SECRET: &str = "sk-canary-of-the-upstream";

#[test]
fn a_status_of_a_host_call_is_never_the_end_of_a_worker() {
    let matrix = every_status(Module::tollkeeper(), &setup(), life).unwrap();
    assert!(matrix.calls.len() > 8, "the scenario reaches few host calls: {:?}", matrix.calls);
    without_the_sdks(matrix).assert_unbroken();
}

#[test]
fn the_scenario_of_the_matrix_reaches_what_it_is_about() {
    let mut vm = setup().start(Module::tollkeeper()).unwrap();
    let waited = vm.call(&request(&key())).unwrap();
    assert!(vm.is_paused(waited));
    sync(&mut vm).unwrap();
    let at_once = vm.call(&request(&key())).unwrap();
    for stream in [waited, at_once] {
        assert!(vm.is_upstream(stream), "{:?}", vm.reply(stream));
        let sent = vm.stream(stream).sent.as_ref().unwrap();
        assert_eq!(sent.text("authorization"), Some(format!("Bearer {SECRET}")));
    }
    let stranger = vm.call(&request("tk_made_up")).unwrap();
    assert_eq!(vm.reply(stranger).map(|reply| reply.status), Some(401));
}

/// A call that waits for the first sync, one that does not, refusals, answers with the credential in
/// them, ends of all kinds.
fn life(vm: &mut Vm) -> Result<(), Broken> {
    let waiting = vm.call(&request(&key()))?;
    let gone = vm.call(&request(&key()))?;
    vm.end(gone)?;
    sync(vm)?;
    let at_once = vm.call(&request(&key()))?;
    vm.call(&request("tk_made_up"))?;
    let headless = vm.open()?;
    vm.end(headless)?;
    for stream in [waiting, at_once] {
        if vm.is_upstream(stream) {
            vm.response_headers(stream, &[(":status", "200"), ("x-echo", SECRET)], false)?;
        }
        vm.end(stream)?;
    }
    let refused = vm.call(&request(&key()))?;
    if vm.is_upstream(refused) {
        vm.response_headers(refused, &[(":status", "401")], false)?;
    }
    vm.end(refused)?;
    vm.tick()?;
    for callout in vm.callouts() {
        vm.answer(callout.token, Answer::unreachable())?;
    }
    Ok(())
}

/// Ticks until the filter has said all that it has to say.
fn sync(vm: &mut Vm) -> Result<(), Broken> {
    for _ in 0..4 {
        vm.clock().advance(std::time::Duration::from_millis(100));
        vm.tick()?;
        for callout in vm.callouts() {
            vm.answer(callout.token, sidecar(&callout))?;
        }
    }
    Ok(())
}

/// Takes out what the SDK itself cannot stand, and Envoy 1.40 does not do:
/// - its `dispatch_http_call` knows the three statuses that Envoy has for it;
/// - its dispatcher, before it hands over an answer, speaks for the context that called, and wants OK.
///   Ours is the root context, whose calls Envoy drops before it drops the context.
fn without_the_sdks(mut matrix: Matrix) -> Matrix {
    let answers = usize::try_from(matrix.calls["proxy_http_call"]).unwrap();
    let mut in_dispatcher = 0;
    matrix.findings.retain(|finding| match (finding.call, &finding.broken) {
        ("proxy_http_call", _) => {
            [Status::OK, Status::BAD_ARGUMENT, Status::INTERNAL_FAILURE].contains(&finding.status)
        }
        (
            "proxy_set_effective_context",
            Broken::Trap { callback: "proxy_on_http_call_response", .. },
        ) => {
            in_dispatcher += 1;
            false
        }
        _ => true,
    });
    // One such call for each answer, and the filter's own ones are not among them.
    let statuses = Status::all().count() - 1;
    assert!(in_dispatcher <= statuses * (answers + 1), "{in_dispatcher} for {answers} answers");
    matrix
}

fn setup() -> Setup {
    Setup::new("")
}

fn key() -> String {
    client_key::issue(&[7; 32]).to_string()
}

fn request(key: &str) -> Vec<(String, String)> {
    [
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", "gate"),
        (":path", "/openai/v1/models"),
        ("authorization", &format!("Bearer {key}")),
        ("user-agent", "curl"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// A sidecar that knows everybody.
fn sidecar(callout: &Callout) -> Answer {
    let Ok(asked) = frame::decode_request(&callout.body) else {
        return Answer::status(400, "");
    };
    let mut answer = Answer::ok(frame::encode_reply(&reply(&asked)).unwrap());
    let version = PROTOCOL.to_string();
    answer.headers = Headers::new(&[(":status", "200"), (PROTOCOL_HEADER, &version)]);
    answer
}

fn reply(asked: &SyncRequest) -> SyncReply {
    let ttl_ms = Millis::from_secs(60);
    let hosts = vec!["api.openai.com".into()];
    let service = ServiceName::parse("openai").unwrap();
    let credential = CredentialName::parse("openai-main").unwrap();
    let known = Identity::Known(ClientFacts {
        name: ClientName::parse("checkout-api").unwrap(),
        owner: "checkout@acme.example".into(),
        expires_ms: None,
        budget: None,
        limits: vec![],
        uses: vec![UseFacts {
            service: service.clone(),
            routes: None,
            models: None,
            limits: vec![],
        }],
    });
    let released = Release::Released(CredentialFacts {
        version: 1,
        secret: Secret::new(SECRET.into()),
        hosts: hosts.clone(),
        ttl_ms,
    });
    let clients = asked.who.iter().map(|who| ClientAnswer {
        digest: who.digest,
        identity: known.clone(),
        ttl_ms,
    });
    SyncReply {
        protocol: PROTOCOL,
        sequence: asked.sequence,
        epoch: Epoch(1),
        policy: Some(PolicyFacts {
            version: PolicyVersion::parse("0123abcd").unwrap(),
            organization: "acme".into(),
            currency: "".into(),
            price_lists: vec![],
            services: vec![ServiceFacts {
                name: service,
                hosts,
                credential: credential.clone(),
                inject: Inject::Bearer,
                routes: vec![RoutePattern::parse("GET /v1/models").unwrap().into()],
                unlisted: None,
                limits: vec![],
            }],
        }),
        directory: 0,
        changes: vec![],
        clients: clients.collect(),
        credentials: vec![CredentialAnswer { name: credential, release: released }],
        leases: vec![],
        money: vec![],
    }
}
