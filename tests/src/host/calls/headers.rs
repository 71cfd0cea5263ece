//! Maps of headers.
//!
//! A map that is not there (any more) reads as an empty one, but neither by name nor for writing:
//! that is a bad argument. A header that is not there can be removed.

use super::{Guest, HostState, Linker, Refusal, host_call};
use crate::host::abi::{MapKind, Status};
use crate::host::headers::Headers;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    host_call!(linker, "proxy_get_header_map_pairs", |guest, kind: u32, to: u32, size_to: u32| {
        let pairs = map(guest, kind)?.map(|headers| headers.to_abi());
        guest.give(&pairs.unwrap_or_default(), to, size_to)
    });
    host_call!(linker, "proxy_set_header_map_pairs", |guest, kind: u32, at: u32, len: u32| {
        let headers = Headers::from_abi(&guest.bytes(at, len)?)?;
        *present(guest, kind)? = headers;
        Ok(())
    });
    host_call!(
        linker,
        "proxy_get_header_map_value",
        |guest, kind: u32, name: u32, name_len: u32, to: u32, size_to: u32| {
            let name = guest.bytes(name, name_len)?;
            let value = present(guest, kind)?.first(&name).map(<[u8]>::to_vec);
            guest.give(&value.ok_or(Status::NOT_FOUND)?, to, size_to)
        }
    );
    host_call!(
        linker,
        "proxy_add_header_map_value",
        |guest, kind: u32, name: u32, name_len: u32, value: u32, value_len: u32| {
            let (name, value) = (guest.bytes(name, name_len)?, guest.bytes(value, value_len)?);
            present(guest, kind)?.add(&name, &value);
            Ok(())
        }
    );
    host_call!(
        linker,
        "proxy_replace_header_map_value",
        |guest, kind: u32, name: u32, name_len: u32, value: u32, value_len: u32| {
            let (name, value) = (guest.bytes(name, name_len)?, guest.bytes(value, value_len)?);
            present(guest, kind)?.replace(&name, &value);
            Ok(())
        }
    );
    host_call!(
        linker,
        "proxy_remove_header_map_value",
        |guest, kind: u32, name: u32, name_len: u32| {
            let name = guest.bytes(name, name_len)?;
            present(guest, kind)?.remove(&name);
            Ok(())
        }
    );
    Ok(())
}

fn present<'g>(guest: &'g mut Guest<'_>, kind: u32) -> Result<&'g mut Headers, Refusal> {
    Ok(map(guest, kind)?.ok_or(Status::BAD_ARGUMENT)?)
}

fn map<'g>(guest: &'g mut Guest<'_>, kind: u32) -> Result<Option<&'g mut Headers>, Refusal> {
    let kind = MapKind::parse(kind)?;
    let host = guest.host();
    Ok(match kind {
        MapKind::Request => host.stream().and_then(|stream| stream.request.as_mut()),
        MapKind::Response => host.stream().and_then(|stream| stream.response.as_mut()),
        MapKind::CalloutHeaders => host.answer.as_mut().map(|answer| &mut answer.headers),
        MapKind::CalloutTrailers | MapKind::Empty => None,
    })
}
