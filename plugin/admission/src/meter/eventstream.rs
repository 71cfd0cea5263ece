//! AWS event streams (`application/vnd.amazon.eventstream`): finds the documents in their messages.
//!
//! A message is `u32` total length, `u32` length of the headers, `u32` CRC of these eight bytes, headers,
//! payload, `u32` CRC of all before it, in big endian. The payload is a document, or one that carries
//! another in base64 (`InvokeModelWithResponseStream`). A message counts when its CRC is right.

use crc32fast::Hasher;

use super::base64::Decoder;
use super::gather::{Gather, cut};
use super::report::Report;
use super::role::Role;
use super::scan::{Progress, Scalar, Scanner, Sink};
use super::tree::{NodeId, Tree};

/// A stream of messages.
#[derive(Debug)]
pub(crate) struct EventStream {
    part: Part,
    /// The prelude or the CRC that is being read.
    word: Gather<PRELUDE>,
    crc: Hasher,
    payload_len: u32,
    left: u32,
    headers: Vec<u8>,
    scanner: Scanner,
    /// Where payloads carry documents: how they are unpacked.
    nested: Option<Nested>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Prelude,
    Headers,
    Payload,
    Crc,
    /// A CRC was wrong: where the next message begins is not known.
    Lost,
}

#[derive(Debug, Default)]
struct Nested {
    decoder: Decoder,
    scanner: Scanner,
}

const PRELUDE: usize = 12;
/// Prelude and CRC.
const FRAME: u32 = 16;
/// Headers beyond this are not kept; real ones have a hundred bytes.
const HEADERS_MAX: usize = 1024;

impl EventStream {
    /// A stream whose payloads are documents, or `nested` ones.
    pub(crate) fn new(nested: bool) -> Self {
        Self {
            part: Part::Prelude,
            word: Gather::default(),
            crc: Hasher::new(),
            payload_len: 0,
            left: 0,
            headers: Vec::new(),
            scanner: Scanner::default(),
            nested: nested.then(Nested::default),
        }
    }

    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8], tree: &Tree<Role>, report: &mut Report) {
        let mut rest = bytes;
        while !rest.is_empty() && self.part != Part::Lost {
            rest = match self.part {
                Part::Prelude => self.prelude(rest),
                Part::Headers => self.headers(rest),
                Part::Payload => self.payload(rest, tree, report),
                Part::Crc => self.check(rest, tree, report),
                Part::Lost => return,
            };
            self.pass_empty_parts(report);
        }
    }

    fn prelude<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let rest = self.word.fill(bytes, PRELUDE);
        let Some([t0, t1, t2, t3, h0, h1, h2, h3, c0, c1, c2, c3]) = self.word.take(PRELUDE) else {
            return rest;
        };
        let (total, headers) =
            (u32::from_be_bytes([t0, t1, t2, t3]), u32::from_be_bytes([h0, h1, h2, h3]));
        self.crc.update(&[t0, t1, t2, t3, h0, h1, h2, h3]);
        let right = self.crc.clone().finalize() == u32::from_be_bytes([c0, c1, c2, c3]);
        self.crc.update(&[c0, c1, c2, c3]);
        match total.checked_sub(FRAME).and_then(|inside| inside.checked_sub(headers)) {
            Some(payload) if right => {
                self.payload_len = payload;
                self.left = headers;
                self.headers.clear();
                self.part = Part::Headers;
            }
            _ => self.part = Part::Lost,
        }
        rest
    }

    fn headers<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, rest) = self.split(bytes);
        self.crc.update(now);
        let room = HEADERS_MAX.saturating_sub(self.headers.len());
        self.headers.extend_from_slice(cut(now, room).0);
        rest
    }

    fn payload<'a>(&mut self, bytes: &'a [u8], tree: &Tree<Role>, report: &mut Report) -> &'a [u8] {
        let (now, rest) = self.split(bytes);
        self.crc.update(now);
        match &mut self.nested {
            None => {
                self.scanner.push(now, tree, report);
            }
            Some(nested) => {
                let mut sink = Unpack { nested, tree, report };
                self.scanner.push(now, &WRAPPER, &mut sink);
            }
        }
        rest
    }

    /// Headers and payload may be empty.
    fn pass_empty_parts(&mut self, report: &mut Report) {
        if self.part == Part::Headers && self.left == 0 {
            report.seen.failed |= is_exception(&self.headers);
            self.left = self.payload_len;
            self.part = Part::Payload;
        }
        if self.part == Part::Payload && self.left == 0 {
            self.part = Part::Crc;
        }
    }

    fn check<'a>(&mut self, bytes: &'a [u8], tree: &Tree<Role>, report: &mut Report) -> &'a [u8] {
        let rest = self.word.fill(bytes, 4);
        let Some([c0, c1, c2, c3, ..]) = self.word.take(4) else { return rest };
        let right =
            std::mem::take(&mut self.crc).finalize() == u32::from_be_bytes([c0, c1, c2, c3]);
        let document = self.nested.as_ref().map_or(&self.scanner, |nested| &nested.scanner);
        if right && document.progress() == Progress::Done {
            report.close_document(tree, true);
        } else {
            report.drop_document();
        }
        self.scanner.reset();
        if let Some(nested) = &mut self.nested {
            *nested = Nested::default();
        }
        self.part = if right { Part::Prelude } else { Part::Lost };
        rest
    }

    /// What belongs to the present part, and what is behind it.
    fn split<'a>(&mut self, bytes: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let left = usize::try_from(self.left).unwrap_or(usize::MAX);
        let (now, rest) = cut(bytes, left);
        self.left = self.left.saturating_sub(u32::try_from(now.len()).unwrap_or(u32::MAX));
        (now, rest)
    }

    /// Whether a CRC was wrong.
    pub(crate) fn is_lost(&self) -> bool {
        self.part == Part::Lost
    }

    /// Whether it stops in the middle of a message.
    pub(crate) fn is_inside(&self) -> bool {
        self.part != Part::Prelude || !self.word.is_empty()
    }
}

/// What is looked for in a payload that carries another document.
static WRAPPER: std::sync::LazyLock<Tree<Role>> =
    std::sync::LazyLock::new(|| Tree::new([("bytes", Role::Nested)]));

/// Hands the document inside a payload on to the report.
struct Unpack<'a> {
    nested: &'a mut Nested,
    tree: &'a Tree<Role>,
    report: &'a mut Report,
}

impl Sink<Role> for Unpack<'_> {
    fn key(&mut self, _: &Tree<Role>, _: NodeId) {}

    fn scalar(&mut self, _: NodeId, _: Role, _: Scalar<'_>) {}

    fn in_pieces(&self, role: Role) -> bool {
        role == Role::Nested
    }

    fn piece(&mut self, _: Role, bytes: &[u8]) {
        let Nested { decoder, scanner } = &mut *self.nested;
        decoder.push(bytes, |plain| {
            scanner.push(plain, self.tree, self.report);
        });
    }
}

/// Whether the headers say that the message is an error.
fn is_exception(headers: &[u8]) -> bool {
    let mut rest = headers;
    while let Some((name, value, after)) = header(rest) {
        if name == b":message-type" {
            return value != b"event";
        }
        rest = after;
    }
    false
}

/// The first header, and what is behind it.
fn header(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (len, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*len))?;
    let (kind, rest) = rest.split_first()?;
    let (len, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        9 => (16, rest),
        6 | 7 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(len)?;
    Some((name, value, rest))
}
