//! The proxy-wasm filter: an adapter between Envoy and `admission`, which decides.
//!
//! A request through the files: [`stream`] gets the callbacks, [`host`] its headers as bytes, `admission`
//! decides, [`stream`] applies the edits or sends the refusal. A request that must wait has a [`seat`],
//! which knows its body as well; [`waiting`] keeps it until [`root`], which ticks and talks to the sidecar,
//! has an answer. [`answer`] sees what comes back: the credential stays here, and what the call cost is
//! settled. [`configuration`] is what the operator writes in `envoy.yaml`; [`metrics`] hands the counters
//! to Envoy.
//!
//! No panic path of ours: a panic here is an outage of a worker. What the SDK keeps of its own is in
//! `README.md` beside this crate.

#![expect(missing_docs, reason = "the SDK's macro exports an undocumented `_initialize`")]

use proxy_wasm::traits::RootContext;

mod answer;
mod configuration;
mod host;
mod metrics;
mod root;
mod seat;
mod stream;
mod waiting;

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|id| -> Box<dyn RootContext> { Box::new(root::Root::new(id)) });
}}
