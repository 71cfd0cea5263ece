//! Which answers are billed: `"2xx"`, `404`, `"400-410"`.

use std::collections::HashSet;

use wire::tariff::Statuses;

use super::super::amount::whole;
use super::super::value::list;
use crate::bounds::BILLABLE_MAX;
use crate::document::{Node, Value};
use crate::error::{Code, Problem, Report, quoted};

const LOWEST: u16 = 100;
const HIGHEST: u16 = 599;

/// The answers that are billed. 200 to 299 must be among them: a route whose good answers cost
/// nothing is not billed by its calls at all.
pub(super) fn billable(node: &Node<'_>, report: &mut Report<'_>) -> Option<Vec<Statuses>> {
    let entries =
        list(node, "a list of statuses of answers that are billed", BILLABLE_MAX, report)?;
    let mut statuses: Vec<Statuses> = Vec::with_capacity(entries.len());
    let mut seen: HashSet<String> = HashSet::new();
    for entry in entries {
        let Some(some) = one(entry, report) else {
            continue;
        };
        if !seen.insert(written(entry)) {
            report.push(
                Problem::new(
                    Code::DuplicateEntry,
                    entry.at,
                    "these answers stand twice in the list",
                )
                .expected("each status once")
                .remedy("delete one of them"),
            );
            continue;
        }
        statuses.push(some);
    }
    if statuses.len() != entries.len() {
        return None;
    }
    if !statuses.iter().any(|some| some.from <= 200 && some.to >= 299) {
        report.push(
            Problem::missing(
                Code::PriceFit,
                node.at,
                "by this list the calls that succeed cost nothing",
            )
            .expected("\"2xx\" and what is billed besides")
            .remedy("add \"2xx\"; where \"billable\" is left out, these alone are billed"),
        );
        return None;
    }
    Some(statuses)
}

/// A status as a number and a range as a text never read the same.
fn written(entry: &Node<'_>) -> String {
    match &entry.value {
        Value::Text(text) => text.to_string(),
        Value::Number(number) => (*number).to_owned(),
        _ => String::new(),
    }
}

fn one(entry: &Node<'_>, report: &mut Report<'_>) -> Option<Statuses> {
    let range = |from, to| Statuses { from, to };
    let text = match &entry.value {
        Value::Text(text) => text.as_ref(),
        _ => {
            const REMEDY: &str =
                "write one status as in 404, or several as in \"4xx\" or \"400-410\"";
            let status = whole(entry, LOWEST.into()..=HIGHEST.into(), REMEDY, report)?;
            let status = u16::try_from(status).ok()?;
            return Some(range(status, status));
        }
    };
    if let Some(hundred) = text.strip_suffix("xx").and_then(digit) {
        return Some(range(hundred * 100, hundred * 100 + 99));
    }
    if let Some((from, to)) = text.split_once('-')
        && let (Some(from), Some(to)) = (status(from), status(to))
    {
        if from <= to {
            return Some(range(from, to));
        }
        report.push(
            Problem::new(Code::PriceFit, entry.at, "this range ends before it begins")
                .expected("the lower status first")
                .remedy(format!("write \"{to}-{from}\"")),
        );
        return None;
    }
    let remedy = match status(text) {
        Some(status) => format!("write {status}, without quotes"),
        None => "write one status as in 404, or several as in \"4xx\" or \"400-410\"".to_owned(),
    };
    let message = format!("{} is no status of an answer", quoted(text));
    report.push(
        Problem::new(Code::Billable, entry.at, message)
            .expected(format!("statuses from {LOWEST} to {HIGHEST}"))
            .remedy(remedy),
    );
    None
}

/// 1 to 5.
fn digit(text: &str) -> Option<u16> {
    let digit = text.parse().ok()?;
    (text.len() == 1 && (1..=5).contains(&digit)).then_some(digit)
}

fn status(text: &str) -> Option<u16> {
    let plain = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let status = text.parse().ok().filter(|_| plain)?;
    (LOWEST..=HIGHEST).contains(&status).then_some(status)
}
