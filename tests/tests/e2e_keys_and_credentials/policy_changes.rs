//! A changed policy is in force within a second and fails nobody; a broken one changes nothing.

use std::fs;
use std::sync::MutexGuard;

use serde_json::{Value, json};
use tollkeeper_tests::client::Answer;
use tollkeeper_tests::load::{Running, summary};
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{World, client, digest, models, more_policy, policy};

use crate::{PROMISED, callers, machine, no_limits};

/// A world with a witness, who is admitted all the time, and with the client whose rules change.
struct Scene {
    world: World,
    witness: Running,
    key: String,
    _machine: MutexGuard<'static, ()>,
}

const FILE: &str = "changing.json";

impl Scene {
    fn open() -> Self {
        let machine = machine();
        let world = World::running(&policy(&json!({})), 1, 2);
        let witness = world.with_client("witness", &no_limits());
        let witness = callers(&world, &witness);
        let key = wire::client_key::issue(&[0xAB; 32]).to_string();
        let scene = Self { world, witness, key, _machine: machine };
        scene.world.change_policy(FILE, &scene.changing(&no_limits()));
        scene.becomes(200);
        scene
    }

    /// The file that changes.
    fn changing(&self, limits: &Value) -> Value {
        let mut client = client(limits);
        client["known_by"] = json!([{ "key": digest(&self.key) }]);
        more_policy(&json!({ "changing": client }))
    }

    fn spent(&self) -> Value {
        self.changing(&json!([{ "requests": 1, "per": "hour" }]))
    }

    /// Waits for this status and says how long it took.
    #[track_caller]
    fn becomes(&self, status: u16) -> Answer {
        let (answer, took) = wait::measured(|| {
            tollkeeper_tests::world::until_answered(self.world.gate(), &models(&self.key), status)
        });
        println!("{status} after {took:?}");
        assert!(took < PROMISED, "{status} after {took:?}");
        answer
    }

    fn is_stale(&self) -> bool {
        self.world.sidecar.metric("tollkeeper_sidecar_policy_stale") == 1
    }

    fn until_stale(&self, stale: bool) {
        let seen = wait::until(wait::PATIENCE, || match self.is_stale() == stale {
            true => Ok(()),
            false => Err(self.world.sidecar.log()),
        });
        assert_eq!(seen, Ok(()), "stale: {stale}");
    }

    /// Nobody else has noticed anything.
    fn close(self) {
        self.witness.until("the witness has called", |shots| shots.len() > 100);
        let shots = self.witness.finish();
        assert!(shots.iter().all(|shot| shot.status() == 200), "{}", summary(&shots));
        assert_eq!(self.world.vm_reloads(), 0);
    }
}

#[test]
fn a_changed_amount() {
    let scene = Scene::open();
    scene.world.sidecar.write_policy(FILE, &scene.spent());
    let refused = scene.becomes(429);
    assert_eq!(refused.json()["limit"], "1 requests per hour");
    scene.world.sidecar.write_policy(FILE, &scene.changing(&no_limits()));
    scene.becomes(200);
    scene.close();
}

#[test]
fn a_service_that_a_client_may_not_use_any_longer() {
    let scene = Scene::open();
    let mut without = scene.changing(&no_limits());
    without["clients"]["changing"]["may_use"] = json!({});
    scene.world.sidecar.write_policy(FILE, &without);
    let refused = scene.becomes(403);
    assert_eq!(refused.header("x-tollkeeper-refusal"), Some("service_not_allowed"));
    scene.world.sidecar.write_policy(FILE, &scene.changing(&no_limits()));
    scene.becomes(200);
    scene.close();
}

#[test]
fn a_broken_file_changes_nothing_and_is_told() {
    let scene = Scene::open();
    let ready = scene.world.sidecar.admin_page("/healthz/ready").text();
    let rejections = || scene.world.sidecar.metric("tollkeeper_sidecar_policy_rejections_total");
    let before = rejections();
    let mut broken = scene.spent();
    broken["clients"]["changing"]["may_use"] = json!({ "opnai": {} });
    scene.world.sidecar.write_policy(FILE, &broken);
    scene.until_stale(true);
    scene.becomes(200);
    assert_eq!(rejections(), before + 1);
    let told = scene.world.sidecar.admin_page("/healthz/ready");
    assert_eq!(told.status, 200, "the last good one serves");
    assert!(told.text().contains("do not check"), "{}", told.text());
    assert!(scene.world.sidecar.log().contains("changing.json"), "the log names the file");

    scene.world.sidecar.write_policy(FILE, &scene.changing(&no_limits()));
    scene.until_stale(false);
    assert_eq!(scene.world.sidecar.admin_page("/healthz/ready").text(), ready);
    scene.close();
}

#[test]
fn a_half_written_file_waits_for_its_other_half() {
    let scene = Scene::open();
    let file = scene.world.sidecar.policy_dir().join(FILE);
    let whole = scene.spent().to_string();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    scene.until_stale(true);
    scene.becomes(200);
    fs::write(&file, &whole).unwrap();
    scene.becomes(429);
    assert!(!scene.is_stale());
    scene.close();
}

#[test]
fn a_directory_that_is_swapped() {
    let scene = Scene::open();
    let policy_dir = scene.world.sidecar.policy_dir();
    let [next, last] = ["policy-next", "policy-last"].map(|name| policy_dir.with_file_name(name));
    fs::create_dir(&next).unwrap();
    for entry in fs::read_dir(&policy_dir).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), next.join(entry.file_name())).unwrap();
    }
    fs::write(next.join(FILE), scene.spent().to_string()).unwrap();
    fs::rename(&policy_dir, &last).unwrap();
    fs::rename(&next, &policy_dir).unwrap();
    scene.becomes(429);

    // What is in the new directory is followed as well.
    scene.world.sidecar.write_policy(FILE, &scene.changing(&no_limits()));
    scene.becomes(200);
    scene.close();
}
