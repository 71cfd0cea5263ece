//! What do requests do that no honest client sends?
//!
//! Bytes go over raw sockets, to the real Envoy. Whatever comes of each, no VM of the filter dies of
//! it, nothing goes upstream that was not judged as it is sent, and the next good call works.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

mod bodies;
mod headers;
mod protocols;
mod targets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tollkeeper_tests::client::{Answer, Call};
use tollkeeper_tests::shared::Shared;
use tollkeeper_tests::upstream::{Script, Seen};
use tollkeeper_tests::world::{MODELS, World, models, policy, until_answered};

static WORLD: Shared<World> = Shared::new();

const CALLER: &str = "x-caller";
const HOLD_MS: &str = "x-hold-ms";
const FAIL: &str = "x-fail";

fn world() -> Arc<World> {
    WORLD.get(|| {
        // One worker meets everything, in the order in which it was sent.
        let world = World::running(&policy(&json!({})), 1, 1);
        world.upstream.usually(|seen| {
            let hold = seen.text(HOLD_MS).and_then(|text| text.parse().ok());
            let script = match seen.text(FAIL) {
                Some(_) => Script::status(503).header("x-tollkeeper-refusal", "forged"),
                None => Script::default(),
            };
            script.delay(Duration::from_millis(hold.unwrap_or_default()))
        });
        // It has its policy. Before that, a call whose body stops half-way is kept until more of it comes, and
        // takes no place: whether the body must be read is not known yet.
        until_answered(world.gate(), &Call::get(MODELS), 401);
        world
    })
}

fn plenty() -> Value {
    json!([{ "requests": 100_000, "per": "second" }])
}

/// One test: a client of its own, and what it may conclude at the end.
struct Scene {
    world: Arc<World>,
    name: &'static str,
    key: String,
}

impl Scene {
    fn open(name: &'static str, limits: &Value) -> Self {
        let world = world();
        let key = world.with_client(name, limits);
        Self { world, name, key }
    }

    fn gate(&self) -> SocketAddr {
        self.world.gate()
    }

    fn call(&self, method: &str, target: &str) -> Call {
        Call::new(method, target).header(CALLER, self.name)
    }

    fn with_key(&self, method: &str, target: &str) -> Call {
        self.call(method, target).header("x-api-key", &self.key)
    }

    fn seen(&self) -> Vec<Seen> {
        let seen = self.world.upstream.seen().into_iter();
        seen.filter(|seen| seen.text(CALLER) == Some(self.name)).collect()
    }

    /// A good call works, and no worker has noticed anything.
    #[track_caller]
    fn close(self) {
        until_answered(self.gate(), &models(&self.key), 200);
        assert_eq!(self.world.vm_reloads(), 0);
        assert_eq!(self.world.envoys[0].stat("wasmcustom.tollkeeper.host_failures"), 0);
        for seen in self.seen() {
            assert!(!seen.has(&self.key), "the client's key went on: {seen:?}");
            assert!(seen.header("x-tollkeeper-service").is_empty(), "{seen:?}");
        }
    }
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.header("x-tollkeeper-refusal")),
        (status, Some(code)),
        "{}",
        answer.text()
    );
}
