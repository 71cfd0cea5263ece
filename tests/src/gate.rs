//! The whole gate on real parts: SoftHSM2, sidecar, Envoy with the reference deployment, an upstream.
//!
//! One service, `openai`, whose credential is in place when [`Gate::open`] returns; the policy says who
//! may call it. Every part is public, because tests take them away one by one.

use serde_json::{Value, json};

use crate::artifacts;
use crate::deployment::{Deployment, Site};
use crate::envoy::Envoy;
use crate::sidecar::Sidecar;
use crate::softhsm::SoftHsm;
use crate::upstream::Upstream;

/// The service's host: what its certificate names and its credential is sealed to.
pub const HOST: &str = "api.openai.com";
/// The credential's name in every policy here.
pub const CREDENTIAL: &str = "openai-prod";
/// The upstream's real key.
pub const SECRET: &str = "sk-real-3f9c1d";

/// An open gate. Its parts end in the order of a request.
pub struct Gate {
    /// Where callers go.
    pub envoy: Envoy,
    /// What it asks.
    pub sidecar: Sidecar,
    /// What keeps the keys.
    pub hsm: SoftHsm,
    /// What it calls.
    pub upstream: Upstream,
}

impl Gate {
    /// Opens a gate with this policy and so many Envoy workers.
    #[must_use]
    pub fn open(policy: &Value, workers: u32) -> Self {
        let upstream = Upstream::start(HOST, SECRET);
        let hsm = SoftHsm::init("tollkeeper");
        let mut sidecar = Sidecar::install(&hsm, policy);
        sidecar.init();
        sidecar.add_credential(CREDENTIAL, HOST, SECRET);
        sidecar.serve();
        let deployment = Self::deployment(&sidecar, &upstream);
        Self { envoy: Envoy::start(deployment.tree(), workers), sidecar, hsm, upstream }
    }

    /// The reference deployment in front of this sidecar and this upstream.
    #[must_use]
    pub fn deployment(sidecar: &Sidecar, upstream: &Upstream) -> Deployment {
        Deployment::reference(&Site {
            wasm: &artifacts::wasm(),
            sidecar_socket: &sidecar.socket(),
            upstream: upstream.address(),
            upstream_ca: &upstream.ca_file(),
        })
    }
}

/// A policy with the service `openai` and these clients.
#[must_use]
pub fn policy(clients: &Value) -> Value {
    json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "America/New_York" },
        "services": { "openai": {
            "purpose": "tests",
            "cluster": "openai",
            "hosts": [HOST],
            "credential": CREDENTIAL,
            "inject": { "as": "bearer" },
            "routes": [{ "match": "POST /v1/chat/completions" }, { "match": "GET /v1/models" }],
        }},
        "clients": clients,
    })
}
