//! The only file that calls the host. Bytes go in, a `Result` comes out, no status is a panic.
//!
//! The SDK's own wrappers panic on every status that they do not expect, so the calls are made here;
//! its `dispatch_http_call` alone is used, because it registers the call for the SDK's dispatcher.
#![expect(unsafe_code, reason = "the host's ABI; each block says why it is sound")]

use std::cell::Cell;
use std::ptr::null_mut;
use std::time::Duration;

use proxy_wasm::types::Action;
use wire::units::Millis;

/// A status other than 0 (OK) of a host call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct HostError(pub(crate) u32);

type Result<T> = std::result::Result<T, HostError>;

/// How loud a line of the log is.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Whose headers.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    Response = 2,
    CalloutResponse = 6,
}

const BUFFER_REQUEST_BODY: u32 = 0;
const BUFFER_RESPONSE_BODY: u32 = 1;
const BUFFER_CALLOUT_BODY: u32 = 4;
const BUFFER_CONFIGURATION: u32 = 7;
/// There is no such thing.
const NOT_FOUND: u32 = 1;
const STREAM_REQUEST: u32 = 0;
const METRIC_COUNTER: u32 = 0;

mod abi {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub(super) fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
        pub(super) fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub(super) fn proxy_get_buffer_bytes(
            buffer: u32,
            start: usize,
            size_max: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_set_buffer_bytes(
            buffer: u32,
            start: usize,
            size: usize,
            data: *const u8,
            data_size: usize,
        ) -> u32;
        pub(super) fn proxy_get_property(
            path: *const u8,
            path_size: usize,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_get_header_map_pairs(
            map: u32,
            data: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub(super) fn proxy_replace_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
            value: *const u8,
            value_size: usize,
        ) -> u32;
        pub(super) fn proxy_remove_header_map_value(
            map: u32,
            name: *const u8,
            name_size: usize,
        ) -> u32;
        pub(super) fn proxy_continue_stream(stream: u32) -> u32;
        pub(super) fn proxy_send_local_response(
            status: u32,
            details: *const u8,
            details_size: usize,
            body: *const u8,
            body_size: usize,
            headers: *const u8,
            headers_size: usize,
            grpc_status: i32,
        ) -> u32;
        pub(super) fn proxy_set_effective_context(context: u32) -> u32;
        pub(super) fn proxy_define_metric(
            kind: u32,
            name: *const u8,
            size: usize,
            id: *mut u32,
        ) -> u32;
        pub(super) fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    }
}

/// How Envoy holds a request whose headers callback says "pause".
///
/// The SDK knows one word for both. The module that ships therefore has its own entry for that callback,
/// which `plugin/pack` puts in place of the SDK's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum Pause {
    /// The head waits and the body comes meanwhile, if the filter's config has
    /// `allow_on_headers_stop_iteration`; without it this is the same as [`Pause::Whole`]. Envoy answers
    /// 413 beyond what it buffers.
    Head = 1,
    /// Head and body wait, and beyond what it buffers Envoy stops reading from the client.
    Whole = 4,
}

thread_local! {
    static PAUSE: Cell<Pause> = const { Cell::new(Pause::Whole) };
}

/// Says how the pause is meant that the headers callback returns; unsaid it is [`Pause::Whole`].
pub(crate) fn pause(how: Pause) -> Action {
    PAUSE.set(how);
    Action::Pause
}

mod sdk {
    unsafe extern "C" {
        pub(super) fn proxy_on_request_headers(context: u32, count: usize, end: bool) -> u32;
    }
}

/// What ships as `proxy_on_request_headers`.
#[unsafe(no_mangle)]
extern "C" fn tollkeeper_on_request_headers(context: u32, count: usize, end: bool) -> u32 {
    const CONTINUE: u32 = 0;
    PAUSE.set(Pause::Whole);
    // SAFETY: the SDK's own entry, with what Envoy passed to this one.
    let action = unsafe { sdk::proxy_on_request_headers(context, count, end) };
    if action == CONTINUE { CONTINUE } else { pause_code(PAUSE.get()) }
}

const fn check(status: u32) -> Result<()> {
    if status == 0 { Ok(()) } else { Err(HostError(status)) }
}

