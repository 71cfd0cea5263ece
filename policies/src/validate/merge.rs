//! Names over all files: the same one twice is an error that shows both places.

use std::collections::HashMap;

use super::fields::Fields;
use super::value;
use crate::document::{Member, Node};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// The entries of the part `part` of every file, each name once.
pub(super) fn entries<'d, 'a>(
    files: &[Fields<'d, 'a>],
    part: &'static str,
    one: &'static str,
    report: &mut Report<'_>,
) -> Vec<&'d Member<'a>> {
    let mut merged = Vec::new();
    let mut seen: HashMap<&str, Spot> = HashMap::new();
    for node in files.iter().filter_map(|file| file.get(part)) {
        for member in members(node, part, report) {
            if let Some(first) = seen.get(member.name.as_ref()) {
                report.push(twice(member, *first, one));
                continue;
            }
            seen.insert(&member.name, member.name_at);
            merged.push(member);
        }
    }
    merged
}

fn members<'d, 'a>(
    node: &'d Node<'a>,
    part: &'static str,
    report: &mut Report<'_>,
) -> &'d [Member<'a>] {
    let expected = match part {
        "services" => "services by their names",
        "prices" => "price lists by their names",
        "budgets" => "budgets by their names",
        _ => "clients by their names",
    };
    value::named(node, expected, report).unwrap_or_default()
}

fn twice(member: &Member<'_>, first: Spot, one: &str) -> Problem {
    let message = format!("two {one}s are named {}", quoted(&member.name));
    Problem::new(Code::DuplicateName, member.name_at, message)
        .expected(format!("a name that no other {one} has, in any file"))
        .remedy("rename one of them, or delete the one that is out of date")
        .other(first, "first written here")
}
