//! The proxy-wasm filter: an adapter between Envoy and `admission`, which decides.
//!
//! A request through the files: [`stream`] gets the callbacks, [`host`] its headers as bytes, `admission`
//! decides, [`stream`] applies the edits or sends the refusal. If the request must wait, [`waiting`] keeps
//! it until [`root`], which ticks and talks to the sidecar, has an answer. [`configuration`] is what the
//! operator writes in `envoy.yaml`; [`metrics`] hands the counters to Envoy.
//!
//! No panic path of ours: a panic here is an outage of a worker. What the SDK keeps of its own is in
//! `README.md` beside this crate.

#![expect(missing_docs, reason = "the SDK's macro exports an undocumented `_initialize`")]

use proxy_wasm::traits::RootContext;

mod configuration;
mod host;
mod metrics;
mod root;
mod stream;
mod waiting;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(root::Root::new(id)) });
}}
