//! The few WASI calls that a Rust module for wasm32-wasip1 makes under Envoy.
//!
//! The rest of WASI (files, sockets) does not work there either, and becomes a trap here.

use wasmtime::{Caller, Linker};

use super::clock::nanoseconds;
use super::guest::{Guest, Refusal};
use super::state::HostState;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    wasi_call!(linker, "clock_time_get", |guest, id: u32, _precision: u64, to: u32| {
        let clock = &guest.host().clock;
        let now = match id {
            CLOCK_REALTIME => clock.wall(),
            _ => clock.monotonic(),
        };
        guest.write_u64(to, nanoseconds(now))
    });
    wasi_call!(linker, "random_get", |guest, to: u32, len: u32| {
        let mut bytes = vec![0; (len as usize).min(RANDOM_BYTES_MAX)];
        guest.host().random.fill(&mut bytes);
        guest.write(to, &bytes)
    });
    wasi_call!(linker, "environ_sizes_get", |guest, count_to: u32, size_to: u32| {
        guest.write_u32(count_to, 0)?;
        guest.write_u32(size_to, 0)
    });
    wasi_call!(linker, "environ_get", |_guest, _to: u32, _text_to: u32| Ok(()));
    wasi_call!(linker, "fd_write", |guest, _fd: u32, parts: u32, count: u32, written_to: u32| {
        let written = print(guest, parts, count)?;
        guest.write_u32(written_to, written)
    });
    linker.func_wrap(WASI, "proc_exit", |code: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::msg(format!("the module exited with code {code}")))
    })?;
    linker.func_wrap(WASI, "sched_yield", || 0_u32)?;
    Ok(())
}

/// Takes what is printed, to any file, as Envoy puts both into its log.
fn print(guest: &mut Guest<'_>, parts: u32, count: u32) -> Result<u32, Refusal> {
    let list = guest.bytes(parts, count.saturating_mul(8))?;
    let mut written = 0;
    for part in list.chunks_exact(8) {
        let word = |at: usize| {
            let bytes = part.get(at..).and_then(<[u8]>::first_chunk::<4>);
            bytes.copied().map_or(0, u32::from_le_bytes)
        };
        let text = guest.bytes(word(0), word(4))?;
        written += word(4);
        guest.host().stderr.extend(text);
    }
    Ok(written)
}

/// Like `host_call!`, for WASI: a fault's status goes back as an errno.
macro_rules! wasi_call {
    ($linker:expr, $name:literal, |$guest:ident $(, $argument:ident: $type:ty)*| $body:expr) => {
        $linker.func_wrap(WASI, $name, |caller: Caller<'_, HostState>, $($argument: $type),*| {
            Guest::enter(caller, $name, |$guest| $body)
        })?
    };
}
use wasi_call;

const WASI: &str = "wasi_snapshot_preview1";
const CLOCK_REALTIME: u32 = 0;
/// Envoy gives no more at once.
const RANDOM_BYTES_MAX: usize = 64 * 1024;
