//! Calls that the module makes, and the answers that a test gives.

use std::time::Duration;

use super::headers::Headers;

/// A call that waits for its answer.
#[derive(Clone, Debug)]
pub struct Callout {
    /// What the module knows it by.
    pub token: u32,
    /// The context that made it, and whose end ends it.
    pub context: u32,
    /// Where it goes.
    pub cluster: String,
    /// Its headers.
    pub headers: Headers,
    /// Its body.
    pub body: Vec<u8>,
    /// How long Envoy waits for the answer.
    pub timeout: Duration,
}

/// What comes back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// With `:status`; none at all when the call was reset.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// 200 and a body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    /// A status and a body.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let length = body.len().to_string();
        let status = status.to_string();
        Self { headers: Headers::new(&[(":status", status), ("content-length", length)]), body }
    }

    /// What Envoy makes of a peer that is not there or goes away.
    #[must_use]
    pub fn unreachable() -> Self {
        Self::status(503, "upstream connect error or disconnect/reset before headers")
    }

    /// What Envoy makes of a peer that is too slow.
    #[must_use]
    pub fn timeout() -> Self {
        Self::status(504, "upstream request timeout")
    }

    /// A reset that brings no headers whatever.
    #[must_use]
    pub fn reset() -> Self {
        Self::default()
    }

    /// The same, but the body ends after `len` bytes, whatever the headers say.
    #[must_use]
    pub fn cut_to(mut self, len: usize) -> Self {
        self.body.truncate(len);
        self
    }
}
