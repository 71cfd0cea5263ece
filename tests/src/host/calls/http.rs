//! Letting a stream go, answering it, and calls to other clusters.

use std::time::Duration;

use super::{Guest, HostState, Linker, Refusal, host_call};
use crate::host::abi::Status;
use crate::host::callout::Callout;
use crate::host::headers::Headers;
use crate::host::stream::{LocalReply, Phase};

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    host_call!(linker, "proxy_continue_stream", |guest, kind: u32| resume(guest, kind));
    host_call!(
        linker,
        "proxy_send_local_response",
        |guest,
         status: u32,
         details: u32,
         details_len: u32,
         body: u32,
         body_len: u32,
         headers: u32,
         headers_len: u32,
         _grpc: u32| {
            guest.bytes(details, details_len)?;
            let reply = LocalReply {
                status,
                headers: Headers::from_abi(&guest.bytes(headers, headers_len)?)?,
                body: guest.bytes(body, body_len)?,
            };
            answer_locally(guest, reply)
        }
    );
    host_call!(
        linker,
        "proxy_http_call",
        |guest,
         cluster: u32,
         cluster_len: u32,
         headers: u32,
         headers_len: u32,
         body: u32,
         body_len: u32,
         trailers: u32,
         trailers_len: u32,
         timeout_ms: u32,
         token_to: u32| {
            Headers::from_abi(&guest.bytes(trailers, trailers_len)?)?;
            let callout = Callout {
                token: 0,
                context: guest.host().speaker(),
                cluster: guest.text(cluster, cluster_len)?,
                headers: Headers::from_abi(&guest.bytes(headers, headers_len)?)?,
                body: guest.bytes(body, body_len)?,
                timeout: Duration::from_millis(timeout_ms.into()),
            };
            let token = dispatch(guest.host(), callout)?;
            guest.write_u32(token_to, token)
        }
    );
    Ok(())
}

/// The maps go at once, the stream itself after the callback. To let go what is not held, or of a
/// root context, does nothing and is no error.
fn resume(guest: &mut Guest<'_>, kind: u32) -> Result<(), Refusal> {
    let stream = guest.host().stream();
    match (kind, stream) {
        (STREAM_REQUEST, Some(stream)) => {
            if let Some(request) = stream.request.take() {
                stream.sent = Some(request);
                stream.resumed = true;
            }
        }
        (STREAM_RESPONSE, Some(stream)) => {
            if let Some(response) = stream.response.take() {
                stream.delivered = Some(response);
                stream.resumed = true;
            }
        }
        (STREAM_REQUEST | STREAM_RESPONSE, None) => {}
        _ => return Err(Status::BAD_ARGUMENT.into()),
    }
    Ok(())
}

/// The first reply counts; a second one is no error and does nothing.
fn answer_locally(guest: &mut Guest<'_>, reply: LocalReply) -> Result<(), Refusal> {
    let host = guest.host();
    if host.ending && host.stream().is_some() {
        return Err(Refusal::Trap(wasmtime::Error::msg(
            "proxy_send_local_response in proxy_on_done, proxy_on_log or proxy_on_delete: \
             Envoy 1.40 itself crashes here",
        )));
    }
    if let Some(stream) = host.stream()
        && stream.reply.is_none()
        && stream.phase != Phase::Answered
    {
        stream.reply_pending.get_or_insert(reply);
    }
    Ok(())
}

fn dispatch(host: &mut HostState, mut callout: Callout) -> Result<u32, Status> {
    let complete =
        [":method", ":path", ":authority"].iter().all(|name| callout.headers.get(name).is_some());
    if !complete || !host.clusters.contains(&callout.cluster) {
        return Err(Status::BAD_ARGUMENT);
    }
    if host.cluster_down {
        return Err(Status::INTERNAL_FAILURE);
    }
    host.last_token = host.last_token.wrapping_add(TOKEN_STEP);
    callout.token = host.last_token;
    host.callouts.insert(callout.token, callout);
    Ok(host.last_token)
}

const STREAM_REQUEST: u32 = 0;
const STREAM_RESPONSE: u32 = 1;
/// Envoy's tokens share their numbers with three kinds of gRPC calls.
const TOKEN_STEP: u32 = 4;
