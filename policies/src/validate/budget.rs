//! Budgets: how much, in which time, within which other, and who is asked and warned.

use std::collections::BTreeMap;
use std::sync::Arc;

use wire::ids::BudgetName;
use wire::limit::Mode;
use wire::money::Nanos;

use super::fields::{Fields, Shape};
use super::limit::MODES;
use super::merge::entries;
use super::money;
use super::value::{choice, list, not_a_name, plain_text, text, wrong_type};
use crate::bounds::{ALERT_PERCENT_MAX, ALERTS_MAX};
use crate::document::{Member, Node, Value};
use crate::error::{Code, Problem, Report, quoted};
use crate::policy::Budget;
use crate::source::Spot;

mod span;
mod tree;

pub(super) use tree::unknown;
use tree::{Place, Tree};

const BUDGET: Shape = Shape {
    what: "a budget",
    form: "{ \"cap\": \"800.00\", \"every\": \"month\", \"owner\": … }",
    fields: &["cap", "every", "from", "until", "within", "owner", "alert_at", "mode"],
    required: &["cap"],
};

/// What others may refer to: every budget by the name that is written, whatever is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Names<'d> {
    /// Sorted.
    pub(super) names: Vec<&'d str>,
    /// Whether a file could not be read, which may hold more.
    pub(super) incomplete: bool,
}

/// The budgets of all files.
pub(super) fn merge<'d>(
    files: &[Fields<'d, '_>],
    all_readable: bool,
    report: &mut Report<'_>,
) -> (BTreeMap<BudgetName, Budget>, Names<'d>) {
    let members = entries(files, "budgets", "budget", report);
    let mut tree = Tree::new(!all_readable);
    let mut read = Vec::with_capacity(members.len());
    for member in &members {
        read.extend(budget(member, &mut tree, report));
    }
    tree.check(report);
    let budgets = read.into_iter().filter_map(|budget| {
        let owner = tree.owner_of(budget.name.as_str())?;
        Some((budget.name.clone(), Budget { owner: owner.into(), ..budget }))
    });
    let budgets = budgets.collect();
    (budgets, Names { names: tree.names(), incomplete: !all_readable })
}

/// One budget, its owner to be looked up in the tree.
fn budget<'d>(
    member: &'d Member<'_>,
    tree: &mut Tree<'d>,
    report: &mut Report<'_>,
) -> Option<Budget> {
    let name = BudgetName::parse(&member.name).ok();
    if name.is_none() {
        report.push(not_a_name(member.name_at, &member.name));
    }
    let fields = Fields::open(&member.node, member.name_at, &BUDGET, report);
    let within = fields.as_ref().and_then(|fields| within(fields, report));
    let owner = fields.as_ref().and_then(|fields| owner(fields, member.name_at, report));
    tree.insert(&member.name, Place { within, owner });
    let fields = fields?;
    let cap = fields.get("cap").and_then(|node| cap(node, report));
    let span = span::span(&fields, report);
    let alert_at = match fields.get("alert_at") {
        Some(node) => alerts(node, cap, report),
        None => Some(Vec::new()),
    };
    let mode = match fields.get("mode") {
        Some(node) => choice(node, &MODES, report),
        None => Some(Mode::Enforce),
    };
    Some(Budget {
        name: name?,
        within: match within {
            Some((within, _)) => Some(BudgetName::parse(within).ok()?),
            None => None,
        },
        owner: Arc::from(""),
        cap: cap?,
        span: span?,
        alert_at: alert_at?,
        mode: mode?,
    })
}

fn within<'d>(fields: &Fields<'d, '_>, report: &mut Report<'_>) -> Option<(&'d str, Spot)> {
    let node = fields.get("within")?;
    let written = text(node, "the name of a budget", report)?;
    if BudgetName::parse(written).is_err() {
        report.push(not_a_name(node.at, written));
        return None;
    }
    Some((written, node.at))
}

