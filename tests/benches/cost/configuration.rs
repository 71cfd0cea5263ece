//! The configurations that are compared: the reference deployment, and the same without its filter
//! or with another in its place.
//!
//! All are made from `envoy.yaml`, so that what they have in common is the same to the letter. None
//! writes an access log.

use std::path::Path;

use serde_json::{Value, json};
use tollkeeper_tests::artifacts;
use tollkeeper_tests::deployment::{Deployment, Site};

use crate::calls::Call;
use crate::stand::{SECRET, Stand};

/// In which header Envoy's own filters pass the client's name on.
const CLIENT_HEADER: &str = "x-client";
/// The limits of a client, as Envoy names them.
const LIMITS: [(&str, &str); 2] = [("client-second", "1s"), ("client-day", "86400s")];
/// More than the load asks for.
const AMPLE: u32 = 1_000_000_000;

/// What is in front of the router, and what is called through it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Nothing: what everything else is compared with.
    NoFilter,
    /// What Envoy itself has, at its cheapest: all clients share one bucket.
    NativeShared,
    /// What Envoy itself has that does the same: two buckets a client, each worker's its own.
    NativePerClient,
    /// A filter that does nothing, as the SDK makes it: every callback is exported.
    EmptyAsLinked,
    /// The same, packed as ours is.
    EmptyPacked,
    /// The reference, which gets this call. All others get [`Call::List`].
    Gate(Call),
}

impl Kind {
    /// All, in the order of the report. The first is what the others are compared with.
    pub(crate) const ALL: [Self; 9] = [
        Self::NoFilter,
        Self::NativeShared,
        Self::NativePerClient,
        Self::EmptyAsLinked,
        Self::EmptyPacked,
        Self::Gate(Call::List),
        Self::Gate(Call::PricedList),
        Self::Gate(Call::Chat),
        Self::Gate(Call::MeteredChat),
    ];

    /// What the report calls it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::NoFilter => "no filter",
            Self::NativeShared => {
                "Envoy's `api_key_auth` + `local_ratelimit` + `credential_injector`, one limit for all"
            }
            Self::NativePerClient => "the same, two limits a client",
            Self::EmptyAsLinked => "an empty filter, as the SDK makes it",
            Self::EmptyPacked => "an empty filter, packed as ours",
            Self::Gate(Call::List) => "Tollkeeper: `envoy.yaml`, two limits a client, guard",
            Self::Gate(call) => call.name(),
        }
    }

    /// What is called through it.
    pub(crate) const fn call(self) -> Call {
        match self {
            Self::Gate(call) => call,
            _ => Call::List,
        }
    }

    /// Its place among [`Kind::ALL`].
    pub(crate) fn place(self) -> usize {
        Self::ALL.iter().position(|each| *each == self).unwrap_or_default()
    }
}

impl Kind {
    /// Whether it asks for a client key.
    pub(crate) const fn knows_clients(self) -> bool {
        matches!(self, Self::NativeShared | Self::NativePerClient | Self::Gate(_))
    }

    /// The whole configuration, as Envoy takes it.
    pub(crate) fn configuration(self, stand: &Stand) -> Value {
        let mut deployment = Deployment::reference(&Site {
            wasm: &artifacts::wasm(),
            sidecar_socket: &stand.sidecar().socket(),
            upstream: stand.upstream(),
            upstream_ca: Path::new("/nowhere/ca.pem"),
        });
        remove(deployment.connection_manager(), "access_log");
        without_tls(deployment.at("/static_resources/clusters"));
        match self {
            Self::Gate(_) => {}
            Self::NoFilter => replace_filter(&mut deployment, Vec::new()),
            Self::NativeShared => native(&mut deployment, stand.client_keys(), shared_limit()),
            Self::NativePerClient => {
                native(&mut deployment, stand.client_keys(), limits_per_client());
                describe_by_client(&mut deployment);
            }
            Self::EmptyAsLinked => wasm(&mut deployment, &artifacts::empty_probe()),
            Self::EmptyPacked => wasm(&mut deployment, &stand.packed_empty_probe()),
        }
        deployment.tree().clone()
    }
}

