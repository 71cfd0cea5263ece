//! What the shipped module shows to Envoy and what it may ask of it, line by line with the reason.
//!
//! Every export is a call into the VM that Envoy makes for each request, so only those that do
//! something are kept. The host calls are the same list that `capability_restriction_config` takes:
//! what is not on it can neither be linked nor be called.

/// A name at the border between Envoy and the module, and why it is there.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// The name, as the proxy-wasm ABI 0.2.1 or WASI preview 1 has it.
    pub name: &'static str,
    /// What the filter needs it for.
    pub why: &'static str,
}

const fn line(name: &'static str, why: &'static str) -> Line {
    Line { name, why }
}

/// What the module exports: all of it must be there, and nothing else is.
pub const EXPORTS: &[Line] = &[
    line("memory", "Envoy reads and writes arguments in it"),
    line("_initialize", "runs the constructors and registers the root context"),
    line("proxy_abi_version_0_2_1", "tells Envoy which ABI this is"),
    line("proxy_on_memory_allocate", "Envoy allocates what it returns"),
    line("proxy_on_context_create", "a root context or a stream begins"),
    line("proxy_on_configure", "brings the configuration"),
    line("proxy_on_tick", "syncs with the sidecar, ends waits that took too long"),
    line("proxy_on_http_call_response", "brings the sidecar's answer"),
    line("proxy_on_request_headers", "the decision"),
    line("proxy_on_request_body", "reads what the price depends on, counts bytes that are priced"),
    line("proxy_on_request_trailers", "a body can end with them"),
    line("proxy_on_response_headers", "keeps the injected credential out of the answer, meters it"),
    line("proxy_on_response_body", "meters the answer"),
    line("proxy_on_response_trailers", "an answer can end with them"),
    line("proxy_on_delete", "the stream is over, whatever it had: frees what it held"),
];

/// Exports of our own that ship under another name, in place of the SDK's: which, and as what.
pub const RENAMED: &[(&str, &str)] = &[
    // The SDK knows one way to pause; Envoy knows two, and to hold an upload takes the other.
    ("tollkeeper_on_request_headers", "proxy_on_request_headers"),
];

/// What the module may import from `env`.
pub const HOST_CALLS: &[Line] = &[
    line("proxy_log", "says what an operator must know"),
    line("proxy_set_tick_period_milliseconds", "asks for ticks"),
    line(
        "proxy_get_buffer_bytes",
        "reads the configuration, the sidecar's answer, and bodies where prices depend on them",
    ),
    line("proxy_set_buffer_bytes", "asks a streamed call for its usage"),
    line("proxy_get_property", "asks whether an upstream got a request that ended badly"),
    line("proxy_get_header_map_pairs", "reads all headers at once, duplicates included"),
    line(
        "proxy_replace_header_map_value",
        "puts on the credential and the mark, rewrites the path",
    ),
    line("proxy_remove_header_map_value", "takes the client's key off, scrubs an answer"),
    line("proxy_send_local_response", "refuses"),
    line("proxy_continue_stream", "lets a request go that waited"),
    line("proxy_set_effective_context", "speaks for the stream that waited"),
    line("proxy_http_call", "speaks to the sidecar"),
    line("proxy_define_metric", "names the metrics, once"),
    line("proxy_increment_metric", "counts"),
];

/// What the module may import from `wasi_snapshot_preview1`. Rust's standard library links these.
pub const WASI_CALLS: &[Line] = &[
    line("clock_time_get", "the monotonic clock of waits and leases"),
    line("random_get", "the holder's id and the seeds of hash maps"),
    line("environ_get", "the standard library looks for RUST_BACKTRACE"),
    line("environ_sizes_get", "goes with `environ_get`"),
    line("fd_write", "the text of a panic, to Envoy's log"),
    line("proc_exit", "the end of a panic"),
];

/// What the SDK's tables of default callbacks refer to and nothing ever calls, because the callbacks
/// that could are not exported or not ours. Each becomes a trap, so that the import goes.
pub const NEVER_CALLED: &[&str] = &[
    "proxy_add_header_map_value",
    "proxy_call_foreign_function",
    "proxy_close_stream",
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_current_time_nanoseconds",
    "proxy_get_header_map_value",
    "proxy_get_log_level",
    "proxy_get_metric",
    "proxy_get_shared_data",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_record_metric",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proxy_set_header_map_pairs",
    "proxy_set_property",
    "proxy_set_shared_data",
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_name_is_on_two_lists() {
        let names: Vec<&str> = [EXPORTS, HOST_CALLS, WASI_CALLS]
            .concat()
            .iter()
            .map(|line| line.name)
            .chain(NEVER_CALLED.iter().copied())
            .collect();
        let distinct: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