/// Takes over what the host has written: it allocated the bytes with this module's allocator, exactly
/// `size` of them, and keeps no reference.
fn take(status: u32, data: *mut u8, size: usize) -> Result<Vec<u8>> {
    check(status)?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: `proxy_on_memory_allocate` made `data` as a boxed slice of `size` bytes for this call.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// All headers of a map in one call, in the host's packing: see [`pairs`].
pub(crate) fn headers(map: Map) -> Result<Vec<u8>> {
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer and a size to the two places, which outlive the call.
    let status =
        unsafe { abi::proxy_get_header_map_pairs(code(map), &raw mut data, &raw mut size) };
    take(status, data, size)
}

/// Reads what [`headers`] returned: a count, the sizes of all names and values, then all of them, each
/// with a zero byte behind it. What does not fit ends the list.
pub(crate) fn pairs(packed: &[u8]) -> Pairs<'_> {
    let (count, rest) = split_u32(packed).unwrap_or((0, &[]));
    let sizes_end = usize::try_from(count).unwrap_or(0).saturating_mul(8).min(rest.len());
    let (sizes, data) = rest.split_at_checked(sizes_end).unwrap_or_default();
    Pairs { sizes, data }
}

/// The names and values of a header map.
#[derive(Clone)]
pub(crate) struct Pairs<'a> {
    sizes: &'a [u8],
    data: &'a [u8],
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (name_size, sizes) = split_u32(self.sizes)?;
        let (value_size, sizes) = split_u32(sizes)?;
        self.sizes = sizes;
        let name = self.cut(name_size)?;
        Some((name, self.cut(value_size)?))
    }
}

impl<'a> Pairs<'a> {
    fn cut(&mut self, size: u32) -> Option<&'a [u8]> {
        let (part, rest) = self.data.split_at_checked(usize::try_from(size).ok()?)?;
        self.data = rest.get(1..).unwrap_or_default();
        Some(part)
    }
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*head), rest))
}

/// Puts a value in place of all values of a header.
pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) -> Result<()> {
    // SAFETY: the host reads the two slices during the call only.
    check(unsafe {
        abi::proxy_replace_header_map_value(
            code(map),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    })
}

/// Takes a header off, all its values.
pub(crate) fn remove_header(map: Map, name: &str) -> Result<()> {
    // SAFETY: the host reads the slice during the call only.
    check(unsafe { abi::proxy_remove_header_map_value(code(map), name.as_ptr(), name.len()) })
}

/// Lets a paused request go on. Its headers cannot be touched afterwards.
pub(crate) fn continue_request() -> Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { abi::proxy_continue_stream(STREAM_REQUEST) })
}

