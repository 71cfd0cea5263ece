//! Goes to the end of a value that nobody asks for: the fast part of the scanner.

use memchr::memchr2;

/// How far a value was skipped.
#[derive(Debug, Default)]
pub(super) struct Skip {
    /// Objects and arrays that are open.
    depth: u32,
    in_text: bool,
    escaped: bool,
}

/// Whether it was skipped to its end.
#[derive(Debug)]
pub(super) enum Skipped {
    Inside,
    Done,
    TooDeep,
}

impl Skip {
    /// A string whose first quote has gone by.
    pub(super) const fn of_text() -> Self {
        Self { depth: 0, in_text: true, escaped: false }
    }

    /// An object or array whose first bracket has gone by.
    pub(super) const fn of_nested() -> Self {
        Self { depth: 1, in_text: false, escaped: false }
    }

    /// Goes on, to the value's end at most; returns what is behind.
    pub(super) fn push<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], Skipped) {
        let mut rest = bytes;
        loop {
            if self.escaped {
                let Some((_, after)) = rest.split_first() else { return (rest, Skipped::Inside) };
                (rest, self.escaped) = (after, false);
            }
            let at = if self.in_text {
                memchr2(b'"', b'\\', rest)
            } else {
                rest.iter().position(is_structure)
            };
            let found = at.and_then(|at| rest.get(at..)).and_then(<[u8]>::split_first);
            let Some((byte, after)) = found else { return (&[], Skipped::Inside) };
            rest = after;
            match byte {
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_text = !self.in_text;
                    if self.depth == 0 {
                        return (rest, Skipped::Done);
                    }
                }
                b'{' | b'[' => match self.depth.checked_add(1) {
                    Some(deeper) => self.depth = deeper,
                    None => return (rest, Skipped::TooDeep),
                },
                _ => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return (rest, Skipped::Done);
                    }
                }
            }
        }
    }
}

/// Whether it matters outside of strings.
const fn is_structure(byte: &u8) -> bool {
    matches!(byte, b'"' | b'{' | b'}' | b'[' | b']')
}
