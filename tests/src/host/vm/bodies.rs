//! Bodies and trailers of streams, as Envoy 1.40 shows them to a filter.
//!
//! While a head is held as a whole, the body waits out of sight and is shown at once when the stream
//! goes on. While only the head is held, each piece is shown together with what was kept before it. Envoy
//! has a trap there, and so has this host: if such a stream is let go between two pieces, from outside,
//! what comes next is kept once more and never sent.

use super::drive::{StreamId, action};
use super::{Broken, Vm};
use crate::host::abi::Action;
use crate::host::headers::Headers;
use crate::host::stream::{LocalReply, Phase, Stream};

impl Vm {
    /// A piece of the request's body comes.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn request_body(
        &mut self,
        stream: StreamId,
        piece: &[u8],
        end_of_stream: bool,
    ) -> Result<(), Broken> {
        self.expect_phase(stream, &[Phase::Paused, Phase::Upstream, Phase::Answered]);
        let limit = self.host().buffer_limit;
        let state = self.stream_mut(stream);
        if state.phase == Phase::Paused && !state.head_only {
            // Beyond its limit Envoy stops reading from the client; here a test would see `kept` grow.
            state.kept.extend_from_slice(piece);
            state.kept_ended = end_of_stream;
            return Ok(());
        }
        if state.kept_in_sight {
            state.kept.extend_from_slice(piece);
            if state.kept.len() > limit {
                return self.envoy_replies(stream, 413, "request_payload_too_large");
            }
            self.show(stream, Vec::new(), end_of_stream)?;
        } else {
            self.show(stream, piece.to_vec(), end_of_stream)?;
        }
        self.after_callback()
    }

    /// The request ends with trailers.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn request_trailers(&mut self, stream: StreamId) -> Result<Action, Broken> {
        let StreamId(id) = stream;
        let action = action(self.enter("proxy_on_request_trailers", id, (id, 1_u32))?);
        if action == Action::Continue {
            self.go(stream);
        }
        self.after_callback()?;
        Ok(action)
    }

    /// A piece of the upstream's answer comes.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn response_body(
        &mut self,
        stream: StreamId,
        piece: &[u8],
        end_of_stream: bool,
    ) -> Result<Action, Broken> {
        self.expect_phase(stream, &[Phase::Answered]);
        let StreamId(id) = stream;
        let size = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        self.stream_mut(stream).response_piece = Some(piece.to_vec());
        let parameters = (id, size, u32::from(end_of_stream));
        let action = action(self.enter("proxy_on_response_body", id, parameters)?);
        let state = self.stream_mut(stream);
        let piece = state.response_piece.take().unwrap_or_default();
        if action == Action::Continue {
            state.delivered_body.extend(piece);
        }
        self.after_callback()?;
        Ok(action)
    }

    /// The upstream's answer ends with trailers.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn response_trailers(&mut self, stream: StreamId) -> Result<Action, Broken> {
        self.expect_phase(stream, &[Phase::Answered]);
        let StreamId(id) = stream;
        let action = action(self.enter("proxy_on_response_trailers", id, (id, 1_u32))?);
        self.after_callback()?;
        Ok(action)
    }

    /// Envoy answers by itself, for a reason that it calls `details`; the stream ends.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn envoy_replies(
        &mut self,
        stream: StreamId,
        status: u32,
        details: &str,
    ) -> Result<(), Broken> {
        self.set_property(stream, &["response", "code_details"], details);
        let body = b"upstream connect error".to_vec();
        let reply = LocalReply { status, headers: Headers::default(), body };
        let state = self.stream_mut(stream);
        state.responding = true;
        let headers = reply.whole_headers();
        state.reply = Some(reply);
        self.respond(stream, headers, false)?;
        self.reply_body(stream)?;
        self.finish(stream)?;
        self.after_callback()
    }

    /// The body of a local reply goes by like that of an answer.
    pub(super) fn reply_body(&mut self, stream: StreamId) -> Result<(), Broken> {
        let StreamId(id) = stream;
        let body = self.stream(stream).reply.as_ref().map(|reply| reply.body.clone());
        let Some(body) = body.filter(|body| !body.is_empty()) else { return Ok(()) };
        let size = u32::try_from(body.len()).unwrap_or(u32::MAX);
        self.stream_mut(stream).response_piece = Some(body);
        self.enter::<_, u32>("proxy_on_response_body", id, (id, size, 1_u32))?;
        self.stream_mut(stream).response_piece = None;
        Ok(())
    }

    /// Streams that were let go in the last callback go on.
    pub(super) fn let_go(&mut self) -> Result<(), Broken> {
        let resumed = |(id, stream): (&u32, &mut Stream)| {
            let resumed = std::mem::take(&mut stream.resumed) && stream.phase == Phase::Paused;
            resumed.then_some(StreamId(*id))
        };
        let resumed: Vec<StreamId> =
            self.host_mut().streams.iter_mut().filter_map(resumed).collect();
        for stream in resumed {
            let state = self.stream_mut(stream);
            state.phase = Phase::Upstream;
            let kept = std::mem::take(&mut state.kept);
            if state.head_only {
                // It was shown already. `kept_in_sight` stays, which is the trap.
                state.sent_body.extend(kept);
            } else if !kept.is_empty() {
                let ended = state.kept_ended;
                self.show(stream, kept, ended)?;
            }
        }
        Ok(())
    }

    /// Shows a piece, or all that is kept in sight, and does with it what the module says.
    fn show(&mut self, stream: StreamId, piece: Vec<u8>, end: bool) -> Result<(), Broken> {
        let StreamId(id) = stream;
        let state = self.stream_mut(stream);
        let size = if state.kept_in_sight { state.kept.len() } else { piece.len() };
        state.piece = Some(piece);
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let returned = self.enter("proxy_on_request_body", id, (id, size, u32::from(end)))?;
        let state = self.stream_mut(stream);
        let piece = state.piece.take().unwrap_or_default();
        let was_kept = std::mem::take(&mut state.kept_in_sight);
        match (action(returned), state.phase) {
            (Action::Continue, Phase::Paused) => {
                state.kept.extend(piece);
                self.go(stream);
            }
            (Action::Continue, _) if was_kept => {}
            (Action::Continue, _) => state.sent_body.extend(piece),
            (Action::Pause, _) => {
                state.kept.extend(piece);
                state.kept_in_sight = true;
            }
        }
        Ok(())
    }

    /// A stream goes on within a callback of its own.
    fn go(&mut self, stream: StreamId) {
        let state = self.stream_mut(stream);
        if state.phase == Phase::Paused && state.reply_pending.is_none() {
            state.phase = Phase::Upstream;
            state.sent = state.request.take();
            let kept = std::mem::take(&mut state.kept);
            state.sent_body.extend(kept);
        }
    }
}
