//! Log, configuration, properties, contexts and ticks.

use std::time::Duration;

use super::{Guest, HostState, Linker, Refusal, host_call};
use crate::host::abi::Status;
use crate::host::state::LogLine;
use crate::host::stream::Stream;

const BUFFER_REQUEST_BODY: u32 = 0;
const BUFFER_RESPONSE_BODY: u32 = 1;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    host_call!(linker, "proxy_log", |guest, level: u32, at: u32, len: u32| {
        let text = guest.text(at, len)?;
        if level > LOG_LEVEL_MAX {
            return Err(Status::BAD_ARGUMENT.into());
        }
        guest.host().logs.push(LogLine { level, text });
        Ok(())
    });
    host_call!(linker, "proxy_get_log_level", |guest, to: u32| {
        let level = guest.host().log_level;
        guest.write_u32(to, level)
    });
    host_call!(
        linker,
        "proxy_get_buffer_bytes",
        |guest, kind: u32, start: u32, max: u32, to: u32, size_to: u32| {
            let buffer = buffer(guest.host(), kind)?;
            let from = buffer.get(start as usize..).unwrap_or_default();
            let part = from.get(..max as usize).unwrap_or(from).to_vec();
            guest.give(&part, to, size_to)
        }
    );
    host_call!(
        linker,
        "proxy_set_buffer_bytes",
        |guest, kind: u32, start: u32, size: u32, at: u32, len: u32| {
            let data = guest.bytes(at, len)?;
            if kind != BUFFER_REQUEST_BODY {
                return Err(Status::BAD_ARGUMENT.into());
            }
            let stream = guest.host().stream().ok_or(Status::NOT_FOUND)?;
            let body = request_body(stream).ok_or(Status::NOT_FOUND)?;
            let start = (start as usize).min(body.len());
            let end = start.saturating_add(size as usize).min(body.len());
            body.splice(start..end, data);
            Ok(())
        }
    );
    host_call!(
        linker,
        "proxy_get_property",
        |guest, path: u32, path_len: u32, to: u32, size_to: u32| {
            let path = guest.bytes(path, path_len)?;
            let host = guest.host();
            let own = host.stream().and_then(|stream| stream.properties.get(&path).cloned());
            let value = own.or_else(|| host.properties.get(&path).cloned());
            guest.give(&value.ok_or(Status::NOT_FOUND)?, to, size_to)
        }
    );
    host_call!(
        linker,
        "proxy_set_property",
        |guest, path: u32, path_len: u32, value: u32, value_len: u32| {
            let path = guest.bytes(path, path_len)?;
            let value = guest.bytes(value, value_len)?;
            let stream = guest.host().stream().ok_or(Status::NOT_FOUND)?;
            stream.properties.insert(path, value);
            Ok(())
        }
    );
    host_call!(linker, "proxy_set_effective_context", |guest, context: u32| {
        effective(guest, context)
    });
    host_call!(linker, "proxy_set_tick_period_milliseconds", |guest, period: u32| {
        guest.host().set_tick_period(Duration::from_millis(period.into()))?;
        Ok(())
    });
    host_call!(linker, "proxy_done", |guest| {
        let id = guest.host().root_id();
        let root = guest.host().roots.get_mut(&id).filter(|root| root.draining);
        root.ok_or(Status::NOT_FOUND)?.done = true;
        Ok(())
    });
    Ok(())
}

fn buffer(host: &mut HostState, kind: u32) -> Result<&[u8], Status> {
    match kind {
        BUFFER_REQUEST_BODY => {
            let stream = host.stream().ok_or(Status::NOT_FOUND)?;
            Ok(request_body(stream).ok_or(Status::NOT_FOUND)?)
        }
        BUFFER_RESPONSE_BODY => {
            let stream = host.stream().ok_or(Status::NOT_FOUND)?;
            Ok(stream.response_piece.as_deref().ok_or(Status::NOT_FOUND)?)
        }
        4 => Ok(&host.answer.as_ref().ok_or(Status::NOT_FOUND)?.body),
        6 => Ok(&host.vm_config),
        7 => Ok(host.roots.get(&host.root_id()).map_or(&[], |root| &root.config)),
        _ => Err(Status::BAD_ARGUMENT),
    }
}

/// What is kept in sight, pieces of earlier callbacks included, or else the present piece. Outside of a
/// callback of the body a piece is gone.
fn request_body(stream: &mut Stream) -> Option<&mut Vec<u8>> {
    if stream.kept_in_sight { Some(&mut stream.kept) } else { stream.piece.as_mut() }
}

fn effective(guest: &mut Guest<'_>, context: u32) -> Result<(), Refusal> {
    let host = guest.host();
    // 0 is "the context of the callback", as Envoy has it.
    if context != 0 && context != host.current && !host.knows(context) {
        return Err(Status::BAD_ARGUMENT.into());
    }
    host.effective = Some(context).filter(|context| *context != 0);
    Ok(())
}

const LOG_LEVEL_MAX: u32 = 5;
