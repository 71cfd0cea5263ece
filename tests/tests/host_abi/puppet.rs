//! Modules written as text: callbacks with a few host calls, and words for what these return.

use std::fmt::Write;

use tollkeeper_tests::host::{Module, Vm};

/// The parts of a module under construction.
#[derive(Default)]
pub(crate) struct Puppet {
    data: Vec<u8>,
    functions: String,
}

impl Puppet {
    /// Keeps a text in the module's memory; returns its address and length as two operands.
    pub(crate) fn text(&mut self, text: impl AsRef<[u8]>) -> String {
        let text = text.as_ref();
        let at = DATA_AT + self.data.len();
        self.data.extend(text);
        format!("(i32.const {at}) (i32.const {})", text.len())
    }

    /// Keeps a map of headers in the form of the ABI.
    pub(crate) fn map(&mut self, headers: &[(&str, &str)]) -> String {
        let length = |len: usize| u32::try_from(len).unwrap().to_le_bytes();
        let mut bytes = length(headers.len()).to_vec();
        for (name, value) in headers {
            bytes.extend([length(name.len()), length(value.len())].concat());
        }
        for (name, value) in headers {
            bytes.extend([name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
        }
        self.text(bytes)
    }

    /// A callback: its name, its parameters and result, its body.
    pub(crate) fn on(mut self, callback: &str, signature: &str, body: &str) -> Self {
        let function = format!("(func (export \"proxy_on_{callback}\") {signature} {body})\n");
        self.functions.push_str(&function);
        self
    }

    /// `on_request_headers` that ends with `action`.
    pub(crate) fn on_request(self, body: &str, action: u32) -> Self {
        let body = format!("{body} (i32.const {action})");
        self.on("request_headers", STREAM_HEADERS, &body)
    }

    /// `on_response_headers` that lets the answer pass.
    pub(crate) fn on_response(self, body: &str) -> Self {
        let body = format!("{body} (i32.const 0)");
        self.on("response_headers", STREAM_HEADERS, &body)
    }

    /// `on_configure` that agrees.
    pub(crate) fn on_configure(self, body: &str) -> Self {
        let body = format!("{body} (i32.const 1)");
        self.on("configure", "(param $id i32) (param $size i32) (result i32)", &body)
    }

    pub(crate) fn on_tick(self, body: &str) -> Self {
        self.on("tick", "(param $id i32)", body)
    }

    pub(crate) fn module(self) -> Module {
        let mut data = String::new();
        for byte in &self.data {
            write!(data, "\\{byte:02x}").unwrap();
        }
        let text = format!(
            "(module {PRELUDE} (data (i32.const {DATA_AT}) \"{data}\")\n{})",
            self.functions
        );
        let bytes = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        Module::from_bytes(&bytes).unwrap()
    }

    pub(crate) fn start(self) -> Vm {
        Vm::start(&self.module(), "config").unwrap()
    }
}

/// What the module has said with `$say`, in order.
pub(crate) fn said(vm: &Vm) -> Vec<u32> {
    let logs = vm.logs().iter();
    logs.map(|line| line.text.parse().unwrap()).collect()
}

pub(crate) const GET: [(&str, &str); 3] =
    [(":method", "GET"), (":path", "/v1/models"), (":authority", "gate")];

/// Wants a pointer and a size.
pub(crate) const OUT: &str = "(i32.const 16) (i32.const 20)";
/// The size that a call wrote.
pub(crate) const OUT_SIZE: &str = "(i32.load (i32.const 20))";
pub(crate) const CONTINUE: u32 = 0;
pub(crate) const PAUSE: u32 = 1;
const STREAM_HEADERS: &str = "(param $id i32) (param $count i32) (param $end i32) (result i32)";
const DATA_AT: usize = 1024;

/// Imports, a memory whose allocator never frees, `$say`, which logs a number of two digits,
/// and `$same`, which compares memory.
const PRELUDE: &str = r#"
(import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_log_level" (func $log_level (param i32) (result i32)))
(import "env" "proxy_get_buffer_bytes" (func $buffer (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_header_map_value" (func $value (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_replace_header_map_value" (func $replace (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_remove_header_map_value" (func $remove (param i32 i32 i32) (result i32)))
(import "env" "proxy_set_header_map_pairs" (func $set_pairs (param i32 i32 i32) (result i32)))
(import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_continue_stream" (func $resume (param i32) (result i32)))
(import "env" "proxy_send_local_response"
  (func $reply (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_http_call"
  (func $http (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_effective_context" (func $speak_for (param i32) (result i32)))
(import "env" "proxy_set_tick_period_milliseconds" (func $tick_every (param i32) (result i32)))
(import "env" "proxy_done" (func $done (result i32)))
(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))
(import "env" "proxy_define_metric" (func $define (param i32 i32 i32 i32) (result i32)))
(import "env" "proxy_increment_metric" (func $increment (param i32 i64) (result i32)))
(import "env" "proxy_record_metric" (func $record (param i32 i64) (result i32)))
(import "env" "proxy_get_metric" (func $metric (param i32 i32) (result i32)))
(import "env" "proxy_get_shared_data" (func $get_shared (param i32 i32 i32 i32 i32) (result i32)))
(import "env" "proxy_set_shared_data" (func $set_shared (param i32 i32 i32 i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
(import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
(import "env" "proxy_unheard_of" (func $unheard_of))
(memory (export "memory") 4)
(global $heap (mut i32) (i32.const 65536))
(func (export "proxy_on_memory_allocate") (param $len i32) (result i32)
  (global.get $heap)
  (global.set $heap (i32.add (global.get $heap) (local.get $len))))
(func $say (param $n i32)
  (i32.store8 (i32.const 0) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
  (i32.store8 (i32.const 1) (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10))))
  (drop (call $log (i32.const 2) (i32.const 0) (i32.const 2))))
(func $same (param $a i32) (param $b i32) (param $len i32) (result i32) (local $i i32)
  (loop $next
    (if (i32.ne (i32.load8_u (i32.add (local.get $a) (local.get $i)))
                (i32.load8_u (i32.add (local.get $b) (local.get $i))))
      (then (return (i32.const 0))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $i) (local.get $len))))
  (i32.const 1))
"#;
