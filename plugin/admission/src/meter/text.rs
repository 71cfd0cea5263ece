//! One string of a JSON document, without its escapes, cut anywhere and kept up to a length.

use memchr::memchr2;

use super::scan::TEXT_MAX;

/// The string that is being read.
#[derive(Debug, Default)]
pub(super) struct Text {
    bytes: Vec<u8>,
    long: bool,
    escape: Escape,
    /// The ten bits of a surrogate pair's first half, which wait for the second.
    high: u32,
}

/// How far into an escape the reader is.
#[derive(Clone, Copy, Debug, Default)]
enum Escape {
    #[default]
    None,
    Begun,
    Hex {
        digits: u8,
        value: u32,
    },
}

/// What was taken of some bytes.
pub(super) struct Took<'a> {
    /// The bytes behind it.
    pub(super) rest: &'a [u8],
    /// The string, if it ended there.
    pub(super) ended: Option<Ended<'a>>,
}

/// Where a string that has ended is to be found.
pub(super) enum Ended<'a> {
    /// In the bytes themselves.
    There(&'a [u8]),
    /// In the [`Text`].
    Here,
}

impl<'a> Ended<'a> {
    /// The string; `None` if it was longer than is kept.
    pub(super) fn of(&self, text: &'a Text) -> Option<&'a [u8]> {
        match self {
            Self::There(bytes) => Some(*bytes),
            Self::Here => (!text.long).then_some(text.bytes.as_slice()),
        }
        .filter(|bytes| bytes.len() <= TEXT_MAX)
    }
}

impl Text {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.long = false;
        self.escape = Escape::None;
        self.high = 0;
    }

    /// What is known of a string that goes on.
    pub(super) fn so_far(&self) -> &[u8] {
        &self.bytes
    }

    /// Makes room, where the string is taken over in pieces.
    pub(super) fn forget_so_far(&mut self) {
        self.bytes.clear();
    }

    /// Takes a piece of it, to its closing quote at most.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> Took<'a> {
        let mut rest = bytes;
        loop {
            if !matches!(self.escape, Escape::None) {
                let Some((byte, after)) = rest.split_first() else {
                    return Took { rest, ended: None };
                };
                rest = after;
                self.escaped(*byte);
                continue;
            }
            let Some(at) = memchr2(b'"', b'\\', rest) else {
                self.add(rest);
                return Took { rest: &[], ended: None };
            };
            let (plain, found) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            let (end, after) = found.split_first().unwrap_or((&b'"', &[]));
            rest = after;
            if *end == b'\\' {
                self.add(plain);
                self.escape = Escape::Begun;
            } else if self.bytes.is_empty() && !self.long {
                return Took { rest, ended: Some(Ended::There(plain)) };
            } else {
                self.add(plain);
                return Took { rest, ended: Some(Ended::Here) };
            }
        }
    }

    /// Keeps bytes that stand as they are.
    pub(super) fn add(&mut self, plain: &[u8]) {
        if self.bytes.len().saturating_add(plain.len()) > TEXT_MAX {
            self.long = true;
        } else {
            self.bytes.extend_from_slice(plain);
        }
    }

    /// What was kept, and `more` behind it; `None` if that is too long.
    pub(super) fn joined<'a>(&'a mut self, more: &'a [u8]) -> Option<&'a [u8]> {
        if self.bytes.is_empty() && !self.long {
            return Some(more).filter(|bytes| bytes.len() <= TEXT_MAX);
        }
        self.add(more);
        (!self.long).then_some(self.bytes.as_slice())
    }

    fn escaped(&mut self, byte: u8) {
        self.escape = match (self.escape, byte) {
            (Escape::Begun, b'u') => Escape::Hex { digits: 0, value: 0 },
            (Escape::Hex { digits, value }, _) => return self.hex(digits, value, byte),
            _ => {
                self.add(&[match byte {
                    b'b' => 0x08,
                    b'f' => 0x0C,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    other => other,
                }]);
                Escape::None
            }
        };
    }

    fn hex(&mut self, digits: u8, value: u32, byte: u8) {
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        let value = (value << 4) | digit;
        if digits < 3 {
            self.escape = Escape::Hex { digits: digits.saturating_add(1), value };
            return;
        }
        self.escape = Escape::None;
        let code = match value {
            0xD800..0xDC00 => {
                self.high = value & 0x3FF;
                return;
            }
            0xDC00..0xE000 => ((self.high << 10) | (value & 0x3FF)).saturating_add(0x1_0000),
            other => other,
        };
        self.high = 0;
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        self.add(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
}
