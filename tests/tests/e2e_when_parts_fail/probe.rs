//! A filter made to fail. It marks every request as judged, so that only its failures are refused.

use std::fs;

use tempfile::NamedTempFile;

/// When the probe's `on_configure` fails, and how. In the first VM it always succeeds: Envoy would
/// refuse the configuration otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Configure {
    Succeeds,
    SaysNo,
    Traps,
}

/// The header at which it traps.
pub(crate) const TRAP: &str = "x-trap";

/// The built probe, as a file for Envoy.
pub(crate) fn probe(configure: Configure) -> NamedTempFile {
    let later = match configure {
        Configure::Succeeds => "(i32.const 1)",
        Configure::SaysNo => "(i32.const 0)",
        Configure::Traps => "(unreachable)",
    };
    let module = wat::parse_str(TEXT.replace("$LATER", later)).unwrap();
    let file = NamedTempFile::with_suffix(".wasm").unwrap();
    fs::write(file.path(), module).unwrap();
    file
}

/// The VMs of one Envoy tell each other by shared data that one has been configured.
const TEXT: &str = r#"(module
  (import "env" "proxy_get_shared_data"
    (func $get (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_set_shared_data"
    (func $set (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_get_header_map_value"
    (func $header (param i32 i32 i32 i32 i32) (result i32)))
  (import "env" "proxy_replace_header_map_value"
    (func $replace (param i32 i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 1024) "x-trap")
  (data (i32.const 1056) "x-tollkeeper-service")
  (data (i32.const 1088) "openai")
  (global $free (mut i32) (i32.const 4096))

  (func (export "_initialize"))
  (func (export "proxy_abi_version_0_2_1"))
  ;; In turn, over and over: nothing that Envoy hands over is used for long.
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32) (local $at i32)
    (if (i32.gt_u (i32.add (global.get $free) (local.get $size)) (i32.const 131072))
      (then (global.set $free (i32.const 4096))))
    (local.set $at (global.get $free))
    (global.set $free (i32.add (global.get $free) (local.get $size)))
    (local.get $at))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (if (result i32)
      (i32.eqz (call $get (i32.const 1024) (i32.const 6) (i32.const 8) (i32.const 12) (i32.const 16)))
      (then $LATER)
      (else
        (drop (call $set (i32.const 1024) (i32.const 6) (i32.const 1024) (i32.const 6) (i32.const 0)))
        (i32.const 1))))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (i32.store (i32.const 8) (i32.const 0))
    (drop (call $header (i32.const 0) (i32.const 1024) (i32.const 6) (i32.const 8) (i32.const 12)))
    (if (i32.load (i32.const 8)) (then (unreachable)))
    (drop (call $replace (i32.const 0)
      (i32.const 1056) (i32.const 20) (i32.const 1088) (i32.const 6)))
    (i32.const 0))
)"#;
