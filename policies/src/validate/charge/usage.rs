//! `usage`: where an answer says what the call used. The word of an API, places in a JSON body, or a
//! header.

use wire::usage::{HeaderUsage, JsonUsage, Kind, Profile, Usage};

use super::super::fields::{Fields, Shape};
use super::super::inject::{header_in_lower_case, is_header_name};
use super::super::value::{choice, named, text, wrong_type};
use crate::bounds::{PATH_KEY_BYTES_MAX, PATH_KEYS_MAX};
use crate::document::{Member, Node, Value};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

const USAGE: Shape = Shape {
    what: "\"usage\"",
    form: "\"openai-chat\", { \"json\": … } or { \"header\": … }",
    fields: &["json", "header"],
    required: &[],
};

const JSON: Shape = Shape {
    what: "\"json\"",
    form: "{ \"counts\": { \"unit\": \"usage.credits\" } } or { \"cost\": \"usage.cost\" }",
    fields: &["counts", "cost", "model"],
    required: &[],
};

const HEADER: Shape = Shape {
    what: "\"header\"",
    form: "{ \"name\": \"x-credits\", \"counts\": \"unit\" }",
    fields: &["name", "counts", "cost"],
    required: &["name"],
};

/// What an answer may count. Calls and bytes are counted by the gate itself.
fn countable() -> Vec<(&'static str, Kind)> {
    let own = [Kind::Call, Kind::BytesIn, Kind::BytesOut];
    let kinds = Kind::ALL.iter().filter(|kind| !own.contains(kind));
    kinds.map(|kind| (kind.as_str(), *kind)).collect()
}

/// Reads `usage`.
pub(super) fn usage(node: &Node<'_>, report: &mut Report<'_>) -> Option<Usage> {
    match &node.value {
        Value::Text(_) => {
            let words: Vec<_> = Profile::ALL.iter().map(|one| (one.as_str(), *one)).collect();
            choice(node, &words, report).map(Usage::Api)
        }
        Value::Object(_) => of_other_api(node, report),
        _ => {
            report.push(
                wrong_type(node, USAGE.form).remedy(
                    "write the word of an API, or say where the answers have their numbers",
                ),
            );
            None
        }
    }
}

fn of_other_api(node: &Node<'_>, report: &mut Report<'_>) -> Option<Usage> {
    let fields = Fields::open(node, node.at.opening(), &USAGE, report)?;
    match (fields.member("json"), fields.member("header")) {
        (Some(json_), None) => json(json_, report).map(Usage::Json),
        (None, Some(header_)) => header(header_, report).map(Usage::Header),
        (None, None) if !fields.is_whole() => None,
        _ => {
            report.push(
                form(
                    node.at.opening(),
                    "\"usage\" says one place where answers have their numbers",
                )
                .expected(USAGE.form)
                .remedy("keep \"json\" or \"header\""),
            );
            None
        }
    }
}

fn json(member: &Member<'_>, report: &mut Report<'_>) -> Option<JsonUsage> {
    let fields = Fields::open(&member.node, member.name_at, &JSON, report)?;
    let counts = match fields.get("counts") {
        Some(node) => counts(node, report),
        None => Some(Vec::new()),
    };
    let mut at_path = |name| match fields.get(name) {
        Some(node) => path(node, report).map(Some),
        None => Some(None),
    };
    let (cost, model) = (at_path("cost"), at_path("model"));
    if fields.get("counts").is_none() && fields.get("cost").is_none() {
        if !fields.is_whole() {
            return None;
        }
        report.push(
            form(member.name_at, "\"json\" names no number of the answer")
                .expected(JSON.form)
                .remedy("add \"counts\", or \"cost\" where the answer states the cost itself"),
        );
        return None;
    }
    Some(JsonUsage { counts: counts?, cost: cost?, model: model? })
}

