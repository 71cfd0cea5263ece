//! The models that a client may use: each must have a price on a route that the client may call.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::prices::{Lists, Models, is_model_name, not_a_model};
use super::route::Written;
use super::value::{list, text};
use crate::bounds::MODELS_MAX;
use crate::document::Node;
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// Reads `models` as the names that the price lists have. `routes` are those that the client may
/// call; `None` where a mistake hides them.
pub(super) fn models(
    node: &Node<'_>,
    routes: Option<&[&Written<'_>]>,
    lists: &Lists<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<Arc<str>>> {
    let entries = list(node, "a list of models", MODELS_MAX, report)?;
    let mut seen: BTreeMap<&str, Spot> = BTreeMap::new();
    let mut written: Vec<(&str, Spot)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(name) = text(entry, "the name of a model", report) else {
            continue;
        };
        if !is_model_name(name) {
            report.push(not_a_model(entry.at, name));
        } else if let Some(first) = seen.insert(name, entry.at) {
            report.push(
                Problem::new(
                    Code::DuplicateEntry,
                    entry.at,
                    format!("{} stands twice in this list", quoted(name)),
                )
                .expected("each model once")
                .remedy("delete one of them")
                .other(first, "first written here"),
            );
        } else {
            written.push((name, entry.at));
        }
    }
    let complete = written.len() == entries.len();
    let priced = of_routes(routes?, lists)?;
    if priced.is_empty() {
        report.push(no_models(node.at));
        return None;
    }
    let models: Vec<Arc<str>> =
        written.iter().filter_map(|(name, at)| model(name, *at, &priced, report)).collect();
    (complete && models.len() == entries.len()).then(|| sorted(models))
}

/// The models of the lists that the routes name. `None` where a mistake hides a list.
fn of_routes<'l, 'd>(routes: &[&Written<'_>], lists: &'l Lists<'d>) -> Option<Vec<&'l Models<'d>>> {
    let names: BTreeSet<&str> = routes.iter().filter_map(|route| route.prices).collect();
    names.into_iter().map(|name| lists.models.get(name)).collect()
}

fn model(
    name: &str,
    at: Spot,
    priced: &[&Models<'_>],
    report: &mut Report<'_>,
) -> Option<Arc<str>> {
    if let Some(model) = priced.iter().find_map(|models| models.get(name)) {
        return Some(Arc::from(*model));
    }
    let names = priced.iter().flat_map(|models| models.keys().copied());
    let near = report.nearest(name, names);
    let message = format!("the model {} has no price on these routes", quoted(name));
    report.push(
        Problem::new(Code::UnknownModel, at, message)
            .expected("a model of a price list that a route of this use names in \"prices\"")
            .remedy("correct the name, or add the model with its prices to the list")
            .near(near),
    );
    None
}

fn no_models(at: Spot) -> Problem {
    let message = "the routes of this use have no models";
    Problem::missing(Code::UnknownModel, at, message)
        .expected("\"models\" only where a route names a price list in \"prices\"")
        .remedy("delete \"models\"; to allow fewer calls, name \"routes\"")
}

/// Two names of one model are one model.
fn sorted(mut models: Vec<Arc<str>>) -> Vec<Arc<str>> {
    models.sort_unstable();
    models.dedup();
    models
}
