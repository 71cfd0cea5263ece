//! Services: an upstream API, where it is, what it wants, and what of it may be called.

use std::collections::HashMap;

use wire::facts::ServiceFacts;
use wire::ids::{CredentialName, ServiceName};
use wire::limit::LimitScope;

use super::charge::unlisted;
use super::fields::{Fields, Shape};
use super::host::hosts;
use super::inject::inject;
use super::limit::limits;
use super::merge::entries;
use super::prices::Lists;
use super::route::{Written, routes};
use super::value::{not_a_name, plain_text, text};
use crate::bounds::CLUSTER_BYTES_MAX;
use crate::document::{Member, Node, Value};
use crate::error::{Code, Problem, Report, quoted};
use crate::policy::Service;
use crate::source::Spot;

const SERVICE: Shape = Shape {
    what: "a service",
    form: "{ \"cluster\": …, \"hosts\": …, \"credential\": …, \"inject\": …, \"routes\": … }",
    fields: &[
        "purpose",
        "cluster",
        "hosts",
        "credential",
        "inject",
        "routes",
        "unlisted",
        "limits",
    ],
    required: &["cluster", "hosts", "credential", "inject", "routes"],
};

/// What others may refer to: every service by the name that is written, whatever is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Index<'d> {
    pub(super) services: HashMap<&'d str, Known<'d>>,
    /// All names, sorted.
    pub(super) names: Vec<&'d str>,
    /// Whether a file could not be read, which may hold more.
    pub(super) incomplete: bool,
}

/// A service as far as clients refer to it.
#[derive(Debug)]
pub(super) struct Known<'d> {
    /// Its routes, as written; `None` where a mistake hides what they are.
    pub(super) routes: Option<Vec<Written<'d>>>,
    /// Where it says what calls cost that no route names, if they cost something.
    pub(super) unlisted: Option<Spot>,
}

/// The services of all files.
pub(super) fn merge<'d>(
    files: &[Fields<'d, '_>],
    lists: &Lists<'_>,
    all_readable: bool,
    report: &mut Report<'_>,
) -> (Vec<Service>, Index<'d>) {
    let members = entries(files, "services", "service", report);
    if members.is_empty() && all_readable {
        nothing_to_guard(files, report);
    }
    let mut index = Index { incomplete: !all_readable, ..Index::default() };
    let services = members
        .into_iter()
        .filter_map(|member| service(member, lists, &mut index, report))
        .collect();
    index.names = index.services.keys().copied().collect();
    index.names.sort_unstable();
    (services, index)
}

fn nothing_to_guard(files: &[Fields<'_, '_>], report: &mut Report<'_>) {
    let empty = files.iter().find_map(|file| file.member("services"));
    let problem = match empty {
        Some(member) => Problem::missing(
            Code::MissingServices,
            member.name_at,
            "there is no service in the policy",
        ),
        None if files.is_empty() => return,
        None => Problem::nowhere(Code::MissingServices, "there is no service in the policy"),
    };
    report.push(
        problem
            .expected("at least one service under \"services\" in one of the files")
            .remedy("copy the service of samples/quick-start.json and adapt it"),
    );
}

fn service<'d>(
    member: &'d Member<'_>,
    lists: &Lists<'_>,
    index: &mut Index<'d>,
    report: &mut Report<'_>,
) -> Option<Service> {
    let name = ServiceName::parse(&member.name).ok();
    if name.is_none() {
        report.push(not_a_name(member.name_at, &member.name));
    }
    let fields = Fields::open(&member.node, member.name_at, &SERVICE, report);
    let routes = fields
        .as_ref()
        .and_then(|fields| fields.get("routes"))
        .map(|node| routes(node, lists, report))
        .unwrap_or_default();
    let unlisted_ = fields.as_ref().and_then(|fields| fields.member("unlisted"));
    let costly = unlisted_.filter(|member| has_price(&member.node)).map(|member| member.name_at);
    index.services.insert(&member.name, Known { routes: routes.written, unlisted: costly });
    let fields = fields?;
    let unlisted = match unlisted_ {
        Some(member) => unlisted(&member.node, member.name_at, report).map(Some),
        None => Some(None),
    };
    let purpose = match fields.get("purpose") {
        Some(node) => plain_text(node, "what the service is for", report).map(Some),
        None => Some(None),
    };
    let cluster = fields.get("cluster").and_then(|node| cluster(node, report));
    let hosts = fields.get("hosts").and_then(|node| hosts(node, report));
    let credential = fields.get("credential").and_then(|node| credential(node, report));
    let inject =
        fields.member("inject").and_then(|inject_| inject(&inject_.node, inject_.name_at, report));
    let scope = name.clone().map(LimitScope::Service);
    let limits = limits(fields.get("limits"), scope.as_ref(), report);
    Some(Service {
        purpose: purpose?.map(Into::into),
        cluster: cluster?.into(),
        facts: ServiceFacts {
            name: name?,
            hosts: hosts?,
            credential: credential?,
            inject: inject?,
            routes: routes.facts?,
            unlisted: unlisted?,
            limits: limits?,
        },
    })
}

/// Whether `unlisted` names a price.
fn has_price(node: &Node<'_>) -> bool {
    match &node.value {
        Value::Object(members) => members.iter().any(|member| member.name == "per_call"),
        _ => false,
    }
}

fn cluster<'d>(node: &'d Node<'_>, report: &mut Report<'_>) -> Option<&'d str> {
    let written = text(node, "the name of a cluster", report)?;
    let bounded = (1..=CLUSTER_BYTES_MAX).contains(&written.len());
    if bounded && written.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(written);
    }
    let message = format!("{} cannot be the name of a cluster", quoted(written));
    report.push(
        Problem::new(Code::Cluster, node.at, message)
            .expected("the name of a cluster in Envoy's configuration, without spaces")
            .remedy("copy the \"name\" of the cluster from the Envoy configuration"),
    );
    None
}

fn credential(node: &Node<'_>, report: &mut Report<'_>) -> Option<CredentialName> {
    let written = text(node, "the name of a credential", report)?;
    let name = CredentialName::parse(written).ok();
    if name.is_none() {
        // Who misunderstands this field puts the secret itself here.
        report.hide(node.at);
        report.push(
            Problem::new(
                Code::Name,
                node.at,
                "here is something else than the name of a credential",
            )
            .expected("the name under which `key-sidecar credential add` keeps the secret")
            .remedy(
                "write the name, never the secret; \
                 names are made of a to z, 0 to 9, '-', '_' and '.'",
            ),
        );
    }
    name
}
