//! `envoy.yaml` as a test deploys it: the very file, with the values of a [`Site`] put in.
//!
//! What is put in is what the file's own header names, and nothing else, so that a test on this is a
//! test of the reference. Tests that need another world say so with [`Deployment::at`].
#![expect(
    clippy::panic,
    reason = "a reference deployment without the places that it promises is a failed test"
)]

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::artifacts;

const LISTENER: &str = "/static_resources/listeners/0";
const CONNECTION_MANAGER: &str =
    "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
const FILTER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/config";

/// The service that the reference has. Others are made in its image.
const MODEL_SERVICE: &str = "openai";

/// What differs from machine to machine.
#[derive(Clone, Copy)]
pub struct Site<'a> {
    /// The filter.
    pub wasm: &'a Path,
    /// Where the sidecar listens.
    pub sidecar_socket: &'a Path,
    /// Where the service's upstream is.
    pub upstream: SocketAddr,
    /// Who vouches for it.
    pub upstream_ca: &'a Path,
}

/// A configuration of Envoy.
#[derive(Clone)]
pub struct Deployment(Value);

impl Deployment {
    /// The reference at this site. Both addresses are loopback, with a port that is free.
    ///
    /// # Panics
    /// If the file is not there or not what it was.
    #[must_use]
    pub fn reference(site: &Site<'_>) -> Self {
        let file = artifacts::repository().join("envoy.yaml");
        let text =
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let tree = serde_norway::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let mut deployment = Self(tree);
        deployment.settle_at(site);
        deployment
    }

    /// One more service: a route and a cluster as the reference has them, under other names.
    ///
    /// # Panics
    /// If the reference has no service to copy.
    pub fn add_service(&mut self, name: &str, host: &str, upstream: SocketAddr) {
        let routes = self.at(&format!("{CONNECTION_MANAGER}/route_config/virtual_hosts/0/routes"));
        let mut route = named(routes, MODEL_SERVICE).clone();
        route["name"] = json!(name);
        route["match"]["headers"][0]["string_match"]["exact"] = json!(name);
        route["route"]["cluster"] = json!(name);
        // Before the guard, which matches everything.
        items(routes).insert(0, route);

        let clusters = self.at("/static_resources/clusters");
        let mut cluster = named(clusters, MODEL_SERVICE).clone();
        cluster["name"] = json!(name);
        cluster["load_assignment"]["cluster_name"] = json!(name);
        let tls = &mut cluster["transport_socket"]["typed_config"];
        tls["sni"] = json!(host);
        tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"][0]["matcher"] =
            json!({ "exact": host });
        point_to(&mut cluster, upstream);
        items(clusters).push(cluster);
    }

    /// Who vouches for the upstream of a cluster, where it is not who vouches for the reference's.
    ///
    /// # Panics
    /// If there is no such cluster.
    pub fn trust(&mut self, cluster: &str, ca: &Path) {
        let cluster = named(self.at("/static_resources/clusters"), cluster);
        cluster["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]["trusted_ca"]
            ["filename"] = json!(ca);
    }

    /// The value at a JSON pointer, to be changed.
    ///
    /// # Panics
    /// If nothing is there.
    pub fn at(&mut self, pointer: &str) -> &mut Value {
        self.0.pointer_mut(pointer).unwrap_or_else(|| panic!("envoy.yaml has nothing at {pointer}"))
    }

    /// The settings of Envoy's connection manager, to be changed.
    pub fn connection_manager(&mut self) -> &mut Value {
        self.at(CONNECTION_MANAGER)
    }

    /// The settings of the wasm filter, to be changed.
    pub fn filter(&mut self) -> &mut Value {
        self.at(FILTER)
    }

    /// The whole, as Envoy takes it.
    #[must_use]
    pub fn tree(&self) -> &Value {
        &self.0
    }

    fn settle_at(&mut self, site: &Site<'_>) {
        *self.at("/admin/address/socket_address/port_value") = json!(0);
        *self.at(&format!("{LISTENER}/address/socket_address/port_value")) = json!(0);
        *self.at(&format!("{FILTER}/vm_config/code/local/filename")) = json!(site.wasm);
        let clusters = self.at("/static_resources/clusters");
        let sidecar = named(clusters, "key-sidecar");
        sidecar["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["pipe"]
            ["path"] = json!(site.sidecar_socket);
        let service = named(clusters, MODEL_SERVICE);
        point_to(service, site.upstream);
        service["transport_socket"]["typed_config"]["common_tls_context"]["validation_context"]["trusted_ca"]
            ["filename"] = json!(site.upstream_ca);
    }
}

fn point_to(cluster: &mut Value, upstream: SocketAddr) {
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"] =
        json!({ "address": upstream.ip(), "port_value": upstream.port() });
}

fn named<'a>(list: &'a mut Value, name: &str) -> &'a mut Value {
    items(list)
        .iter_mut()
        .find(|item| item["name"] == name)
        .unwrap_or_else(|| panic!("envoy.yaml has no {name:?}"))
}

fn items(list: &mut Value) -> &mut Vec<Value> {
    match list {
        Value::Array(items) => items,
        other => panic!("envoy.yaml has {other} where a list was expected"),
    }
}
