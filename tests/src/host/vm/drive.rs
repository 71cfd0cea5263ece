//! Streams and callouts: what happens to a request, in Envoy's order.

use super::Vm;
use crate::host::abi::Action;
use crate::host::broken::Broken;
use crate::host::callout::Answer;
use crate::host::headers::Headers;
use crate::host::stream::{Phase, Stream};

/// A stream of a VM.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub(super) u32);

impl Vm {
    /// A request without a body: opens a stream and brings its headers.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn call<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        headers: &[(N, V)],
    ) -> Result<StreamId, Broken> {
        let stream = self.open()?;
        self.request_headers(stream, headers, true)?;
        Ok(stream)
    }

    /// A new stream, of which nothing has come yet.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn open(&mut self) -> Result<StreamId, Broken> {
        let id = self.next_context();
        let root = self.root().0;
        let stream = Stream { root, ..Stream::default() };
        self.host_mut().streams.insert(id, stream);
        self.enter::<_, ()>("proxy_on_context_create", id, (id, root))?;
        self.after_callback()?;
        Ok(StreamId(id))
    }

    /// The request's headers come.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn request_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: StreamId,
        headers: &[(N, V)],
        end_of_stream: bool,
    ) -> Result<Action, Broken> {
        self.expect_phase(stream, &[Phase::New]);
        let headers = Headers::new(headers);
        let count = count(&headers);
        self.stream_mut(stream).request = Some(headers);
        let StreamId(id) = stream;
        let parameters = (id, count, u32::from(end_of_stream));
        let returned = self.enter("proxy_on_request_headers", id, parameters)?;
        let action = action(returned);
        let allowed = self.host().allow_on_headers_stop_iteration;
        let state = self.stream_mut(stream);
        state.head_only = allowed && returned == Some(STOP_ITERATION);
        match action {
            // Refused, and "continue": the refusal counts, and the headers stay readable.
            Action::Continue if state.reply_pending.is_some() => {}
            Action::Continue => {
                state.sent = state.request.take().or(state.sent.take());
                state.phase = Phase::Upstream;
            }
            Action::Pause => state.phase = Phase::Paused,
        }
        self.after_callback()?;
        Ok(action)
    }

    /// The upstream's answer comes.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn response_headers<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: StreamId,
        headers: &[(N, V)],
        end_of_stream: bool,
    ) -> Result<Action, Broken> {
        self.expect_phase(stream, &[Phase::Upstream]);
        self.stream_mut(stream).responding = true;
        let action = self.respond(stream, Headers::new(headers), end_of_stream)?;
        self.after_callback()?;
        Ok(action)
    }

    /// The stream ends: all is sent, or a side went away. Its callouts go with it.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn end(&mut self, stream: StreamId) -> Result<(), Broken> {
        if self.stream(stream).phase == Phase::Deleted {
            return Ok(());
        }
        self.finish(stream)?;
        self.after_callback()
    }

    /// A whole exchange after the request was let go: the answer comes, and the stream ends.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn respond_and_end<N: AsRef<[u8]>, V: AsRef<[u8]>>(
        &mut self,
        stream: StreamId,
        headers: &[(N, V)],
    ) -> Result<(), Broken> {
        self.response_headers(stream, headers, true)?;
        self.end(stream)
    }

    /// Brings the answer to a callout. False: nobody waits for it any more.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn answer(&mut self, token: u32, answer: Answer) -> Result<bool, Broken> {
        let Some(callout) = self.host_mut().callouts.remove(&token) else {
            return Ok(false);
        };
        let body = u32::try_from(answer.body.len()).unwrap_or(u32::MAX);
        let parameters = (callout.context, token, count(&answer.headers), body, 0_u32);
        self.host_mut().answer = Some(answer);
        let called =
            self.enter::<_, ()>("proxy_on_http_call_response", callout.context, parameters);
        self.host_mut().answer = None;
        called?;
        self.after_callback()?;
        Ok(true)
    }

    /// What waited for the callback's end: local replies, streams let go, root contexts that are done.
    pub(super) fn after_callback(&mut self) -> Result<(), Broken> {
        self.let_go()?;
        while let Some(stream) = self.next_reply() {
            self.reply_locally(stream)?;
        }
        self.bury_roots()
    }

    fn next_reply(&self) -> Option<StreamId> {
        let mut streams = self.host().streams.iter();
        streams.find(|(_, stream)| stream.reply_pending.is_some()).map(|(id, _)| StreamId(*id))
    }

    /// A local reply passes the filter's own response callback, unless it replaces an answer that is
    /// passing already; then the stream ends.
    fn reply_locally(&mut self, stream: StreamId) -> Result<(), Broken> {
        let state = self.stream_mut(stream);
        let Some(reply) = state.reply_pending.take() else {
            return Ok(());
        };
        let headers = reply.whole_headers();
        let end_of_stream = reply.body.is_empty();
        let replaces = state.responding;
        state.reply = Some(reply);
        if replaces {
            state.delivered = Some(headers);
        } else {
            state.responding = true;
            self.respond(stream, headers, end_of_stream)?;
            self.reply_body(stream)?;
        }
        self.finish(stream)
    }

    pub(super) fn respond(
        &mut self,
        stream: StreamId,
        headers: Headers,
        end_of_stream: bool,
    ) -> Result<Action, Broken> {
        let StreamId(id) = stream;
        let parameters = (id, count(&headers), u32::from(end_of_stream));
        self.stream_mut(stream).response = Some(headers);
        let action = action(self.enter("proxy_on_response_headers", id, parameters)?);
        let state = self.stream_mut(stream);
        if action == Action::Continue && state.reply_pending.is_none() {
            state.delivered = state.response.take().or(state.delivered.take());
            state.phase = Phase::Answered;
        }
        Ok(action)
    }

    pub(super) fn finish(&mut self, stream: StreamId) -> Result<(), Broken> {
        let StreamId(id) = stream;
        self.host_mut().ending = true;
        let ended = self
            .enter::<_, ()>("proxy_on_log", id, id)
            .and_then(|_| self.enter::<_, u32>("proxy_on_done", id, id))
            .and_then(|_| self.enter::<_, ()>("proxy_on_delete", id, id));
        let host = self.host_mut();
        host.ending = false;
        host.callouts.retain(|_, call| call.context != id);
        let state = self.stream_mut(stream);
        state.phase = Phase::Deleted;
        (state.request, state.response) = (None, None);
        (state.piece, state.response_piece) = (None, None);
        ended.map(|_| ())
    }
}

fn count(headers: &Headers) -> u32 {
    u32::try_from(headers.len()).unwrap_or(u32::MAX)
}

pub(super) fn action(returned: Option<u32>) -> Action {
    match returned {
        None | Some(0) => Action::Continue,
        Some(_) => Action::Pause,
    }
}

const STOP_ITERATION: u32 = 1;
