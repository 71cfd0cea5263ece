//! What an upstream does with one request, where it is not simply to answer.

use std::time::Duration;

/// One answer's peculiarities. The default has none.
#[derive(Clone, Debug, Default)]
pub struct Script {
    pub(super) status: Option<u16>,
    pub(super) delay: Duration,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) content_type: Option<String>,
    pub(super) pieces: Option<Vec<Vec<u8>>>,
    pub(super) pause: Duration,
    pub(super) reset_after: Option<usize>,
    pub(super) echoes_headers: bool,
}

impl Script {
    /// Answers with this status. 401 and 403 quote the key that came, as providers do.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// Waits so long before the answer's first byte.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Answers with this body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        self.pieces(vec![body.into()], Duration::ZERO)
    }

    /// Answers with a body that comes in these pieces, with a pause before each but the first. More
    /// than one have no length told ahead.
    #[must_use]
    pub fn pieces(mut self, pieces: Vec<Vec<u8>>, pause: Duration) -> Self {
        self.pieces = Some(pieces);
        self.pause = pause;
        self
    }

    /// Says that the body is this.
    #[must_use]
    pub fn content_type(mut self, content_type: &str) -> Self {
        self.content_type = Some(content_type.to_owned());
        self
    }

    /// Breaks the connection after so many bytes of the body.
    #[must_use]
    pub fn reset_after(mut self, bytes: usize) -> Self {
        self.reset_after = Some(bytes);
        self
    }

    /// Sends each of the request's headers back, its name behind `x-echo-`: the credential too.
    #[must_use]
    pub fn echo_headers(mut self) -> Self {
        self.echoes_headers = true;
        self
    }
}