fn without_tls(clusters: &mut Value) {
    let service = items(clusters).iter_mut().find(|cluster| cluster["name"] == "openai");
    let service = service.expect("the reference has the service's cluster");
    remove(service, "transport_socket");
    let options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    // Without TLS nothing is negotiated.
    service["typed_extension_protocol_options"][options] = json!({
        "@type": format!("type.googleapis.com/{options}"),
        "explicit_http_config": { "http_protocol_options": {} },
    });
}

/// Puts `filters` in place of ours, and takes the guard away, which only ours can pass.
fn replace_filter(deployment: &mut Deployment, mut filters: Vec<Value>) {
    let manager = deployment.connection_manager();
    remove(manager, "early_header_mutation_extensions");
    let routes = items(&mut manager["route_config"]["virtual_hosts"][0]["routes"]);
    routes.retain(|route| route["name"] == "openai");
    remove(&mut routes[0]["match"], "headers");

    let chain = items(&mut manager["http_filters"]);
    let router = chain.pop().expect("the last filter is the router");
    filters.push(router);
    *chain = filters;
}

fn wasm(deployment: &mut Deployment, module: &Path) {
    let mut filter = deployment.connection_manager()["http_filters"][0].clone();
    let config = &mut filter["typed_config"]["config"];
    config["name"] = json!("empty");
    config["vm_config"]["vm_id"] = json!("empty");
    config["vm_config"]["code"]["local"]["filename"] = json!(module);
    // As linked it exports and imports more than ours may.
    remove(&mut config["vm_config"], "capability_restriction_config");
    replace_filter(deployment, vec![filter]);
}

fn native(deployment: &mut Deployment, client_keys: &[String], limit: Value) {
    let filters = vec![api_key_auth(client_keys), limit, credential_injector()];
    replace_filter(deployment, filters);
    deployment.at("/static_resources")["secrets"] = json!([{
        "name": "openai-prod",
        "generic_secret": { "secret": { "inline_string": format!("Bearer {SECRET}") } },
    }]);
}

fn api_key_auth(client_keys: &[String]) -> Value {
    let credentials: Vec<Value> = client_keys
        .iter()
        .enumerate()
        .map(|(number, key)| json!({ "key": key, "client": format!("client-{number}") }))
        .collect();
    json!({ "name": "api_key_auth", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth",
        "credentials": credentials,
        "key_sources": [{ "header": "authorization" }],
        "forwarding": { "hide_credentials": true, "header": CLIENT_HEADER },
    }})
}

fn shared_limit() -> Value {
    let all = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    json!({ "name": "local_ratelimit", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "limit",
        "token_bucket": bucket("1s"),
        "filter_enabled": all,
        "filter_enforced": all,
    }})
}

/// A bucket for each value of the client's name that comes along, of each of the two kinds.
fn limits_per_client() -> Value {
    let mut filter = shared_limit();
    let descriptors = LIMITS
        .map(|(name, interval)| json!({ "entries": [{ "key": name }], "token_bucket": bucket(interval) }));
    filter["typed_config"]["descriptors"] = json!(descriptors);
    filter["typed_config"]["max_dynamic_descriptors"] = json!(10_000);
    filter
}

fn describe_by_client(deployment: &mut Deployment) {
    let descriptions = LIMITS.map(|(name, _)| {
        json!({ "actions": [{ "request_headers": {
            "header_name": CLIENT_HEADER, "descriptor_key": name,
        }}]})
    });
    let route =
        &mut deployment.connection_manager()["route_config"]["virtual_hosts"][0]["routes"][0];
    route["route"]["rate_limits"] = json!(descriptions);
}

fn bucket(fill_interval: &str) -> Value {
    json!({ "max_tokens": AMPLE, "tokens_per_fill": AMPLE, "fill_interval": fill_interval })
}

fn credential_injector() -> Value {
    json!({ "name": "credential_injector", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
        "overwrite": true,
        "credential": { "name": "generic", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
            "credential": { "name": "openai-prod" },
        }},
    }})
}

fn remove(object: &mut Value, field: &str) {
    object
        .as_object_mut()
        .and_then(|object| object.remove(field))
        .unwrap_or_else(|| panic!("envoy.yaml has no {field:?} where it had one"));
}

fn items(list: &mut Value) -> &mut Vec<Value> {
    list.as_array_mut().expect("envoy.yaml has a list here")
}
