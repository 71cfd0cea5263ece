//! One JSON object, field by field: each is asked for by name, and what nobody asked for is an
//! error.
//!
//! A getter answers `None` only after it has written down why, except [`Fields::text`], whose
//! `None` also means that the field is not there.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

/// An object that is being read.
pub(super) struct Fields<'a, 'e> {
    object: &'a Map<String, Value>,
    prefix: &'static str,
    known: Vec<&'static str>,
    errors: &'e mut Vec<String>,
}

impl<'a, 'e> Fields<'a, 'e> {
    pub(super) fn of(
        json: &'a Value,
        prefix: &'static str,
        errors: &'e mut Vec<String>,
    ) -> Option<Self> {
        let Some(object) = json.as_object() else {
            let place = match prefix.trim_end_matches('.') {
                "" => "the file",
                place => place,
            };
            errors.push(format!("{place}: expected an object, found {}", kind(json)));
            return None;
        };
        Some(Self { object, prefix, known: Vec::new(), errors })
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let value = self.take(name)?;
        match value.as_str() {
            Some("") => self.wrong(name, "expected some text, found none"),
            Some(text) => Some(text.to_owned()),
            None => self.wrong(name, &format!("expected a string, found {}", kind(value))),
        }
    }

    pub(super) fn required_text(&mut self, name: &'static str, what: &str) -> Option<String> {
        if !self.object.contains_key(name) {
            self.known.push(name);
            return self.wrong(name, &format!("missing: say {what}"));
        }
        self.text(name)
    }

    /// Exactly one of two fields, and which.
    pub(super) fn one_of(
        &mut self,
        first: &'static str,
        second: &'static str,
        what: &str,
    ) -> Option<(&'static str, String)> {
        let has = |name| self.object.contains_key(name);
        match (has(first), has(second)) {
            (true, true) => {
                self.known.extend([first, second]);
                self.wrong(first, &format!("and {second} are both there: keep one"))
            }
            (false, false) => {
                self.known.extend([first, second]);
                self.wrong(first, &format!("or {second} is missing: say {what}"))
            }
            (true, false) => self.text(first).map(|text| (first, text)),
            (false, true) => self.text(second).map(|text| (second, text)),
        }
    }

    pub(super) fn integer(
        &mut self,
        name: &'static str,
        range: RangeInclusive<u64>,
        default: u64,
    ) -> Option<u64> {
        let Some(value) = self.take(name) else {
            return Some(default);
        };
        match value.as_u64() {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                let (least, most) = range.into_inner();
                self.wrong(
                    name,
                    &format!("expected a whole number from {least} to {most}, found {value}"),
                )
            }
        }
    }

    pub(super) fn boolean(&mut self, name: &'static str, default: bool) -> Option<bool> {
        let Some(value) = self.take(name) else {
            return Some(default);
        };
        match value.as_bool() {
            Some(value) => Some(value),
            None => self.wrong(name, &format!("expected true or false, found {}", kind(value))),
        }
    }

    pub(super) fn uids(&mut self, name: &'static str) -> Option<Vec<u32>> {
        const EXPECTED: &str = "expected the user ids that Envoy runs as, for example [1337]";
        match self.optional_uids(name, EXPECTED)? {
            Some(uids) => Some(uids),
            None => self.wrong(name, &format!("missing: {EXPECTED}")),
        }
    }

    /// `Some(None)` if the field is not there.
    #[expect(clippy::option_option, reason = "absent and wrong are different answers")]
    pub(super) fn optional_uids(
        &mut self,
        name: &'static str,
        expected: &str,
    ) -> Option<Option<Vec<u32>>> {
        let Some(value) = self.take(name) else {
            return Some(None);
        };
        let uids = value.as_array().and_then(|array| {
            let each = array.iter().map(Value::as_u64);
            each.map(|uid| u32::try_from(uid?).ok()).collect::<Option<Vec<_>>>()
        });
        match uids {
            Some(uids) if !uids.is_empty() => Some(Some(uids)),
            _ => self.wrong(name, &format!("{expected}, found {value}")),
        }
    }

    /// An object that need not be there.
    pub(super) fn optional_object(&mut self, name: &'static str) -> Option<&'a Value> {
        self.take(name)
    }

    pub(super) fn object(&mut self, name: &'static str) -> Option<&'a Value> {
        match self.take(name) {
            Some(value) => Some(value),
            None => self.wrong(name, "missing: expected an object"),
        }
    }

    /// Writes down every field that nobody asked for.
    pub(super) fn finish(self) {
        for name in self.object.keys() {
            if self.known.contains(&name.as_str()) {
                continue;
            }
            let near = nearest(name, &self.known);
            let remedy = match near {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("known here: {}", self.known.join(", ")),
            };
            self.errors.push(format!("{}{name}: unknown field; {remedy}", self.prefix));
        }
    }

    fn take(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.object.get(name)
    }

    fn wrong<T>(&mut self, name: &str, why: &str) -> Option<T> {
        self.errors.push(format!("{}{name}: {why}", self.prefix));
        None
    }
}

fn nearest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    crate::near::nearest(name, known.iter().copied())
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
