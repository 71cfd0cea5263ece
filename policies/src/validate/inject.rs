//! How a credential is put on a request.
//!
//! Some headers carry the connection or belong to the gate itself: a credential never goes into
//! those.

use super::fields::{Fields, Shape};
use super::value::{choice, text};
use crate::bounds::INJECT_BYTES_MAX;
use crate::document::{Node, Value};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;
use wire::facts::Inject;

#[derive(Clone, Copy, Debug)]
enum Kind {
    Bearer,
    Header,
    Basic,
    Query,
}

const KINDS: [(&str, Kind); 4] = [
    ("bearer", Kind::Bearer),
    ("header", Kind::Header),
    ("basic", Kind::Basic),
    ("query", Kind::Query),
];

const FORM: &str = "{ \"as\": \"bearer\" }";

/// For a kind that is not known: whatever any kind has.
const ANY: Shape =
    Shape { what: "\"inject\"", form: FORM, fields: &["as", "name", "prefix"], required: &["as"] };

impl Kind {
    const fn shape(self) -> Shape {
        let (what, fields): (_, &'static [&'static str]) = match self {
            Self::Bearer => ("\"inject\" as bearer", &["as"]),
            Self::Basic => ("\"inject\" as basic", &["as"]),
            Self::Header => ("\"inject\" as header", &["as", "name", "prefix"]),
            Self::Query => ("\"inject\" as query", &["as", "name"]),
        };
        let required: &'static [&'static str] = match self {
            Self::Bearer | Self::Basic => &["as"],
            Self::Header | Self::Query => &["as", "name"],
        };
        Shape { what, form: FORM, fields, required }
    }
}

/// Headers of the connection (RFC 9110, 7.6.1), of framing, and those that choose where a request
/// goes.
const HEADERS_NEVER: [&str; 14] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Headers by which the gate, Envoy and the proxies before it speak among themselves.
const HEADER_FAMILIES_NEVER: [&str; 3] = ["x-tollkeeper-", "x-envoy-", "x-forwarded-"];

/// Reads `inject`.
pub(super) fn inject(node: &Node<'_>, named_at: Spot, report: &mut Report<'_>) -> Option<Inject> {
    let kind = match &node.value {
        Value::Object(members) => members.iter().find(|member| member.name == "as"),
        _ => None,
    };
    let Some(kind) = kind.and_then(|member| choice(&member.node, &KINDS, report)) else {
        Fields::open(node, named_at, &ANY, report);
        return None;
    };
    let fields = Fields::open(node, named_at, &kind.shape(), report)?;
    let name = fields.get("name");
    match kind {
        Kind::Bearer => Some(Inject::Bearer),
        Kind::Basic => Some(Inject::Basic),
        Kind::Header => {
            let prefix = match fields.get("prefix") {
                Some(node) => prefix(node, report).map(Some),
                None => Some(None),
            };
            let name = name.and_then(|node| header(node, report))?.into();
            let prefix = prefix?.map(Into::into);
            Some(Inject::Header { name, prefix })
        }
        Kind::Query => {
            let name = name.and_then(|node| parameter(node, report))?.into();
            Some(Inject::Query { name })
        }
    }
}

fn header<'d>(node: &'d Node<'_>, report: &mut Report<'_>) -> Option<&'d str> {
    let written = text(node, "the name of a header", report)?;
    let never = HEADERS_NEVER.contains(&written)
        || HEADER_FAMILIES_NEVER.iter().any(|family| written.starts_with(family));
    if is_header_name(written) && !never {
        return Some(written);
    }
    let lower = written.to_ascii_lowercase();
    let (message, remedy) = if never {
        (
            format!("a credential cannot be put into {}", quoted(written)),
            "this header carries the connection or belongs to the gate; \
             look up in which header the API wants its key",
        )
    } else if is_header_name(&lower) {
        (
            format!("{} is not in lower case", quoted(written)),
            "header names are written in lower case",
        )
    } else {
        (
            format!("{} is not the name of a header", quoted(written)),
            "write the name alone, without colon, spaces or value",
        )
    };
    report.push(
        Problem::new(Code::Header, node.at, message)
            .expected("the name of a header in lower case, as in \"x-api-key\"")
            .remedy(remedy)
            .near((lower != written && is_header_name(&lower)).then_some(lower.as_str())),
    );
    None
}

/// A token of RFC 9110, in lower case.
pub(super) fn is_header_name(text: &str) -> bool {
    let token = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(&byte)
    };
    (1..=INJECT_BYTES_MAX).contains(&text.len()) && text.bytes().all(token)
}

/// The name in lower case, if that makes it one.
pub(super) fn header_in_lower_case(text: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    is_header_name(&lower).then_some(lower)
}

fn prefix<'d>(node: &'d Node<'_>, report: &mut Report<'_>) -> Option<&'d str> {
    let written = text(node, "what stands before the secret", report)?;
    let visible = written.bytes().all(|byte| (0x20..=0x7E).contains(&byte));
    let glued = written.ends_with(|last: char| last.is_ascii_alphanumeric());
    let bounded = (1..=INJECT_BYTES_MAX).contains(&written.len());
    if bounded && visible && !written.starts_with(' ') && !glued {
        return Some(written);
    }
    let (message, remedy) = match glued {
        true => (
            format!("{} would run into the secret", quoted(written)),
            "end it with a space, as in \"Token \"",
        ),
        false => (
            format!("{} cannot stand before a secret", quoted(written)),
            "leave \"prefix\" out if the header holds the secret alone",
        ),
    };
    report.push(
        Problem::new(Code::Prefix, node.at, message)
            .expected("at most 64 plain characters that end with a space or a sign")
            .remedy(remedy),
    );
    None
}

fn parameter<'d>(node: &'d Node<'_>, report: &mut Report<'_>) -> Option<&'d str> {
    let written = text(node, "the name of a query parameter", report)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if (1..=INJECT_BYTES_MAX).contains(&written.len()) && written.bytes().all(plain) {
        return Some(written);
    }
    report.push(
        Problem::new(
            Code::Parameter,
            node.at,
            format!("{} is not the name of a query parameter", quoted(written)),
        )
        .expected("letters, digits, '-', '.', '_' and '~', at most 64, as in \"key\"")
        .remedy("write the name alone, without '?', '&', '=' or a value"),
    );
    None
}
