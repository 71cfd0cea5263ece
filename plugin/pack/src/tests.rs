//! Small modules, each with one thing right or wrong.

use walrus::{ImportKind, Module};

use crate::contract::{EXPORTS, RENAMED};
use crate::{PackError, pack};

/// A module with all exports, and room for more text in it.
fn module(imports: &str, rest: &str) -> Vec<u8> {
    let names = EXPORTS.iter().map(|line| line.name).filter(|name| *name != "memory");
    let own = RENAMED.iter().map(|(own, _)| *own);
    let exports: String =
        names.chain(own).map(|name| format!("(func (export \"{name}\"))")).collect();
    let text = format!("(module {imports} (memory (export \"memory\") 1) {exports} {rest})");
    wat::parse_str(text).unwrap()
}

fn parsed(packed: &[u8]) -> Module {
    Module::from_buffer(packed).unwrap()
}

#[test]
fn only_our_exports_are_left_and_what_they_alone_needed_is_gone() {
    let linked = module(
        r#"(import "env" "proxy_surprise" (func $surprise (param i32) (result i32)))"#,
        r#"(func $helper (drop (call $surprise (i32.const 1))))
           (func (export "proxy_on_request_metadata") (call $helper))"#,
    );
    let packed = parsed(&pack(&linked).unwrap());
    assert_eq!(packed.exports.iter().count(), EXPORTS.len());
    assert_eq!(packed.imports.iter().count(), 0);
    assert_eq!(packed.funcs.iter().count(), EXPORTS.len() - 1);
}

#[test]
fn a_missing_export_is_named() {
    let linked = wat::parse_str(r#"(module (memory (export "memory") 1))"#).unwrap();
    let error = pack(&linked).unwrap_err();
    assert!(error.to_string().contains("tollkeeper_on_request_headers"));
    let linked = wat::parse_str(
        r#"(module (memory (export "memory") 1) (func (export "tollkeeper_on_request_headers")))"#,
    );
    let error = pack(&linked.unwrap()).unwrap_err();
    assert!(error.to_string().contains("proxy_on_tick"));
    assert!(!error.to_string().contains("memory,"), "it has one: {error}");
}

#[test]
fn our_own_entry_ships_in_place_of_the_sdks() {
    let linked = module(r#"(import "env" "proxy_log" (func $ours))"#, "");
    let mut linked = parsed(&linked);
    // Only our own entry calls the host here: if the import is still needed, it is ours that ships.
    let ours = linked.imports.iter().find_map(|import| match import.kind {
        ImportKind::Function(function) => Some(function),
        _ => None,
    });
    let (own, sdk) = RENAMED[0];
    linked.exports.remove(own).unwrap();
    linked.exports.add(own, ours.unwrap());
    let packed = parsed(&pack(&linked.emit_wasm()).unwrap());
    assert_eq!(packed.imports.iter().count(), 1);
    assert!(packed.exports.iter().any(|export| export.name == sdk));
    assert!(packed.exports.iter().all(|export| export.name != own));
}

#[test]
fn a_host_call_that_is_not_allowed_is_named() {
    let linked = module(
        r#"(import "env" "proxy_surprise" (func $surprise))"#,
        "(elem (i32.const 0) $surprise) (table 1 funcref)
         (func $go (call_indirect (i32.const 0))) (start $go)",
    );
    let error = pack(&linked).unwrap_err();
    assert!(matches!(&error, PackError::ImportsRefused(names) if names == &["env.proxy_surprise"]));

    let linked = module(
        r#"(import "wasi_snapshot_preview1" "path_open" (func $open))"#,
        "(elem (i32.const 0) $open) (table 1 funcref)
         (func $go (call_indirect (i32.const 0))) (start $go)",
    );
    let error = pack(&linked).unwrap_err();
    assert!(error.to_string().contains("wasi_snapshot_preview1.path_open"));
}

#[test]
fn what_only_the_sdks_tables_refer_to_becomes_a_trap() {
    let linked = module(
        r#"(import "env" "proxy_grpc_close" (func $close (param i32) (result i32)))
           (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))"#,
        "(elem (i32.const 0) $close $log) (table 2 funcref)
         (func $go (call_indirect (i32.const 0))) (start $go)",
    );
    let packed = parsed(&pack(&linked).unwrap());
    let imports: Vec<&str> = packed.imports.iter().map(|i| i.name.as_str()).collect();
    assert_eq!(imports, ["proxy_log"]);
}

#[test]
fn what_is_no_module_is_refused() {
    assert!(matches!(pack(b"\0asm"), Err(PackError::NotAModule(_))));
    assert!(matches!(pack(b"{}"), Err(PackError::NotAModule(_))));
}

#[test]
fn packing_is_reproducible() {
    let linked = module("", "(func $dead)");
    assert_eq!(pack(&linked).unwrap(), pack(&linked).unwrap());
}
