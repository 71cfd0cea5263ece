//! JSON text to a tree in which every value knows its place.
//!
//! Exactly RFC 8259 is accepted: `serde_json` judges, because it is strict to the letter;
//! `jsonc-parser` says where everything stands, and what is wrong in a text that was refused.
//! Nesting is measured before either of them recurses. A field that is written twice is an error,
//! and stays out of the tree.

mod depth;
mod syntax;

use std::borrow::Cow;
use std::collections::HashMap;

use jsonc_parser::ast;
use jsonc_parser::common::{Range, Ranged};

use crate::bounds::{FILE_BYTES_MAX, FILES_MAX, POLICY_BYTES_MAX};
use crate::error::{Code, Problem, Report, quoted};
use crate::source::{SourceFile, Spot};

/// A value and its place.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) at: Spot,
    pub(crate) value: Value<'a>,
}

/// What JSON can say. A number stays as it is written: limits and money are no floats.
#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Flag(bool),
    Number(&'a str),
    Text(Cow<'a, str>),
    List(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) name_at: Spot,
    pub(crate) node: Node<'a>,
}

impl Value<'_> {
    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What it is, in words.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Flag(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// The trees of all files that are JSON; the others are reported.
pub(crate) fn parse_all<'a>(sources: &[&'a SourceFile], report: &mut Report<'_>) -> Vec<Node<'a>> {
    if let Some(problem) = too_much(sources) {
        report.push(problem);
        return Vec::new();
    }
    let numbered = sources.iter().enumerate();
    numbered.filter_map(|(file, source)| parse(file, &source.text, report)).collect()
}

fn too_much(sources: &[&SourceFile]) -> Option<Problem> {
    if sources.is_empty() {
        return Some(
            Problem::nowhere(Code::NoFiles, "there is no policy file")
                .expected("at least one file whose name ends in .json")
                .remedy("begin with samples/quick-start.json"),
        );
    }
    let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
    if sources.len() > FILES_MAX || bytes > POLICY_BYTES_MAX {
        let message =
            format!("the policy has {} files and {bytes} bytes, which is too much", sources.len());
        return Some(
            Problem::nowhere(Code::TooLarge, message)
                .expected(format!("at most {FILES_MAX} files and {POLICY_BYTES_MAX} bytes in all"))
                .remedy("split it into several policies, each for its own gate"),
        );
    }
    None
}

fn parse<'a>(file: usize, text: &'a str, report: &mut Report<'_>) -> Option<Node<'a>> {
    match tree(file, text) {
        Ok(ast) => Some(Reader { file, report }.node(ast)),
        Err(problem) => {
            report.push(*problem);
            None
        }
    }
}

fn tree(file: usize, text: &str) -> Result<ast::Value<'_>, Box<Problem>> {
    if text.len() > FILE_BYTES_MAX {
        let problem = Problem::new(
            Code::TooLarge,
            Spot::new(file, 0, 0),
            format!("the file has {} bytes, which is too much", text.len()),
        );
        return Err(Box::new(
            problem
                .expected(format!("at most {FILE_BYTES_MAX} bytes in one file"))
                .remedy("split it into several files; names are merged over all of them"),
        ));
    }
    depth::check(file, text)?;
    syntax::parse(file, text)
}

/// Turns the parser's tree into ours, one call per value. Nesting is bounded by [`depth::check`].
struct Reader<'r, 's> {
    file: usize,
    report: &'r mut Report<'s>,
}

impl Reader<'_, '_> {
    fn node<'a>(&mut self, value: ast::Value<'a>) -> Node<'a> {
        let at = self.spot(value.range());
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(flag) => Value::Flag(flag.value),
            ast::Value::NumberLit(number) => Value::Number(number.value),
            ast::Value::StringLit(text) => Value::Text(text.value),
            ast::Value::Array(list) => {
                Value::List(list.elements.into_iter().map(|one| self.node(one)).collect())
            }
            ast::Value::Object(object) => Value::Object(self.members(object.properties)),
        };
        Node { at, value }
    }

    fn members<'a>(&mut self, properties: Vec<ast::ObjectProp<'a>>) -> Vec<Member<'a>> {
        let mut members = Vec::with_capacity(properties.len());
        let mut seen: HashMap<Cow<'a, str>, Spot> = HashMap::new();
        for property in properties {
            let name_at = self.spot(property.name.range());
            let name = match property.name {
                ast::ObjectPropName::String(text) => text.value,
                ast::ObjectPropName::Word(word) => Cow::Borrowed(word.value),
            };
            if let Some(first) = seen.get(&name) {
                let message = format!("{} is written twice in one object", quoted(&name));
                self.report.push(
                    Problem::new(Code::DuplicateField, name_at, message)
                        .expected("each name once")
                        .remedy("keep one of the two")
                        .other(*first, "first written here"),
                );
                continue;
            }
            seen.insert(name.clone(), name_at);
            let node = self.node(property.value);
            members.push(Member { name, name_at, node });
        }
        members
    }

    fn spot(&self, range: Range) -> Spot {
        Spot::new(self.file, range.start, range.end)
    }
}
