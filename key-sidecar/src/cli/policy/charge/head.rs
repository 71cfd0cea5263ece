//! The headers of an answer as text: what `curl -D` and `curl -i` write, or any `name: value` lines.
//!
//! Values are bytes, names become lower case, as in the gate. Where an answer came after others (a
//! redirection, a `100 Continue`), the last one counts.

/// Names and values.
pub(super) type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// Reads headers; what is wrong is told with its line.
pub(super) fn parse(text: &[u8]) -> Result<Headers, String> {
    let mut headers = Headers::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii_end();
        if line.starts_with(b"HTTP/") {
            headers.clear();
        } else if !line.is_empty() {
            headers.push(header(line).ok_or_else(|| {
                format!(
                    "line {}: expected a header as in \"content-type: application/json\"",
                    at.saturating_add(1)
                )
            })?);
        }
    }
    Ok(headers)
}

fn header(line: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at_checked(colon)?;
    let is_name = !name.is_empty() && name.iter().all(|byte| is_name_byte(*byte));
    let value = value.get(1..)?.trim_ascii();
    is_name.then(|| (name.to_ascii_lowercase(), value.to_vec()))
}

/// What a field name is made of (RFC 9110, section 5.6.2).
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_answer_of_a_dump_counts() {
        let dump =
            b"HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\nHTTP/2 200\r\nContent-Type: a: b \r\n\
                     x-raw:\xff\r\n\r\n";
        let headers = parse(dump).unwrap();
        let pair = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        assert_eq!(headers, [pair(b"content-type", b"a: b"), pair(b"x-raw", b"\xff")]);
        assert_eq!(parse(b""), Ok(Headers::new()));
    }

    #[test]
    fn a_line_that_is_no_header_is_named() {
        for (text, line) in [("a: 1\nno colon", 2), (": x", 1), ("a b: x", 1), ("{\"a\": 1}", 1)] {
            let why = parse(text.as_bytes()).unwrap_err();
            assert!(why.starts_with(&format!("line {line}:")), "{text}");
        }
    }
}
