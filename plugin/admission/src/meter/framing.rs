//! The form of a body: which bytes of it are documents.
//!
//! Only the event stream is taken from the content type. Whether a text is events or documents says its
//! first byte: relays send events as `application/json`, and errors as `text/event-stream`.

use super::documents::Documents;
use super::eventstream::EventStream;
use super::report::Report;
use super::role::Role;
use super::sse::Sse;
use super::tree::Tree;

/// A body's reader.
#[derive(Debug)]
pub(crate) enum Framing {
    /// Nothing but white space was seen yet.
    Unknown,
    /// Documents.
    Documents(Documents),
    /// Server-sent events.
    Sse(Sse),
    /// An AWS event stream.
    EventStream(Box<EventStream>),
    /// None of these.
    Unreadable,
}

impl Framing {
    /// The reader for this content type; `nested` if messages carry documents in base64.
    pub(crate) fn of(content_type: &[u8], nested: bool) -> Self {
        let essence = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
        if essence.trim_ascii().eq_ignore_ascii_case(b"application/vnd.amazon.eventstream") {
            Self::EventStream(Box::new(EventStream::new(nested)))
        } else {
            Self::Unknown
        }
    }

    /// Reads on.
    pub(crate) fn push(&mut self, bytes: &[u8], tree: &Tree<Role>, report: &mut Report) {
        let mut rest = bytes;
        if matches!(self, Self::Unknown) {
            // White space, and the byte order mark, whose bytes begin nothing else.
            let blank = |byte: &u8| byte.is_ascii_whitespace() || b"\xEF\xBB\xBF".contains(byte);
            let Some(at) = rest.iter().position(|byte| !blank(byte)) else { return };
            rest = rest.get(at..).unwrap_or_default();
            *self = match rest.first() {
                Some(b'{' | b'[') => Self::Documents(Documents::default()),
                Some(b':' | b'd' | b'e' | b'i' | b'r') => Self::Sse(Sse::default()),
                _ => Self::Unreadable,
            };
        }
        match self {
            Self::Documents(documents) => documents.push(rest, tree, report),
            Self::Sse(sse) => sse.push(rest, tree, report),
            Self::EventStream(stream) => stream.push(rest, tree, report),
            Self::Unknown | Self::Unreadable => {}
        }
    }

    /// The stream is over.
    pub(crate) fn finish(&mut self, tree: &Tree<Role>, report: &mut Report) {
        match self {
            Self::Documents(documents) => documents.finish(tree, report),
            Self::Sse(sse) => sse.finish(tree, report),
            Self::EventStream(_) | Self::Unknown | Self::Unreadable => {}
        }
    }

    /// Whether it is a stream of events, of which the last ones say what was used.
    pub(crate) const fn is_stream(&self) -> bool {
        matches!(self, Self::Sse(_) | Self::EventStream(_))
    }

    /// Whether the body says by itself that it is whole.
    pub(crate) const fn is_whole(&self) -> bool {
        match self {
            Self::Documents(documents) => documents.is_whole(),
            Self::Sse(sse) => sse.is_done(),
            Self::EventStream(_) | Self::Unknown | Self::Unreadable => false,
        }
    }

    /// Whether it stops in the middle of something.
    pub(crate) fn is_cut(&self) -> bool {
        match self {
            Self::Documents(documents) => documents.is_inside() || !documents.may_end(),
            Self::Sse(sse) => sse.is_inside(),
            Self::EventStream(stream) => stream.is_inside(),
            Self::Unknown | Self::Unreadable => false,
        }
    }

    /// Whether something was not what it should be.
    pub(crate) fn is_garbled(&self) -> bool {
        match self {
            Self::Documents(documents) => documents.is_lost(),
            Self::EventStream(stream) => stream.is_lost(),
            Self::Unreadable => true,
            Self::Sse(_) | Self::Unknown => false,
        }
    }
}