/// Answers in place of the upstream. At most once a stream.
pub(crate) fn send_local_response(
    status: u32,
    details: &str,
    headers: &[(&'static str, String)],
    body: &[u8],
) -> Result<()> {
    const NO_GRPC_STATUS: i32 = -1;
    let packed = pack(headers);
    // SAFETY: the host reads the four slices during the call only.
    check(unsafe {
        abi::proxy_send_local_response(
            status,
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            packed.as_ptr(),
            packed.len(),
            NO_GRPC_STATUS,
        )
    })
}

fn pack(headers: &[(&'static str, String)]) -> Vec<u8> {
    let size = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes();
    let mut packed = Vec::with_capacity(512);
    packed.extend(u32::try_from(headers.len()).unwrap_or(0).to_le_bytes());
    for (name, value) in headers {
        packed.extend(size(name.as_bytes()));
        packed.extend(size(value.as_bytes()));
    }
    for part in headers.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]) {
        packed.extend_from_slice(part);
        packed.push(0);
    }
    packed
}

/// Says on behalf of which context the next calls are made.
pub(crate) fn set_effective_context(context: u32) -> Result<()> {
    // SAFETY: no memory is passed.
    check(unsafe { abi::proxy_set_effective_context(context) })
}

/// Calls [`crate::root`] back every `period`.
pub(crate) fn set_tick_period(period: Millis) -> Result<()> {
    let period = u32::try_from(period.0).unwrap_or(u32::MAX);
    // SAFETY: no memory is passed.
    check(unsafe { abi::proxy_set_tick_period_milliseconds(period) })
}

/// Sends `body` to a cluster; the answer comes back to the context that is effective now.
pub(crate) fn post(cluster: &str, path: &str, body: &[u8], timeout: Millis) -> Result<()> {
    let headers = [
        (":method", "POST"),
        (":path", path),
        (":authority", cluster),
        ("content-type", "application/json"),
    ];
    let timeout = Duration::from_millis(timeout.0);
    proxy_wasm::hostcalls::dispatch_http_call(
        cluster,
        headers.to_vec(),
        Some(body),
        Vec::new(),
        timeout,
    )
    .map(|_token| ())
    .map_err(|status| HostError(status_code(status)))
}

/// The body of the answer to [`post`].
pub(crate) fn callout_body(size: usize) -> Result<Vec<u8>> {
    buffer(BUFFER_CALLOUT_BODY, 0, size)
}

/// The filter's configuration.
pub(crate) fn configuration(size: usize) -> Result<Vec<u8>> {
    buffer(BUFFER_CONFIGURATION, 0, size)
}

/// Bytes of the request's body that Envoy shows: those of the present callback, and before them those
/// that it kept while the head waits.
pub(crate) fn request_body(start: usize, size: usize) -> Result<Vec<u8>> {
    buffer(BUFFER_REQUEST_BODY, start, size)
}

/// Puts another body in place of the `size` bytes that [`request_body`] sees.
pub(crate) fn replace_request_body(size: usize, body: &[u8]) -> Result<()> {
    // SAFETY: the host reads the slice during the call only.
    check(unsafe {
        abi::proxy_set_buffer_bytes(BUFFER_REQUEST_BODY, 0, size, body.as_ptr(), body.len())
    })
}

/// The piece of the answer's body that the present callback is about.
pub(crate) fn response_body(size: usize) -> Result<Vec<u8>> {
    buffer(BUFFER_RESPONSE_BODY, 0, size)
}

fn buffer(kind: u32, start: usize, size_max: usize) -> Result<Vec<u8>> {
    if size_max == 0 {
        return Ok(Vec::new());
    }
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host writes a pointer and a size to the two places, which outlive the call.
    let status =
        unsafe { abi::proxy_get_buffer_bytes(kind, start, size_max, &raw mut data, &raw mut size) };
    take(status, data, size)
}

/// What Envoy knows about the stream; `None` if there is no such thing. It costs ten times what a header
/// does: for rare cases only.
pub(crate) fn property(path: &[&str]) -> Result<Option<Vec<u8>>> {
    let path = path.join("\0");
    let (mut data, mut size) = (null_mut(), 0);
    // SAFETY: the host reads the path and writes a pointer and a size during the call only.
    let status =
        unsafe { abi::proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    if status == NOT_FOUND { Ok(None) } else { take(status, data, size).map(Some) }
}

/// Makes a counter, or finds the one that has this name.
pub(crate) fn define_counter(name: &str) -> Result<u32> {
    let mut id = 0;
    // SAFETY: the host reads the name and writes the id during the call only.
    let status =
        unsafe { abi::proxy_define_metric(METRIC_COUNTER, name.as_ptr(), name.len(), &raw mut id) };
    check(status).map(|()| id)
}

/// Adds to a counter. The host refuses 0.
pub(crate) fn increment(counter: u32, by: u64) -> Result<()> {
    let by = i64::try_from(by).unwrap_or(i64::MAX);
    // SAFETY: no memory is passed.
    check(unsafe { abi::proxy_increment_metric(counter, by) })
}

/// Writes a line to Envoy's log. It must not hold anything that came in a request.
pub(crate) fn log(level: Level, text: &str) {
    // SAFETY: the host reads the text during the call only. A log that fails is nobody's outage.
    let _ = unsafe { abi::proxy_log(level_code(level), text.as_ptr(), text.len()) };
}

/// This VM's monotonic clock, from an arbitrary start.
#[expect(clippy::disallowed_methods, reason = "the plugin's one clock")]
pub(crate) fn monotonic() -> Millis {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    // One second on, so that nothing happens at time zero, which means never.
    Millis(u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)).plus(Millis(1_000))
}

/// A number that no other holder has.
pub(crate) fn random() -> u128 {
    let mut bytes = [0; 16];
    // If the host has no randomness, the clock and an address still tell holders apart in practice.
    if getrandom::fill(&mut bytes).is_err() {
        let address: *const [u8; 16] = &raw const bytes;
        bytes =
            (u128::from(monotonic().0) ^ u128::try_from(address.addr()).unwrap_or(0)).to_le_bytes();
    }
    u128::from_le_bytes(bytes)
}

#[expect(clippy::as_conversions, reason = "a fieldless enum with the ABI's own numbers")]
const fn code(map: Map) -> u32 {
    map as u32
}

#[expect(clippy::as_conversions, reason = "a fieldless enum with the ABI's own numbers")]
const fn pause_code(pause: Pause) -> u32 {
    pause as u32
}

#[expect(clippy::as_conversions, reason = "a fieldless enum with the ABI's own numbers")]
const fn level_code(level: Level) -> u32 {
    level as u32
}

#[expect(clippy::as_conversions, reason = "a fieldless enum with the ABI's own numbers")]
const fn status_code(status: proxy_wasm::types::Status) -> u32 {
    status as u32
}
