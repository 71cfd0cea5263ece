//! The head of a request, read once: three pseudo headers and every place that may hold a credential.
//!
//! Header values are bytes; nothing here assumes UTF-8. A credential header that comes twice is
//! refused here, before anybody can disagree on which of the two counts.

use crate::denial::{Denial, Reason};

/// The headers in which client libraries put a key. What stands in one is read and taken off.
pub const KEY_HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// Taken off as well, and never read: credentials that are meant for this side of the gate.
const OTHER_CREDENTIALS: [&str; 2] = ["proxy-authorization", "cookie"];

/// All headers that are taken off, in the order of [`Strip`]'s bits.
const STRIPPED: [&str; 6] = [
    KEY_HEADERS[0],
    KEY_HEADERS[1],
    KEY_HEADERS[2],
    KEY_HEADERS[3],
    OTHER_CREDENTIALS[0],
    OTHER_CREDENTIALS[1],
];

/// Which of the headers that must go are there: removing a header costs a call of the host.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Strip(u8);

impl Strip {
    /// The headers to remove.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        STRIPPED.iter().enumerate().filter_map(move |(bit, name)| (self.has(bit)).then_some(*name))
    }

    fn has(self, bit: usize) -> bool {
        u32::try_from(bit).is_ok_and(|bit| self.0.checked_shr(bit).unwrap_or(0) & 1 == 1)
    }

    fn set(&mut self, bit: usize) {
        if let Some(mask) = u32::try_from(bit).ok().and_then(|bit| 1_u8.checked_shl(bit)) {
            self.0 |= mask;
        }
    }
}

/// What a decision needs of a request's head. It has no `Debug`: it holds credentials.
#[derive(Clone, Default)]
pub struct RequestHead<'a> {
    /// `:method`.
    pub method: &'a [u8],
    /// `:path`, with its query.
    pub target: &'a [u8],
    /// `:authority`.
    pub authority: &'a [u8],
    /// The values of [`KEY_HEADERS`].
    pub keys: [Option<&'a [u8]>; KEY_HEADERS.len()],
    /// What is there and must go.
    pub strip: Strip,
    /// `content-length`, if it is a number.
    pub content_length: Option<u64>,
    /// `content-encoding` says that the body is compressed.
    pub is_encoded: bool,
    /// The connection is to become another's: a websocket, a tunnel. It has no body with an end.
    pub is_upgrade: bool,
}

impl<'a> RequestHead<'a> {
    /// Reads all headers once.
    ///
    /// # Errors
    /// [`Reason::KeyRepeated`] if a credential header comes twice.
    pub fn read(pairs: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Result<Self, Denial> {
        let mut head = Self::default();
        for (name, value) in pairs {
            match name {
                b":method" => head.method = value,
                b":path" => head.target = value,
                b":authority" => head.authority = value,
                b"content-length" => head.content_length = number(value),
                b"content-encoding" => head.is_encoded = !value.eq_ignore_ascii_case(b"identity"),
                b"upgrade" | b":protocol" => head.is_upgrade = true,
                _ => head.note_credential(name, value)?,
            }
        }
        head.is_upgrade |= head.method == b"CONNECT";
        Ok(head)
    }

    /// Whether a call of this method runs nothing that a body would describe.
    #[must_use]
    pub fn only_reads(&self) -> bool {
        matches!(self.method, b"GET" | b"HEAD")
    }

    fn note_credential(&mut self, name: &[u8], value: &'a [u8]) -> Result<(), Denial> {
        let Some(bit) = STRIPPED.iter().position(|known| known.as_bytes() == name) else {
            return Ok(());
        };
        self.strip.set(bit);
        if let Some(slot) = self.keys.get_mut(bit)
            && slot.replace(value).is_some()
        {
            return Err(Denial::new(Reason::KeyRepeated));
        }
        Ok(())
    }
}

fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<'a>(pairs: &'a [(&'a str, &'a [u8])]) -> Result<RequestHead<'a>, Denial> {
        RequestHead::read(pairs.iter().map(|(name, value)| (name.as_bytes(), *value)))
    }

    #[test]
    fn credentials_are_found_whatever_bytes_they_hold() {
        let head = read(&[
            (":method", b"GET"),
            (":path", b"/v1"),
            (":authority", b"gate"),
            ("x-api-key", b"\xff\xfe"),
            ("cookie", b"a=b"),
            ("accept", b"*/*"),
        ])
        .unwrap();
        assert_eq!(head.keys[1], Some(&b"\xff\xfe"[..]));
        assert_eq!(head.strip.names().collect::<Vec<_>>(), ["x-api-key", "cookie"]);
    }

    #[test]
    fn a_key_header_that_comes_twice_is_refused() {
        let twice = read(&[("api-key", b"a"), ("api-key", b"a")]);
        assert_eq!(twice.err().map(|denial| denial.reason), Some(Reason::KeyRepeated));
        // Cookies may come in several lines (RFC 9113, section 8.2.3); they all go.
        assert!(read(&[("cookie", b"a"), ("cookie", b"b")]).is_ok());
    }
}
