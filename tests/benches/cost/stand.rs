//! What all configurations share: an upstream, a sidecar with its HSM, a thousand client keys.
//!
//! The upstream is a second Envoy that answers by itself: cheap, steady, and without a log. It is
//! reached without TLS, which would add the same to every configuration.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tollkeeper_pack::contract::RENAMED;
use tollkeeper_tests::artifacts;
use tollkeeper_tests::books::Books;
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::sidecar::Sidecar;
use tollkeeper_tests::softhsm::SoftHsm;
use wire::client_key;

use crate::calls::{self, Call};

/// The host that selects the service, and to which the credential is sealed.
pub(crate) const HOST: &str = "api.openai.com";
/// The service's credential. It opens nothing.
pub(crate) const SECRET: &str = "sk-proj-0123456789abcdef0123456789abcdef0123456789abcdef";
/// The budgets that clients take turns in, and what those lie within.
const TEAMS: usize = 40;
const DIVISIONS: usize = 5;
/// Client keys that the policy and Envoy's own filter know.
const CLIENT_KEYS: u32 = 1000;

/// So much a second and a day that the load never meets it.
const AMPLE_PER_SECOND: u64 = 1_000_000;
const AMPLE_PER_DAY: u64 = 1_000_000_000_000;
/// A cap like that.
const AMPLE_MONEY: &str = "1000000000.00";

/// The running processes, and what the configurations of the others need.
pub(crate) struct Stand {
    sidecar: Sidecar,
    upstream: Envoy,
    client_keys: Vec<String>,
    probes: TempDir,
    // Last: whoever uses the token is dead by then.
    _hsm: SoftHsm,
}

impl Stand {
    /// Starts everything.
    pub(crate) fn build() -> Self {
        let client_keys: Vec<String> = (0..CLIENT_KEYS).map(client_key_of).collect();
        let hsm = SoftHsm::init("bench");
        let mut sidecar = Sidecar::install(&hsm, &policy(&client_keys));
        sidecar.init();
        sidecar.add_credential("openai-prod", HOST, SECRET);
        sidecar.serve();
        let probes = tempfile::tempdir().expect("the system has a directory for temporary files");
        pack_empty_probe(&packed_in(&probes));
        let upstream = Envoy::start(&upstream(), 1);
        Self { sidecar, upstream, client_keys, probes, _hsm: hsm }
    }

    /// The sidecar.
    pub(crate) const fn sidecar(&self) -> &Sidecar {
        &self.sidecar
    }

    /// The sidecar's process id.
    pub(crate) fn sidecar_id(&self) -> u32 {
        self.sidecar.id().expect("the sidecar serves")
    }

    /// The ledger of money.
    pub(crate) fn books(&self) -> Books {
        Books::open(&self.sidecar.state_dir())
    }

    /// Where the upstream is.
    pub(crate) fn upstream(&self) -> SocketAddr {
        self.upstream.gate()
    }

    /// All client keys.
    pub(crate) fn client_keys(&self) -> &[String] {
        &self.client_keys
    }

    /// The filter that does nothing, packed as ours is.
    pub(crate) fn packed_empty_probe(&self) -> PathBuf {
        packed_in(&self.probes)
    }

    /// The program itself, where the command is a launcher: tools such as valgrind want that.
    pub(crate) fn envoy_program(&self) -> PathBuf {
        fs::read_link(format!("/proc/{}/exe", self.upstream.id()))
            .expect("Envoy runs, and this is Linux")
    }

    /// What Envoy calls its version.
    pub(crate) fn envoy_version(&self) -> String {
        let page = self.upstream.admin_page("/server_info");
        let info: Value = serde_json::from_str(&page).expect("/server_info is JSON");
        let version = info["version"].as_str().unwrap_or_default();
        version.split('/').nth(1).unwrap_or(version).to_owned()
    }
}

fn client_key_of(number: u32) -> String {
    let mut random = [7; 32];
    random[..4].copy_from_slice(&number.to_be_bytes());
    client_key::issue(&random).to_string()
}

