//! Limits: so many requests in so much time, or so many at once. One of each kind on one thing.

use wire::facts::LimitFacts;
use wire::limit::{LimitKey, LimitRule, LimitScope, Mode, Per};

use super::amount::{amount, burst};
use super::fields::{Fields, Shape};
use super::value::{any_list, choice};
use crate::document::Node;
use crate::error::{Code, Problem, Report};
use crate::source::Spot;

const LIMIT: Shape = Shape {
    what: "a limit",
    form: FORM,
    fields: &["requests", "per", "burst", "concurrent", "mode"],
    required: &[],
};

const FORM: &str = "{ \"requests\": 20, \"per\": \"second\" } or { \"concurrent\": 8 }";

const PERIODS: [(&str, Per); 4] =
    [("second", Per::Second), ("minute", Per::Minute), ("hour", Per::Hour), ("day", Per::Day)];

pub(super) const MODES: [(&str, Mode); 2] = [("enforce", Mode::Enforce), ("watch", Mode::Watch)];

/// The limits on one thing. `scope` is `None` where the thing has no good name: its limits are
/// checked all the same.
pub(super) fn limits(
    node: Option<&Node<'_>>,
    scope: Option<&LimitScope>,
    report: &mut Report<'_>,
) -> Option<Vec<LimitFacts>> {
    let Some(node) = node else {
        return Some(Vec::new());
    };
    let entries = any_list(node, "a list of limits", report)?;
    let mut kinds: Vec<(Option<Per>, Spot)> = Vec::new();
    let mut limits = Vec::new();
    for entry in entries {
        let Some((rule, mode)) = limit(entry, report) else {
            continue;
        };
        let kind = kind(&rule);
        if let Some((_, first)) = kinds.iter().find(|(seen, _)| *seen == kind) {
            report.push(again(entry.at, &rule, *first));
            continue;
        }
        kinds.push((kind, entry.at));
        if let Some(scope) = scope {
            let key = LimitKey::new(scope, &rule);
            limits.push(LimitFacts { key, rule, mode });
        }
    }
    (limits.len() == entries.len()).then_some(limits)
}

fn limit(entry: &Node<'_>, report: &mut Report<'_>) -> Option<(LimitRule, Mode)> {
    let fields = Fields::open(entry, entry.at.opening(), &LIMIT, report)?;
    let mode = match fields.get("mode") {
        Some(node) => choice(node, &MODES, report),
        None => Some(Mode::Enforce),
    };
    let rule = match (fields.get("requests"), fields.get("concurrent")) {
        (Some(requests), None) => requests_per(requests, entry, &fields, report),
        (None, Some(places)) => concurrent(places, entry, &fields, report),
        (None, None) => {
            report.push(form(
                entry,
                "this limit does not say what is limited",
                "add \"requests\" and \"per\", or \"concurrent\"",
            ));
            None
        }
        (Some(_), Some(_)) => {
            report.push(form(
                entry,
                "this is two limits in one",
                "write two entries: one with \"requests\" and \"per\", one with \"concurrent\"",
            ));
            None
        }
    };
    rule.zip(mode)
}

fn requests_per(
    requests: &Node<'_>,
    entry: &Node<'_>,
    fields: &Fields<'_, '_>,
    report: &mut Report<'_>,
) -> Option<LimitRule> {
    let requests = amount(requests, report);
    let per = match fields.get("per") {
        Some(node) => choice(node, &PERIODS, report),
        None => {
            report.push(form(
                entry,
                "this limit does not say in which time",
                "add \"per\": second, minute, hour or day",
            ));
            None
        }
    };
    let burst = match (fields.get("burst"), per) {
        (Some(node), Some(Per::Day)) => {
            report.push(
                Problem::new(Code::Burst, node.at, "a limit per day has no burst")
                    .expected("\"burst\" only beside second, minute or hour")
                    .remedy("delete it: the day's requests may come at any time of the day"),
            );
            None
        }
        (Some(node), _) => burst(node, report),
        (None, _) => requests,
    };
    Some(LimitRule::Requests { amount: requests?, per: per?, burst: burst? })
}

fn concurrent(
    places: &Node<'_>,
    entry: &Node<'_>,
    fields: &Fields<'_, '_>,
    report: &mut Report<'_>,
) -> Option<LimitRule> {
    let places = amount(places, report);
    let stray = ["per", "burst"].into_iter().any(|name| fields.get(name).is_some());
    if stray {
        report.push(form(
            entry,
            "a limit on concurrent requests has neither \"per\" nor \"burst\"",
            "delete them: it holds at every moment",
        ));
        return None;
    }
    places.map(|places| LimitRule::Concurrent { places })
}

/// What may stand once on a thing: a time, or concurrency.
const fn kind(rule: &LimitRule) -> Option<Per> {
    match rule {
        LimitRule::Requests { per, .. } => Some(*per),
        LimitRule::Concurrent { .. } => None,
    }
}

fn form(entry: &Node<'_>, message: &'static str, remedy: &'static str) -> Problem {
    Problem::new(Code::LimitForm, entry.at, message).expected(FORM).remedy(remedy)
}

fn again(at: Spot, rule: &LimitRule, first: Spot) -> Problem {
    let what = match rule {
        LimitRule::Requests { per, .. } => format!("requests per {}", per.as_str()),
        LimitRule::Concurrent { .. } => "concurrent requests".to_owned(),
    };
    let message = format!("there are two limits on {what} here");
    Problem::new(Code::DuplicateLimit, at, message)
        .expected("one limit of each kind on one thing")
        .remedy("keep the one that is meant")
        .other(first, "the first of them")
}
