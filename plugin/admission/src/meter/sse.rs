//! Server-sent events: finds the documents in `data:` lines, cut anywhere.
//!
//! Lines end with CR, LF or both; comments and other fields are passed over; the data of an event may
//! stand in several lines; a space after the colon is optional; the last event may lack its blank line.
//! What an event's data is, says its first byte: `{` begins a document, and `[DONE]` is the end.

use memchr::memchr2;

use super::documents::Documents;
use super::gather::cut;
use super::report::Report;
use super::role::Role;
use super::tree::Tree;

/// A stream of events.
#[derive(Debug, Default)]
pub(crate) struct Sse {
    line: Line,
    /// The first bytes of a line that is not known to be data.
    head: [u8; HEAD_MAX],
    head_len: usize,
    /// The last byte was a CR: an LF right behind it belongs to it.
    after_cr: bool,
    data: Data,
    documents: Documents,
    done: bool,
}

/// Long enough to tell `event: error` from what goes on.
const HEAD_MAX: usize = 16;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Line {
    #[default]
    Head,
    Data,
    Rest,
}

/// What the data of the present event are.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Data {
    #[default]
    Unknown,
    Document,
    /// So many bytes of `[DONE]`.
    Done(usize),
    Other,
}

const DATA: &[u8] = b"data:";
const DONE: &[u8] = b"[DONE]";

impl Sse {
    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8], tree: &Tree<Role>, report: &mut Report) {
        let mut rest = bytes;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.after_cr = false;
        }
        while !rest.is_empty() {
            if self.line == Line::Head {
                rest = self.head(rest);
                if rest.is_empty() {
                    return;
                }
            }
            let end = memchr2(b'\n', b'\r', rest);
            let (content, behind) = cut(rest, end.unwrap_or(rest.len()));
            if self.line == Line::Data {
                self.data(content, tree, report);
            }
            let Some((byte, after)) = behind.split_first() else { return };
            rest = after;
            if *byte == b'\r' {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.end_line(tree, report);
        }
    }

    /// Reads the beginning of a line, until it is known what line it is.
    fn head<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        if self.head_len == 0
            && let Some(data) = bytes.strip_prefix(DATA)
        {
            self.line = Line::Data;
            return data;
        }
        let mut rest = bytes;
        while let Some((byte, after)) = rest.split_first() {
            if matches!(byte, b'\n' | b'\r') {
                return rest;
            }
            let Some(slot) = self.head.get_mut(self.head_len) else {
                self.line = Line::Rest;
                return rest;
            };
            *slot = *byte;
            self.head_len = self.head_len.saturating_add(1);
            rest = after;
            if self.head.get(..self.head_len) == Some(DATA) {
                self.line = Line::Data;
                return rest;
            }
        }
        rest
    }

    fn end_line(&mut self, tree: &Tree<Role>, report: &mut Report) {
        let head = self.head.get(..self.head_len).unwrap_or_default();
        match self.line {
            Line::Data => self.data(b"\n", tree, report),
            Line::Head if head.is_empty() => self.end_event(report),
            Line::Head => {
                if let Some(event) = head.strip_prefix(b"event:") {
                    report.seen.failed |= event.trim_ascii() == b"error";
                }
            }
            Line::Rest => {}
        }
        self.line = Line::Head;
        self.head_len = 0;
    }

    fn data(&mut self, bytes: &[u8], tree: &Tree<Role>, report: &mut Report) {
        let mut rest = bytes;
        if self.data == Data::Unknown {
            rest = rest.trim_ascii_start();
            self.data = match rest.first() {
                None => return,
                Some(b'{') => Data::Document,
                Some(b'[') => Data::Done(0),
                Some(_) => Data::Other,
            };
        }
        match self.data {
            Data::Document => self.documents.push(rest, tree, report),
            Data::Done(so_far) => {
                let rest = rest.trim_ascii_end();
                let sum = so_far.saturating_add(rest.len());
                let fits = DONE.get(so_far..sum) == Some(rest);
                self.data = if fits { Data::Done(sum) } else { Data::Other };
                self.done |= fits && sum == DONE.len();
            }
            Data::Unknown | Data::Other => {}
        }
    }

    fn end_event(&mut self, report: &mut Report) {
        if self.data == Data::Document {
            self.documents.end_event(report);
        }
        self.data = Data::Unknown;
    }

    /// The stream is over.
    pub(crate) fn finish(&mut self, tree: &Tree<Role>, report: &mut Report) {
        self.documents.finish(tree, report);
    }

    /// Whether `[DONE]` was there.
    pub(crate) const fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the last event stops in the middle of a document.
    pub(crate) fn is_inside(&self) -> bool {
        self.documents.is_inside()
    }
}
