//! The fields of an object: unknown ones, missing ones, and the others by name.

use crate::document::{Member, Node, Value};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::Spot;

/// What an object may and must have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// With its article: "a service".
    pub(super) what: &'static str,
    /// The shortest that it can be, for who wrote something else altogether.
    pub(super) form: &'static str,
    pub(super) fields: &'static [&'static str],
    pub(super) required: &'static [&'static str],
}

/// An object whose unknown and missing fields are reported already.
#[derive(Debug)]
pub(super) struct Fields<'d, 'a> {
    members: &'d [Member<'a>],
    /// Whether every field is known.
    is_whole: bool,
}

/// Parts of names of fields in which people put secrets. What models count and bill are "tokens",
/// and no secret.
const SECRET_WORDS: [&str; 7] =
    ["secret", "password", "passwd", "token", "api_key", "apikey", "private"];

impl<'d, 'a> Fields<'d, 'a> {
    /// Takes the node if it is an object. `named_at` is the place that stands for the whole: the
    /// name of a service rather than its bracket.
    pub(super) fn open(
        node: &'d Node<'a>,
        named_at: Spot,
        shape: &Shape,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        let Value::Object(members) = &node.value else {
            report.push(super::value::wrong_type(node, "an object").expected(shape.form).remedy(
                format!(
                    "write it in curly brackets; {} has the fields: {}",
                    shape.what,
                    shape.fields.join(", ")
                ),
            ));
            return None;
        };
        // A field that is needed and misspelt is one mistake, not two.
        let mut misspelt = Vec::new();
        let mut is_whole = true;
        for member in members {
            if !shape.fields.contains(&member.name.as_ref()) {
                is_whole = false;
                misspelt.extend(unknown(member, shape, report));
            }
        }
        let fields = Self { members, is_whole };
        for name in shape.required {
            if fields.get(name).is_none() && !misspelt.contains(name) {
                let message = format!("{} needs the field \"{name}\"", shape.what);
                report.push(
                    Problem::missing(Code::MissingField, named_at, message)
                        .expected(format!("a field \"{name}\" in it"))
                        .remedy(format!("add \"{name}\"")),
                );
            }
        }
        Some(fields)
    }

    /// Whether every field is known: one that is not may be what seems to be missing.
    pub(super) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// All fields, also those that are not known.
    pub(super) const fn members(&self) -> &'d [Member<'a>] {
        self.members
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&'d Node<'a>> {
        self.member(name).map(|member| &member.node)
    }

    /// A field with its name's place.
    pub(super) fn member(&self, name: &str) -> Option<&'d Member<'a>> {
        self.members.iter().find(|member| member.name == name)
    }
}

/// Reports a field that the object cannot have; the field that was probably meant.
fn unknown(member: &Member<'_>, shape: &Shape, report: &mut Report<'_>) -> Option<&'static str> {
    let lower = member.name.to_ascii_lowercase().replace("tokens", "").replace("per_token", "");
    let secret = SECRET_WORDS.iter().any(|word| lower.contains(word));
    if secret {
        report.hide(member.node.at);
    }
    let near = report.nearest(&member.name, shape.fields.iter().copied());
    let remedy = match secret {
        true => {
            "delete it; a policy holds no secrets: keep it with `key-sidecar credential add`, \
             and replace it if this file has been shared"
        }
        false if is_another_price(&member.name, shape) => {
            "prices of tokens are for 1,000,000 of them, as \"input_per_million\": \
             write a price of one token a million times as large, one of a thousand \
             a thousand times"
        }
        false => "correct the name, or delete the field",
    };
    let message = format!("{} has no field {}", shape.what, quoted(&member.name));
    report.push(
        Problem::new(Code::UnknownField, member.name_at, message)
            .expected(format!("one of: {}", shape.fields.join(", ")))
            .remedy(remedy)
            .near(near),
    );
    near
}

/// Whether a field that is not known is a price in another unit, as other lists have it.
fn is_another_price(name: &str, shape: &Shape) -> bool {
    const UNITS: [&str; 5] = ["per_token", "cost", "thousand", "_1k", "mtok"];
    shape.fields.contains(&"input_per_million") && UNITS.iter().any(|unit| name.contains(unit))
}
