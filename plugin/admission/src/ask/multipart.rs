//! The fields of a `multipart/form-data` body, as uploads to audio and image APIs have it.
//!
//! Only short fields matter; a file goes by unread. The boundary is what the body's first line says.

use memchr::memchr;

/// The longest boundary there may be (RFC 2046: 70), and its dashes.
const BOUNDARY_MAX: usize = 72;
/// The longest line of a head, or value of a field, that is kept.
const LINE_MAX: usize = 256;

/// A form's reader.
#[derive(Debug, Default)]
pub(super) struct Multipart {
    boundary: Vec<u8>,
    /// The present line, up to [`LINE_MAX`].
    line: Vec<u8>,
    long: bool,
    state: State,
    /// The name of the present part.
    name: Vec<u8>,
    /// What its value is so far; `None` if it is too long.
    value: Option<Vec<u8>>,
    file: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    Boundary,
    Head,
    Value,
    End,
}

impl Multipart {
    /// Takes a piece, and tells of each field that ends in it; of one that is too long, its name only.
    pub(super) fn push(&mut self, bytes: &[u8], mut told: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut rest = bytes;
        while !rest.is_empty() && self.state != State::End {
            let end = memchr(b'\n', rest);
            let len = end.map_or(rest.len(), |at| at.saturating_add(1));
            let (line, after) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = after;
            let room = LINE_MAX.saturating_sub(self.line.len());
            self.long |= line.len() > room;
            self.line.extend_from_slice(line.get(..line.len().min(room)).unwrap_or_default());
            // The closing boundary may be the end of the body, without a line's end.
            if end.is_some() || self.is_closing() {
                self.end_line(&mut told);
            }
        }
    }

    /// Whether the closing boundary has come.
    pub(super) fn ended(&self) -> bool {
        self.state == State::End
    }

    fn is_closing(&self) -> bool {
        !self.boundary.is_empty()
            && self.line.strip_prefix(self.boundary.as_slice()) == Some(b"--".as_slice())
    }

    fn end_line(&mut self, told: &mut impl FnMut(&[u8], Option<&[u8]>)) {
        let mut line = std::mem::take(&mut self.line);
        let long = std::mem::take(&mut self.long);
        let text = line.trim_ascii_end();
        match self.state {
            State::Boundary if !long && (3..=BOUNDARY_MAX).contains(&text.len()) => {
                self.boundary = text.to_vec();
                self.begin_part();
            }
            State::Boundary => self.state = State::End,
            State::Head if text.is_empty() => {
                self.value = (!self.file).then(Vec::new);
                self.state = State::Value;
            }
            State::Head => self.head(text),
            State::Value => match text.strip_prefix(self.boundary.as_slice()) {
                Some(rest) if !long && matches!(rest, b"" | b"--") => {
                    self.tell(told);
                    self.begin_part();
                    if rest == b"--" {
                        self.state = State::End;
                    }
                }
                _ => {
                    let room =
                        self.value.as_ref().map_or(0, |value| LINE_MAX.saturating_sub(value.len()));
                    self.value = self.value.take().filter(|_| !long && line.len() <= room);
                    if let Some(value) = &mut self.value {
                        value.append(&mut line);
                    }
                }
            },
            State::End => {}
        }
        line.clear();
        self.line = line;
    }

    fn begin_part(&mut self) {
        self.state = State::Head;
        self.name.clear();
        self.value = None;
        self.file = false;
    }

    /// A line of a part's head: `Content-Disposition: form-data; name="model"`.
    fn head(&mut self, line: &[u8]) {
        let is_disposition = line
            .split_at_checked(DISPOSITION.len())
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(DISPOSITION));
        if !is_disposition {
            return;
        }
        for parameter in line.split(|byte| *byte == b';') {
            let parameter = parameter.trim_ascii();
            if let Some(name) = parameter.strip_prefix(b"name=") {
                let name = name.strip_prefix(b"\"").unwrap_or(name);
                self.name = name.strip_suffix(b"\"").unwrap_or(name).to_vec();
            }
            self.file |= parameter.starts_with(b"filename");
        }
    }

    fn tell(&self, told: &mut impl FnMut(&[u8], Option<&[u8]>)) {
        if self.file {
            return;
        }
        let value = self.value.as_deref().map(|value| {
            // The line's end before the boundary belongs to the boundary.
            let value = value.strip_suffix(b"\n").unwrap_or(value);
            value.strip_suffix(b"\r").unwrap_or(value)
        });
        told(&self.name, value);
    }
}

const DISPOSITION: &[u8] = b"content-disposition:";
