//! What a VM's streams and root contexts are to the host, and what a test may see of them.

use std::collections::BTreeMap;
use std::time::Duration;

use super::headers::Headers;

/// One HTTP stream, from its first callback to the end of the test.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// What a callback can read and write; gone once the request has been let go.
    pub(super) request: Option<Headers>,
    /// The same for the answer.
    pub(super) response: Option<Headers>,
    /// Which root context it belongs to.
    pub(super) root: u32,
    /// A local reply that takes effect after the callback.
    pub(super) reply_pending: Option<LocalReply>,
    /// `proxy_continue_stream` was called in this callback.
    pub(super) resumed: bool,
    /// The upstream's answer has come: a local reply now replaces it and enters no callback.
    pub(super) responding: bool,
    pub(super) properties: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Only the head is held: the body comes meanwhile.
    pub(super) head_only: bool,
    /// What Envoy keeps of the request's body, and whether the module sees it with each piece.
    pub(super) kept: Vec<u8>,
    pub(super) kept_in_sight: bool,
    pub(super) kept_ended: bool,
    /// The piece that the present callback is about.
    pub(super) piece: Option<Vec<u8>>,
    pub(super) response_piece: Option<Vec<u8>>,

    /// How far it has come.
    pub phase: Phase,
    /// What the upstream got, once the request was let go.
    pub sent: Option<Headers>,
    /// The body that the upstream got so far.
    pub sent_body: Vec<u8>,
    /// The body that the client got so far: of the upstream's answer.
    pub delivered_body: Vec<u8>,
    /// What the client got: of the upstream's answer or of a local reply.
    pub delivered: Option<Headers>,
    /// The local reply that became the answer.
    pub reply: Option<LocalReply>,
    /// Every host call made for this stream, in order.
    pub calls: Vec<&'static str>,
}

/// Where a stream is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Phase {
    /// Created; no headers yet.
    #[default]
    New,
    /// Held by the module.
    Paused,
    /// On its way to the upstream.
    Upstream,
    /// The answer is on its way to the client.
    Answered,
    /// Over: `proxy_on_delete` has been called.
    Deleted,
}

/// An answer that the module gave itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalReply {
    /// The status.
    pub status: u32,
    /// The module's headers, without those that Envoy adds.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl LocalReply {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// With what Envoy adds.
    pub(super) fn whole_headers(&self) -> Headers {
        let mut headers = Headers::new(&[(":status", self.status.to_string())]);
        for (name, value) in self.headers.iter() {
            headers.add(name, value);
        }
        if !self.body.is_empty() {
            headers.replace(b"content-length", self.body.len().to_string().as_bytes());
            if headers.get("content-type").is_none() {
                headers.add(b"content-type", b"text/plain");
            }
        }
        headers
    }
}

/// A root context: one configuration of the filter in this VM.
#[derive(Clone, Debug, Default)]
pub(super) struct Root {
    pub(super) config: Vec<u8>,
    pub(super) tick_period: Option<Duration>,
    pub(super) next_tick: Duration,
    /// It was told to end and asked for time.
    pub(super) draining: bool,
    pub(super) done: bool,
}
