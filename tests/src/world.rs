//! Everything at once: a token, a sidecar with a sealed credential, an upstream, and Envoys before it.
//!
//! Parts are public: a test stops, starts and asks them as it needs. What is shared by tests holds a
//! policy file for each of them, so that nobody changes another's rules.
#![expect(clippy::panic, reason = "a fixture that does not start is a failed test")]

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use wire::client_key;

use crate::artifacts;
use crate::client::{Answer, Call};
use crate::deployment::{Deployment, Site};
use crate::envoy::Envoy;
use crate::sidecar::Sidecar;
use crate::softhsm::SoftHsm;
use crate::upstream::Upstream;
use crate::wait;

/// The host of the service that every world has.
pub const HOST: &str = "api.openai.com";

/// Its credential's name.
pub const CREDENTIAL: &str = "openai-prod";

/// Its credential.
pub const SECRET: &str = "sk-upstream-secret-0001";

/// A path of the service, as a client of the gate calls it.
pub const MODELS: &str = "/openai/v1/models";

/// How long a worker believes that a key is nobody's, and a little.
const STRANGER_TTL: Duration = Duration::from_millis(1_300);

/// The parts. Envoys go first when it is dropped, the token last.
pub struct World {
    /// The gate's Envoys.
    pub envoys: Vec<Envoy>,
    /// The sidecar.
    pub sidecar: Sidecar,
    /// The service.
    pub upstream: Upstream,
    /// The token.
    pub hsm: SoftHsm,
    changing: Mutex<()>,
}

impl World {
    /// One in which everything is made ready and nothing runs but the upstream. `policy` is the first
    /// policy file; see [`policy`].
    #[must_use]
    pub fn new(policy: &Value) -> Self {
        let hsm = SoftHsm::init("tollkeeper");
        let sidecar = Sidecar::install(&hsm, policy);
        sidecar.init();
        sidecar.add_credential(CREDENTIAL, HOST, SECRET);
        let upstream = Upstream::start(HOST, SECRET);
        Self { envoys: Vec::new(), sidecar, upstream, hsm, changing: Mutex::default() }
    }

    /// One in which the sidecar serves, with so many Envoys of so many workers.
    #[must_use]
    pub fn running(policy: &Value, envoys: usize, workers: u32) -> Self {
        let mut world = Self::new(policy);
        world.sidecar.serve();
        let deployment = world.deployment();
        for _ in 0..envoys {
            world.add_envoy(&deployment, workers);
        }
        world
    }

    /// The reference deployment, in this world.
    #[must_use]
    pub fn deployment(&self) -> Deployment {
        Deployment::reference(&Site {
            wasm: &artifacts::wasm(),
            sidecar_socket: &self.sidecar.socket(),
            upstream: self.upstream.address(),
            upstream_ca: &self.upstream.ca_file(),
        })
    }

    /// Starts one more Envoy.
    pub fn add_envoy(&mut self, deployment: &Deployment, workers: u32) {
        self.envoys.push(Envoy::start(deployment.tree(), workers));
    }

    /// Where the first Envoy's gate is.
    #[must_use]
    pub fn gate(&self) -> SocketAddr {
        self.envoys[0].gate()
    }

    /// Where the gates are.
    #[must_use]
    pub fn gates(&self) -> Vec<SocketAddr> {
        self.envoys.iter().map(Envoy::gate).collect()
    }

    /// Issues a key to a client of the policy and waits until every gate knows it.
    #[must_use]
    pub fn issue(&self, client: &str) -> String {
        let key = self.sidecar.issue_client(client);
        until_answered(self.gate(), &models(&key), 200);
        // A worker that was asked before the sidecar knew it believes that it is nobody's for so long.
        wait::pass(STRANGER_TTL);
        key
    }

    /// Adds a policy file of a test's own with one client, known by a key that nobody has shown before,
    /// and waits until it is in force.
    #[must_use]
    pub fn with_client(&self, name: &str, limits: &Value) -> String {
        self.with_clients(name, &[name], limits).remove(0)
    }

    /// The same with several clients in one file.
    #[must_use]
    pub fn with_clients(&self, file: &str, names: &[&str], limits: &Value) -> Vec<String> {
        let keys: Vec<_> = names.iter().map(|_| new_key()).collect();
        let known = |(name, key): (&&str, &String)| {
            let mut client = client(limits);
            client["known_by"] = json!([{ "key": digest(key) }]);
            ((*name).to_owned(), client)
        };
        let clients: serde_json::Map<_, _> = names.iter().zip(&keys).map(known).collect();
        self.change_policy(&format!("{file}.json"), &more_policy(&clients.into()));
        keys
    }

    /// Writes a policy file and waits until it is in force, one after the other.
    ///
    /// # Panics
    /// If it is not within [`wait::PATIENCE`].
    pub fn change_policy(&self, file: &str, policy: &Value) {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let loads = || self.sidecar.metric("tollkeeper_sidecar_policy_loads_total");
        let before = loads();
        self.sidecar.write_policy(file, policy);
        let loaded = wait::until(wait::PATIENCE, || match loads() {
            now if now > before => Ok(()),
            _ => Err(self.sidecar.log()),
        });
        assert!(loaded.is_ok(), "the policy is not in force: {loaded:?}");
    }

    /// How often Envoys had to make a VM of the filter anew, or tried to.
    #[must_use]
    pub fn vm_reloads(&self) -> u64 {
        let of = |envoy: &Envoy| envoy.stats("wasm.tollkeeper.vm_reload").values().sum::<u64>();
        self.envoys.iter().map(of).sum()
    }
}

/// A client key that was never issued to anybody.
fn new_key() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut number = [0; 32];
    number[..8].copy_from_slice(&COUNT.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    client_key::issue(&number).to_string()
}

/// What stands for a key in a policy.
#[must_use]
pub fn digest(key: &str) -> String {
    format!("sha256:{}", client_key::digest(key.as_bytes()))
}

/// `GET /v1/models` with a client key.
#[must_use]
pub fn models(key: &str) -> Call {
    Call::get(MODELS).header("authorization", format!("Bearer {key}"))
}

/// Repeats a call until it is answered with this status.
///
/// # Panics
/// If it is not within [`wait::PATIENCE`].
pub fn until_answered(gate: SocketAddr, call: &Call, status: u16) -> Answer {
    wait::until(wait::PATIENCE, || match call.send(gate) {
        Ok(answer) if answer.status == status => Ok(answer),
        Ok(answer) => Err(format!("{} {}", answer.status, answer.text())),
        Err(error) => Err(error.to_string()),
    })
    .unwrap_or_else(|reason| panic!("no {status}: {reason}"))
}

/// A whole policy: the organization, the service `openai`, these clients.
#[must_use]
pub fn policy(clients: &Value) -> Value {
    json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "America/New_York" },
        "services": { "openai": {
            "purpose": "language models",
            "cluster": "openai",
            "hosts": [HOST],
            "credential": CREDENTIAL,
            "inject": { "as": "bearer" },
            "routes": [{ "match": "POST /v1/chat/completions", "free": "a test" }, { "match": "GET /v1/**", "free": "a test" }],
        }},
        "clients": clients,
    })
}

/// One more file of a policy, with these clients.
#[must_use]
pub fn more_policy(clients: &Value) -> Value {
    json!({ "policy_version": 1, "clients": clients })
}

/// A client that may use the service within these limits.
#[must_use]
pub fn client(limits: &Value) -> Value {
    json!({
        "owner": "checkout@acme.example",
        "purpose": "a test",
        "may_use": { "openai": {} },
        "limits": limits,
    })
}
