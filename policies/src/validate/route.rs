//! Routes: what `wire::route` reads, in an order in which each can be reached, each with its price.

use std::borrow::Cow;

use wire::facts::RouteFacts;
use wire::route::{RouteError, RoutePattern};

use super::charge::cost;
use super::fields::{Fields, Shape};
use super::prices::Lists;
use super::value::{list, text};
use crate::bounds::ROUTES_MAX;
use crate::document::Node;
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

const ROUTE: Shape = Shape {
    what: "a route",
    form: "{ \"match\": \"GET /v1/models\", \"free\": \"is not billed\" }",
    fields: &[
        "match",
        "free",
        "usage",
        "prices",
        "hold",
        "hold_output_tokens",
        "per_call",
        "per_unit",
        "audio_per_second",
        "audio_per_minute",
        "audio_per_hour",
        "per_gigabyte_in",
        "per_gigabyte_out",
        "per_gibibyte_in",
        "per_gibibyte_out",
        "count_in_steps_of",
        "billable",
    ],
    required: &["match"],
};

/// A service's routes as written, good or not, so that who refers to one is told of its own
/// mistakes only; and as facts, if all are good.
#[derive(Debug, Default)]
pub(super) struct Routes<'d> {
    /// `None` where one cannot be read.
    pub(super) written: Option<Vec<Written<'d>>>,
    pub(super) facts: Option<Vec<RouteFacts>>,
}

/// A route as far as clients refer to it.
#[derive(Debug)]
pub(super) struct Written<'d> {
    /// Its `match`.
    pub(super) route: &'d str,
    pub(super) at: Spot,
    /// Whether its calls are charged to a budget.
    pub(super) costs: bool,
    /// The price list that it names.
    pub(super) prices: Option<&'d str>,
}

/// The routes of a service.
pub(super) fn routes<'d>(
    node: &'d Node<'_>,
    lists: &Lists<'_>,
    report: &mut Report<'_>,
) -> Routes<'d> {
    let Some(entries) = list(node, "a list of routes", ROUTES_MAX, report) else {
        return Routes::default();
    };
    let mut texts = Vec::with_capacity(entries.len());
    let mut reachable: Vec<(Spot, RoutePattern)> = Vec::with_capacity(entries.len());
    let mut charges = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(fields) = Fields::open(entry, entry.at.opening(), &ROUTE, report) else {
            continue;
        };
        let cost = cost(&fields, entry.at.opening(), lists, report);
        charges.extend(cost.charge);
        let route = fields
            .get("match")
            .and_then(|node| Some((node.at, text(node, "a method and a path", report)?)));
        let Some((at, route)) = route else { continue };
        texts.push(Written { route, at, costs: cost.costs, prices: cost.prices });
        if let Some(pattern) = pattern((at, route), &reachable, report) {
            reachable.push(pattern);
        }
    }
    let all_read = texts.len() == entries.len();
    let all_good = reachable.len() == entries.len() && charges.len() == entries.len();
    let facts = reachable
        .into_iter()
        .zip(charges)
        .map(|((_, pattern), charge)| RouteFacts { pattern, charge });
    Routes { written: all_read.then_some(texts), facts: all_good.then(|| facts.collect()) }
}

fn pattern(
    (at, written): (Spot, &str),
    earlier: &[(Spot, RoutePattern)],
    report: &mut Report<'_>,
) -> Option<(Spot, RoutePattern)> {
    let pattern = match RoutePattern::parse(written) {
        Ok(pattern) => pattern,
        Err(error) => {
            report.push(not_a_route(at, written, error));
            return None;
        }
    };
    let shadow = earlier.iter().find(|(_, first)| first.covers(&pattern));
    if let Some((first, _)) = shadow {
        let message = format!("no call can reach the route {}", quoted(written));
        report.push(
            Problem::new(Code::ShadowedRoute, at, message)
                .expected("a route that no earlier one covers: the first that matches wins")
                .remedy("move it before the other one, or delete it")
                .other(*first, "this one already matches all of its calls"),
        );
        return None;
    }
    Some((at, pattern))
}

fn not_a_route(at: Spot, written: &str, error: RouteError) -> Problem {
    let remedy: Cow<'static, str> = match error {
        RouteError::Form if written.starts_with('/') => {
            format!("write the method before the path, as in {}", quoted(&format!("GET {written}")))
                .into()
        }
        RouteError::Form => "write a method, one space and a path".into(),
        RouteError::Method => "write the method in capitals, or * for every method".into(),
        RouteError::Path if written.contains("://") => {
            "leave out scheme and host: they stand in \"hosts\"".into()
        }
        RouteError::Path if written.contains('?') => {
            "leave out the query: a route is matched on its path alone".into()
        }
        RouteError::Path => {
            "write the path as it is sent: it begins with '/', has no '.' or '..' as a segment, \
             and only what needs it is percent-encoded, in capitals"
                .into()
        }
        RouteError::Wildcard => {
            "write * for one whole segment, and ** as the last segment for all that follow".into()
        }
        RouteError::TooLong => "shorten it with ** as the last segment".into(),
    };
    let message = format!("{} is not a route", quoted(written));
    Problem::new(Code::Route, at, message)
        .expected("a method, one space and a path, as in \"POST /v1/chat/completions\"")
        .remedy(remedy)
        .near(in_capitals(written).as_deref())
}

/// The same route with its method in capitals, if that makes it one.
fn in_capitals(written: &str) -> Option<String> {
    let (method, path) = written.split_once(' ')?;
    let route = format!("{} {path}", method.to_ascii_uppercase());
    RoutePattern::parse(&route).is_ok().then_some(route)
}