fn owner<'d>(fields: &Fields<'d, '_>, at: Spot, report: &mut Report<'_>) -> Option<&'d str> {
    if let Some(node) = fields.get("owner") {
        return plain_text(node, "whom to ask about the budget", report);
    }
    if fields.get("within").is_none() {
        report.push(
            Problem::missing(Code::MissingOwner, at, "nobody is named who answers for this budget")
                .expected(
                    "an \"owner\", or \"within\" with the budget whose owner answers for it too",
                )
                .remedy("add \"owner\": refusals tell callers whom to ask for more money"),
        );
    }
    None
}

/// `Some(None)` is unlimited.
fn cap(node: &Node<'_>, report: &mut Report<'_>) -> Option<Option<Nanos>> {
    const EXPECTED: &str = "an amount as in \"800.00\", \"0\" for none, or \"unlimited\"";
    let word = node.value.as_text().map(|text| text.trim().to_ascii_lowercase());
    match word.as_deref() {
        Some("unlimited") if node.value.as_text() == Some("unlimited") => return Some(None),
        Some("unlimited" | "infinite" | "infinity" | "inf" | "no limit" | "none" | "null") => {
            let written = node.value.as_text().unwrap_or_default();
            report.push(
                Problem::new(Code::Money, node.at, format!("{} is not a cap", quoted(written)))
                    .expected(EXPECTED)
                    .remedy("write \"unlimited\" if nothing is to be refused, \"0\" if all is"),
            );
            return None;
        }
        _ => {}
    }
    money::amount(node, EXPECTED, report).map(Some)
}

/// Percentages of the cap at which the owner is warned, in rising order.
fn alerts(
    node: &Node<'_>,
    cap: Option<Option<Nanos>>,
    report: &mut Report<'_>,
) -> Option<Vec<u16>> {
    let entries = list(node, "a list of percentages of the cap", ALERTS_MAX, report)?;
    let mut alerts: Vec<(u16, Spot)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let Some(percent) = percentage(entry, report) else {
            continue;
        };
        if let Some(problem) = out_of_order(percent, entry, &alerts) {
            report.push(problem);
            continue;
        }
        alerts.push((percent, entry.at));
    }
    let of_something = cap.is_none_or(|cap| cap.is_some_and(|cap| cap > Nanos::ZERO));
    if !of_something {
        report.push(
            Problem::missing(Code::AlertOrder, node.at, "there is no part of this cap to warn of")
                .expected("a cap that is an amount above zero")
                .remedy("delete \"alert_at\", or give the budget a cap in numbers"),
        );
    }
    let good = of_something && alerts.len() == entries.len();
    good.then(|| alerts.into_iter().map(|(percent, _)| percent).collect())
}

fn out_of_order(percent: u16, entry: &Node<'_>, before: &[(u16, Spot)]) -> Option<Problem> {
    if let Some((_, first)) = before.iter().find(|(seen, _)| *seen == percent) {
        return Some(
            Problem::new(
                Code::DuplicateEntry,
                entry.at,
                "this percentage stands twice in the list",
            )
            .expected("each percentage once")
            .remedy("delete one of them: an alert is sent once in each period")
            .other(*first, "first written here"),
        );
    }
    let (_, last) = before.last().filter(|(last, _)| *last > percent)?;
    Some(
        Problem::new(Code::AlertOrder, entry.at, "the percentages do not rise")
            .expected("the lowest first")
            .remedy("put them into order, as in [\"50%\", \"80%\", \"100%\"]")
            .other(*last, "a larger one stands before it"),
    )
}

fn percentage(node: &Node<'_>, report: &mut Report<'_>) -> Option<u16> {
    const REMEDY: &str = "write whole percent of the cap with their sign, as in \"80%\"";
    let expected = format!("\"1%\" to \"{ALERT_PERCENT_MAX}%\"");
    let Value::Text(written) = &node.value else {
        report.push(wrong_type(node, "a percentage").expected(expected).remedy(REMEDY));
        return None;
    };
    let percent = written.strip_suffix('%').and_then(whole_percent);
    if percent.is_none() {
        let message = format!("{} is not a percentage of the cap", quoted(written));
        report.push(Problem::new(Code::Alert, node.at, message).expected(expected).remedy(REMEDY));
    }
    percent
}

fn whole_percent(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    let percent = digits.parse().ok().filter(|_| plain)?;
    (1..=ALERT_PERCENT_MAX).contains(&percent).then_some(percent)
}
