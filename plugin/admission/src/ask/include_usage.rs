//! Makes a streamed chat request ask for its usage, and changes nothing else in it.
//!
//! Without `stream_options.include_usage` an OpenAI stream never says what it used. The member is put
//! into the text as it stands: written anew, the body might lose digits, keys, or their order.

use std::ops::Range;

use memchr::memchr2;

const OPTIONS: &[u8] = br#"{"include_usage":true}"#;
const MEMBER: &[u8] = br#""include_usage":true"#;

/// The whole `body` with `stream_options.include_usage` set; `None` if it does not stream, has it already,
/// or is no JSON object.
#[must_use]
pub fn with_include_usage(body: &[u8]) -> Option<Vec<u8>> {
    let object = Object::read(body, 0)?;
    if body.get(object.value_of(b"stream")?)? != b"true" {
        return None;
    }
    let Some(options) = object.value_of(b"stream_options") else {
        return replaced(body, object.end..object.end, &object.member(b"stream_options", OPTIONS));
    };
    let Some(inner) = Object::read(body, options.start) else {
        // `null`, or something that the server will refuse by itself.
        let null = body.get(options.clone())? == b"null";
        return if null { replaced(body, options, OPTIONS) } else { None };
    };
    match inner.value_of(b"include_usage") {
        None => {
            let comma: &[u8] = if inner.members.is_empty() { b"" } else { b"," };
            replaced(body, inner.end..inner.end, &[comma, MEMBER].concat())
        }
        Some(value) if body.get(value.clone())? == b"true" => None,
        Some(value) => replaced(body, value, b"true"),
    }
}

fn replaced(body: &[u8], range: Range<usize>, by: &[u8]) -> Option<Vec<u8>> {
    Some([body.get(..range.start)?, by, body.get(range.end..)?].concat())
}

/// Where the members of an object stand.
struct Object {
    members: Vec<(Vec<u8>, Range<usize>)>,
    /// Its closing brace.
    end: usize,
}

impl Object {
    /// The object that begins at `start`, or behind white space there.
    fn read(body: &[u8], start: usize) -> Option<Self> {
        let mut at = expect(body, start, b'{')?;
        let mut members = Vec::new();
        loop {
            at = skip_blank(body, at);
            if members.is_empty() && body.get(at) == Some(&b'}') {
                return Some(Self { members, end: at });
            }
            let key_end = string_end(body, at)?;
            let key = body.get(at..key_end)?;
            // A key may be written with escapes.
            let key: String = serde_json::from_slice(key).ok()?;
            let value = skip_blank(body, expect(body, key_end, b':')?);
            let value_end = value_end(body, value)?;
            members.push((key.into_bytes(), value..value_end));
            at = skip_blank(body, value_end);
            match body.get(at)? {
                b',' => at = at.checked_add(1)?,
                b'}' => return Some(Self { members, end: at }),
                _ => return None,
            }
        }
    }

    /// Where the value of `key` stands; of duplicates the last, which is the one that counts.
    fn value_of(&self, key: &[u8]) -> Option<Range<usize>> {
        self.members.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    }

    /// The text of one more member.
    fn member(&self, key: &[u8], value: &[u8]) -> Vec<u8> {
        let comma: &[u8] = if self.members.is_empty() { b"" } else { b"," };
        [comma, b"\"", key, b"\":", value].concat()
    }
}

fn skip_blank(body: &[u8], at: usize) -> usize {
    let blank = body.get(at..).unwrap_or_default().iter();
    let count = blank.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    at.saturating_add(count)
}

/// Behind `byte`, which must be the next one.
fn expect(body: &[u8], at: usize, byte: u8) -> Option<usize> {
    let at = skip_blank(body, at);
    (body.get(at) == Some(&byte)).then_some(at.checked_add(1)?)
}

/// Behind the string that begins at `at`.
fn string_end(body: &[u8], at: usize) -> Option<usize> {
    if body.get(at) != Some(&b'"') {
        return None;
    }
    let mut at = at.checked_add(1)?;
    loop {
        at = at.checked_add(memchr2(b'"', b'\\', body.get(at..)?)?)?;
        if body.get(at) == Some(&b'"') {
            return at.checked_add(1);
        }
        at = at.checked_add(2)?;
    }
}

/// Behind the value that begins at `at`.
fn value_end(body: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_u32;
    loop {
        match body.get(at)? {
            b'"' => at = string_end(body, at)?,
            b'{' | b'[' => {
                depth = depth.checked_add(1)?;
                at = at.checked_add(1)?;
                continue;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at = at.checked_add(1)?;
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if depth > 0 => {
                at = at.checked_add(1)?;
                continue;
            }
            b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => return None,
            _ => {
                let ends =
                    |byte: &&u8| !matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
                let len = body.get(at..)?.iter().take_while(ends).count();
                at = at.checked_add(len)?;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(body: &str) -> Option<String> {
        with_include_usage(body.as_bytes()).map(|body| String::from_utf8(body).unwrap())
    }

    #[test]
    fn streams_are_made_to_say_what_they_used() {
        for (before, after) in [
            (
                r#"{"n":1.0e00,"stream":true}"#,
                r#"{"n":1.0e00,"stream":true,"stream_options":{"include_usage":true}}"#,
            ),
            (
                "{ \"stream\" : true , \"stream_options\" : null\n}",
                "{ \"stream\" : true , \"stream_options\" : {\"include_usage\":true}\n}",
            ),
            (
                r#"{"stream_options":{},"stream":true}"#,
                r#"{"stream_options":{"include_usage":true},"stream":true}"#,
            ),
            (
                r#"{"stream_options":{"x":[{"a":"}\""}] },"stream":true} "#,
                r#"{"stream_options":{"x":[{"a":"}\""}] ,"include_usage":true},"stream":true} "#,
            ),
            (
                r#"{"stream_options":{"include_usage": false,"x":1},"stream":true}"#,
                r#"{"stream_options":{"include_usage": true,"x":1},"stream":true}"#,
            ),
            (
                r#"{"stream":false,"\u0073tream":true}"#,
                r#"{"stream":false,"\u0073tream":true,"stream_options":{"include_usage":true}}"#,
            ),
        ] {
            assert_eq!(with(before).as_deref(), Some(after));
            assert_eq!(with(after), None, "it is done once");
        }
    }

    #[test]
    fn others_are_left_alone() {
        for body in [
            "",
            "[]",
            "{}",
            r#"{"stream":false}"#,
            r#"{"stream":"true"}"#,
            r#"{"messages":[{"stream":true}]}"#,
            r#"{"stream":true,"stream_options":7}"#,
            r#"{"stream":true"#,
            r#"{"stream":true,,}"#,
            r#"{"stream":true,"stream_options":{"include_usage":true}}"#,
        ] {
            assert_eq!(with(body), None, "{body}");
        }
    }
}