fn counts(node: &Node<'_>, report: &mut Report<'_>) -> Option<Vec<(Kind, String)>> {
    let members = named(node, "what is counted, as in { \"unit\": \"usage.credits\" }", report)?;
    if members.is_empty() {
        report.push(
            Problem::new(Code::Empty, node.at, "this counts nothing")
                .expected("what is counted, as in { \"unit\": \"usage.credits\" }")
                .remedy("add what the answers count, or delete \"counts\""),
        );
    }
    let known = countable();
    let mut counts = Vec::with_capacity(members.len());
    for member in members {
        let kind = known.iter().find(|(word, _)| *word == member.name).map(|(_, kind)| *kind);
        if kind.is_none() {
            let near = report.nearest(&member.name, known.iter().map(|(word, _)| *word));
            report.push(not_counted(member, &known, near));
        }
        counts.extend(kind.zip(path(&member.node, report)));
    }
    (!members.is_empty() && counts.len() == members.len()).then_some(counts)
}

fn not_counted(member: &Member<'_>, known: &[(&'static str, Kind)], near: Option<&str>) -> Problem {
    let words: Vec<_> = known.iter().map(|(word, _)| *word).collect();
    let message = format!("{} is nothing that is counted", quoted(&member.name));
    Problem::new(Code::Choice, member.name_at, message)
        .expected(format!("one of: {}", words.join(", ")))
        .remedy("what the API has as its own unit, such as credits or pages, is \"unit\"")
        .near(near)
}

fn path(node: &Node<'_>, report: &mut Report<'_>) -> Option<String> {
    let written = text(node, "a place in the answer", report)?;
    if is_path(written) {
        return Some(written.to_owned());
    }
    let remedy = match written {
        text if text.starts_with('$') => "leave out the \"$.\" before it",
        text if text.contains('[') => {
            "lists are not followed: name a number that stands in objects"
        }
        text if text.contains('/') => "write '.' between the keys instead of '/'",
        _ => "write the keys that lead to the number, with a '.' between them",
    };
    report.push(
        Problem::new(Code::Path, node.at, format!("{} is no place in an answer", quoted(written)))
            .expected(format!("at most {PATH_KEYS_MAX} keys of objects, as in \"usage.credits\""))
            .remedy(remedy),
    );
    None
}

fn is_path(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-:@".contains(&byte);
    let key = |key: &str| (1..=PATH_KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(plain);
    text.split('.').count() <= PATH_KEYS_MAX && text.split('.').all(key)
}

fn header(member: &Member<'_>, report: &mut Report<'_>) -> Option<HeaderUsage> {
    let fields = Fields::open(&member.node, member.name_at, &HEADER, report)?;
    let name = fields.get("name").and_then(|node| header_name(node, report));
    let counts = match (fields.get("counts"), fields.get("cost")) {
        (Some(node), None) => choice(node, &countable(), report).map(Some),
        (None, Some(node)) => states_the_cost(node, report).then_some(None),
        (None, None) if !fields.is_whole() => None,
        _ => {
            report.push(
                form(member.name_at, "a header counts something, or states the cost")
                    .expected("\"counts\" with what it counts, or \"cost\": true")
                    .remedy("keep the one that is true of the header"),
            );
            None
        }
    };
    Some(HeaderUsage { name: name?.into(), counts: counts? })
}

fn header_name<'d>(node: &'d Node<'_>, report: &mut Report<'_>) -> Option<&'d str> {
    let written = text(node, "the name of a header", report)?;
    if is_header_name(written) {
        return Some(written);
    }
    report.push(
        Problem::new(
            Code::Header,
            node.at,
            format!("{} is not the name of a header in lower case", quoted(written)),
        )
        .expected("the name of a header in lower case, as in \"x-credits\"")
        .remedy("write the name alone, in lower case, without colon, spaces or value")
        .near(header_in_lower_case(written).as_deref()),
    );
    None
}

fn states_the_cost(node: &Node<'_>, report: &mut Report<'_>) -> bool {
    if matches!(node.value, Value::Flag(true)) {
        return true;
    }
    report.push(
        wrong_type(node, "true")
            .expected("true, if the header states the cost of the call")
            .remedy("write true without quotes, or say what the header \"counts\""),
    );
    false
}

fn form(at: Spot, message: &'static str) -> Problem {
    Problem::missing(Code::PriceForm, at, message)
}