/// One client a key, each with two limits and a budget within two others. Free calls do not touch
/// the budgets.
fn policy(client_keys: &[String]) -> Value {
    let clients: Map<String, Value> = client_keys
        .iter()
        .enumerate()
        .map(|(number, key)| (format!("client-{number}"), client(key, number % TEAMS)))
        .collect();
    json!({
        "policy_version": 1,
        "organization": { "name": "acme", "currency": "USD", "time_zone": "UTC" },
        "services": { "openai": {
            "purpose": "the bench", "cluster": "openai", "hosts": [HOST],
            "credential": "openai-prod", "inject": { "as": "bearer" },
            "routes": Call::ALL.map(Call::route),
        }},
        "prices": calls::prices(),
        "budgets": budgets(),
        "clients": clients,
    })
}

fn budgets() -> Map<String, Value> {
    let cap = || json!({ "cap": AMPLE_MONEY, "every": "month", "owner": "bench@acme.example" });
    let within = |outer: String| {
        let mut budget = cap();
        budget["within"] = json!(outer);
        budget
    };
    let divisions =
        (0..DIVISIONS).map(|number| (format!("division-{number}"), within("acme".to_owned())));
    let teams = (0..TEAMS).map(|number| {
        (format!("team-{number}"), within(format!("division-{}", number % DIVISIONS)))
    });
    divisions.chain(teams).chain([("acme".to_owned(), cap())]).collect()
}

fn client(key: &str, team: usize) -> Value {
    let digest = client_key::digest(key.as_bytes());
    json!({
        "owner": "bench@acme.example",
        "purpose": "the bench",
        "known_by": [{ "key": format!("sha256:{digest}") }],
        "budget": format!("team-{team}"),
        "may_use": { "openai": {} },
        "limits": [
            { "requests": AMPLE_PER_SECOND, "per": "second" },
            { "requests": AMPLE_PER_DAY, "per": "day" },
        ],
    })
}

fn packed_in(dir: &TempDir) -> PathBuf {
    dir.path().join("empty.wasm")
}

fn pack_empty_probe(to: &Path) {
    let linked = walrus::Module::from_file(artifacts::empty_probe());
    let mut linked = linked.unwrap_or_else(|error| panic!("the empty probe: {error}"));
    // The packer asks for callbacks of our own. The probe's are the SDK's, by those names, too.
    for (own, of_sdk) in RENAMED {
        let export = linked.exports.iter().find(|export| export.name == *of_sdk);
        let item = export.unwrap_or_else(|| panic!("the SDK exports no {of_sdk}")).item;
        linked.exports.add(own, item);
    }
    let packed = tollkeeper_pack::pack(&linked.emit_wasm())
        .unwrap_or_else(|error| panic!("the empty probe cannot be packed: {error}"));
    fs::write(to, packed).expect("a temporary file can be written");
}

/// An Envoy that answers by itself.
fn upstream() -> Value {
    let loopback = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
    json!({
        "admin": { "address": loopback },
        "static_resources": { "listeners": [{
            "name": "gate",
            "address": loopback,
            "filter_chains": [{ "filters": [{
                "name": "http",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                    "stat_prefix": "upstream",
                    "route_config": {
                        "max_direct_response_body_size_bytes": ANSWER_MAX,
                        "virtual_hosts": [{
                            "name": "all", "domains": ["*"],
                            "routes": Call::ALL.map(answer_to),
                        }],
                    },
                    "http_filters": [{
                        "name": "router",
                        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                    }],
                },
            }]}],
        }]},
    })
}

/// More than the longest answer; without it Envoy allows 4 KiB.
const ANSWER_MAX: u32 = 4 << 20;

fn answer_to(call: Call) -> Value {
    let (content_type, body) = call.answer();
    json!({
        "match": { "path": call.path() },
        "direct_response": { "status": 200, "body": { "inline_string": body } },
        "response_headers_to_add": [{
            "header": { "key": "content-type", "value": content_type },
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }],
    })
}
