//! The wall clock, metrics and shared data.

use super::{HostState, Linker, host_call};
use crate::host::clock::nanoseconds;

pub(super) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    host_call!(linker, "proxy_get_current_time_nanoseconds", |guest, to: u32| {
        let now = nanoseconds(guest.host().clock.wall());
        guest.write_u64(to, now)
    });
    host_call!(
        linker,
        "proxy_define_metric",
        |guest, kind: u32, name: u32, name_len: u32, to: u32| {
            let name = guest.text(name, name_len)?;
            let id = guest.host().metrics.define(kind, name)?;
            guest.write_u32(to, id)
        }
    );
    host_call!(linker, "proxy_increment_metric", |guest, id: u32, offset: i64| {
        Ok(guest.host().metrics.increment(id, offset)?)
    });
    host_call!(linker, "proxy_record_metric", |guest, id: u32, value: u64| {
        Ok(guest.host().metrics.record(id, value)?)
    });
    host_call!(linker, "proxy_get_metric", |guest, id: u32, to: u32| {
        let value = guest.host().metrics.get(id)?;
        guest.write_u64(to, value)
    });
    host_call!(
        linker,
        "proxy_get_shared_data",
        |guest, key: u32, key_len: u32, to: u32, size_to: u32, cas_to: u32| {
            let key = guest.bytes(key, key_len)?;
            let (value, cas) = guest.host().shared.get(&key)?;
            guest.give(&value, to, size_to)?;
            guest.write_u32(cas_to, cas)
        }
    );
    host_call!(
        linker,
        "proxy_set_shared_data",
        |guest, key: u32, key_len: u32, value: u32, value_len: u32, cas: u32| {
            let (key, value) = (guest.bytes(key, key_len)?, guest.bytes(value, value_len)?);
            Ok(guest.host().shared.set(&key, &value, cas)?)
        }
    );
    Ok(())
}
