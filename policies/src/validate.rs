//! Trees to checked parts; every mistake is reported, none stops the search for others.
//!
//! Passes over all files in the order in which parts refer to one another: the organization, prices
//! and budgets, then services, which name prices, then clients, who name all of them. A part that has a mistake is left out of the result, but its name stays known, so
//! that one mistake is reported once. One file per part of the language; `fields`, `value`
//! and `money` are the words they share.

mod amount;
mod budget;
mod charge;
mod client;
mod date;
mod digest;
mod fields;
mod host;
mod inject;
mod limit;
mod merge;
mod models;
mod money;
mod organization;
mod price;
mod prices;
mod route;
mod service;
mod tier;
mod value;

use std::collections::{BTreeMap, HashMap};

use wire::ids::{BudgetName, ClientKeyDigest, ClientName, PriceListName};

use crate::document::Node;
use crate::error::{Code, Problem, Report};
use crate::policy::{Budget, Client, Organization, Prices, Service};
use crate::validate::fields::{Fields, Shape};

/// What the files say, checked. Complete only if the report is clean.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) organization: Option<Organization>,
    pub(crate) prices: BTreeMap<PriceListName, Prices>,
    pub(crate) budgets: BTreeMap<BudgetName, Budget>,
    pub(crate) services: Vec<Service>,
    pub(crate) clients: Vec<Client>,
    pub(crate) known_by: HashMap<ClientKeyDigest, ClientName>,
}

const FILE: Shape = Shape {
    what: "a policy file",
    form: "{ \"policy_version\": 1, … }",
    fields: &[
        "$schema",
        "policy_version",
        "organization",
        "services",
        "prices",
        "budgets",
        "clients",
    ],
    required: &["policy_version"],
};

/// The version of the language that this program reads.
const POLICY_VERSION: u64 = 1;

/// Checks the documents together. `all_readable` says that no file is missing among them: only then
/// can something be missing for good.
pub(crate) fn validate(
    documents: &[Node<'_>],
    all_readable: bool,
    report: &mut Report<'_>,
) -> Parts {
    let files: Vec<Fields<'_, '_>> = documents
        .iter()
        .filter_map(|root| Fields::open(root, root.at.opening(), &FILE, report))
        .collect();
    for file in &files {
        schema_and_version(file, report);
    }
    let all_readable = all_readable && files.len() == documents.len();
    let organization = organization::merge(&files, all_readable, report);
    let (prices, lists) = prices::merge(&files, all_readable, report);
    let (budgets, budget_names) = budget::merge(&files, all_readable, report);
    let (services, index) = service::merge(&files, &lists, all_readable, report);
    let known = client::Known { services: &index, lists: &lists, budgets: &budget_names };
    let (clients, known_by) = client::merge(&files, &known, report);
    Parts { organization, prices, budgets, services, clients, known_by }
}

fn schema_and_version(file: &Fields<'_, '_>, report: &mut Report<'_>) {
    if let Some(node) = file.get("$schema") {
        value::text(node, "the address of the schema, as a text", report);
    }
    let Some(node) = file.get("policy_version") else {
        return;
    };
    match amount::whole_number(node) {
        amount::Number::Whole(POLICY_VERSION) => {}
        amount::Number::OtherForm(POLICY_VERSION) => report.push(amount::other_form(node)),
        _ => report.push(
            Problem::new(
                Code::Version,
                node.at,
                "this version of the policy language is not known",
            )
            .expected("1")
            .remedy("write \"policy_version\": 1, or use the release that the file is written for"),
        ),
    }
}
