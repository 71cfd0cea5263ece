//! Values that every part of the language has: texts, lists, names, words out of a few.

use wire::ids::ServiceName;

use crate::bounds::TEXT_CHARS_MAX;
use crate::document::{Member, Node, Value};
use crate::error::{Code, Problem, Report, quoted};

/// The start of an error about a value of another type; the caller adds the remedy.
pub(super) fn wrong_type(node: &Node<'_>, expected: &str) -> Problem {
    let message = format!("here is {} instead of {expected}", node.value.kind());
    Problem::new(Code::WrongType, node.at, message).expected(expected.to_owned())
}

/// Any text.
pub(super) fn text<'d>(
    node: &'d Node<'_>,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<&'d str> {
    if let Value::Text(text) = &node.value {
        return Some(text);
    }
    let remedy = match node.value {
        Value::Number(_) => "put it in double quotes",
        Value::List(_) => "write one text, without the square brackets",
        _ => "write a text in double quotes",
    };
    report.push(wrong_type(node, expected).remedy(remedy));
    None
}

/// A short text for people: what something is for, whom to ask.
pub(super) fn plain_text<'d>(
    node: &'d Node<'_>,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<&'d str> {
    let text = text(node, expected, report)?;
    let blank = text.bytes().all(|byte| byte == b' ');
    let control = text.bytes().any(|byte| byte < 0x20 || byte == 0x7F);
    let long = text.chars().nth(TEXT_CHARS_MAX).is_some();
    if !(blank || control || long) {
        return Some(text);
    }
    let (message, remedy) = if blank {
        ("this text says nothing", "write it, or delete the field")
    } else if control {
        ("this text has a line break or another control character", "write it on one line")
    } else {
        ("this text is too long", "say it in one sentence")
    };
    report.push(
        Problem::new(Code::Text, node.at, message)
            .expected(format!("{expected}, in at most {TEXT_CHARS_MAX} characters"))
            .remedy(remedy),
    );
    None
}

/// A list that is not empty and has at most `entries_max` entries.
pub(super) fn list<'d, 'a>(
    node: &'d Node<'a>,
    expected: &'static str,
    entries_max: usize,
    report: &mut Report<'_>,
) -> Option<&'d [Node<'a>]> {
    let entries = any_list(node, expected, report)?;
    if entries.is_empty() {
        report.push(
            Problem::new(Code::Empty, node.at, "this list is empty")
                .expected(expected)
                .remedy("add at least one entry"),
        );
        return None;
    }
    if entries.len() > entries_max {
        let message = format!("this list has {} entries, which is too much", entries.len());
        report.push(
            Problem::missing(Code::TooMany, node.at.opening(), message)
                .expected(format!("at most {entries_max} entries"))
                .remedy("say it with fewer entries, or split the service"),
        );
        return None;
    }
    Some(entries)
}

/// A list, which may be empty.
pub(super) fn any_list<'d, 'a>(
    node: &'d Node<'a>,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<&'d [Node<'a>]> {
    if let Value::List(entries) = &node.value {
        return Some(entries);
    }
    report.push(wrong_type(node, expected).remedy("put it in square brackets: [ … ]"));
    None
}

/// An object whose fields are names that people give.
pub(super) fn named<'d, 'a>(
    node: &'d Node<'a>,
    expected: &'static str,
    report: &mut Report<'_>,
) -> Option<&'d [Member<'a>]> {
    if let Value::Object(members) = &node.value {
        return Some(members);
    }
    report.push(
        wrong_type(node, "an object")
            .expected(expected)
            .remedy("write it in curly brackets: { \"name\": { … } }"),
    );
    None
}

/// A word out of a few.
pub(super) fn choice<T: Copy>(
    node: &Node<'_>,
    words: &[(&'static str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let written = text(node, "one word", report)?;
    let chosen = words.iter().find(|(word, _)| *word == written);
    if chosen.is_none() {
        let near = report.nearest(written, words.iter().map(|(word, _)| *word));
        let known: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        report.push(
            Problem::new(
                Code::Choice,
                node.at,
                format!("{} is not a word that is known here", quoted(written)),
            )
            .expected(format!("one of: {}", known.join(", ")))
            .remedy("write one of these words, in lower case")
            .near(near),
        );
    }
    chosen.map(|(_, value)| *value)
}

/// An error about a text that is no name, or no name that is known.
pub(super) fn not_a_name(at: crate::source::Spot, written: &str) -> Problem {
    Problem::new(Code::Name, at, format!("{} cannot be a name", quoted(written)))
        .expected("a to z, 0 to 9, '-', '_' and '.', at most 63, beginning with a letter or digit")
        .remedy("write it in lower case, with '-' for spaces")
        .near(as_name(written).as_deref())
}

/// What was written, as a name, if that makes it one.
fn as_name(written: &str) -> Option<String> {
    let name = written.trim().to_lowercase().replace(' ', "-");
    ServiceName::parse(&name).is_ok().then_some(name)
}
