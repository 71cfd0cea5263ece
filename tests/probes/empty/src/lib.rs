//! A filter that lets everything pass: the floor that the bench compares ours with.
//!
//! What it costs is what Envoy, the VM and the SDK cost, before a filter does anything.

#![expect(missing_docs, reason = "the SDK's macro exports an undocumented `_initialize`")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| -> Box<dyn RootContext> { Box::new(Empty) });
}}

struct Empty;

impl Context for Empty {}

impl RootContext for Empty {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Self))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// Every callback is the SDK's own: it returns `Continue`.
impl HttpContext for Empty {}
