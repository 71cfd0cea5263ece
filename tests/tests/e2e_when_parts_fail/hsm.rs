//! The HSM fails: its token goes away and comes back, or it refuses the PIN.

use std::fs;
use std::path::Path;

use serde_json::json;
use tollkeeper_tests::client::Call;
use tollkeeper_tests::softhsm::SoftHsm;
use tollkeeper_tests::upstream::Upstream;
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, client, models, policy, until_answered};

use crate::plenty;

const LATE: &str = "late";
const LATE_HOST: &str = "api.late.example";
const LATE_SECRET: &str = "sk-late";

#[test]
fn a_token_that_vanishes_stops_only_what_was_not_unsealed_before() {
    let mut caller = client(&plenty());
    caller["may_use"] = json!({ "openai": {}, LATE: {} });
    let mut policy = policy(&json!({ "caller": caller }));
    let mut late = policy["services"]["openai"].clone();
    (late["cluster"], late["credential"], late["hosts"]) =
        (json!(LATE), json!(LATE), json!([LATE_HOST]));
    policy["services"][LATE] = late;

    let mut world = World::new(&policy);
    world.sidecar.add_credential(LATE, LATE_HOST, LATE_SECRET);
    let upstream = Upstream::start(LATE_HOST, LATE_SECRET);
    let mut deployment = world.deployment();
    deployment.add_service(LATE, LATE_HOST, upstream.address());
    deployment.trust(LATE, &upstream.ca_file());
    world.sidecar.serve();
    world.add_envoy(&deployment, 1);
    let key = world.issue("caller");
    let late = Call::get("/late/v1/models").header("x-api-key", &key);
    let state = || world.sidecar.admin_page("/healthz/ready").text();

    world.hsm.vanish();
    let refused = until_answered(world.gate(), &late, 503);
    assert_eq!(refused.header("x-tollkeeper-refusal"), Some("credential_unavailable"));
    assert!(refused.text().contains("HSM"), "{}", refused.text());
    assert_eq!(models(&key).send(world.gate()).unwrap().status, 200, "unsealed before");
    let degraded = wait::until(wait::PATIENCE, || match state() {
        state if state.contains("Degraded") => Ok(()),
        state => Err(state),
    });
    assert_eq!(degraded, Ok(()));
    assert_eq!(world.sidecar.admin_page("/healthz/ready").status, 200, "it still serves");
    assert!(upstream.seen().is_empty());

    world.hsm.come_back();
    let (_, took) = wait::measured(|| until_answered(world.gate(), &late, 200));
    println!("{took:?} after the token came back");
    assert!(state().contains("Ready"), "{}", state());
}

#[test]
fn twenty_starts_with_a_wrong_pin_are_one_login() {
    // OpenSC's module that writes down every call and hands it on: the count is the calls themselves.
    let Some(spy) = SPIES.iter().map(Path::new).find(|spy| spy.exists()) else {
        println!("skipped: OpenSC's pkcs11-spy is not installed (apt-get install opensc)");
        return;
    };
    let world = World::new(&policy(&json!({})));
    let record = world.sidecar.state_dir().with_file_name("calls.txt");
    world.sidecar.configure(|configuration| configuration["hsm"]["module"] = json!(spy));
    fs::write(world.hsm.pin_file(), "not-the-pin").unwrap();
    for start in 1..=20 {
        let serve = world
            .sidecar
            .command()
            .env("PKCS11SPY", SoftHsm::module())
            .env("PKCS11SPY_OUTPUT", &record)
            .arg("serve")
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&serve.stderr);
        assert_eq!(serve.status.code(), Some(5), "start {start}: {words}");
        assert!(!words.contains("not-the-pin"), "start {start}: {words}");
    }
    let calls = fs::read_to_string(&record).unwrap();
    let count = |name: &str| calls.lines().filter(|line| line.ends_with(name)).count();
    println!("{} C_Initialize, {} C_Login", count(": C_Initialize"), count(": C_Login"));
    assert_eq!(count(": C_Initialize"), 20, "the record is of every start");
    assert_eq!(count(": C_Login"), 1);
}

const SPIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
    "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
    "/usr/lib64/pkcs11-spy.so",
    "/usr/lib/pkcs11-spy.so",
];
