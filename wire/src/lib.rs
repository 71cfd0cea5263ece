//! The contract between the plugin (in Envoy) and the sidecar: what both sides must mean alike.
//!
//! Units and ids are types, the route and path rules that policy and filter share live here, and so
//! does the one message that they exchange, [`sync`]. No I/O, no clock, no panic path: the lint table
//! in `Cargo.toml` holds this crate to it. Neighbours: `plugin/admission` decides with these types,
//! `key-sidecar/ledger` lends with them, `policies` makes them from JSON.
#![no_std]

extern crate alloc;

pub mod budget;
pub mod client_key;
pub mod facts;
pub mod frame;
pub mod ids;
pub mod limit;
pub mod money;
pub mod path;
pub mod route;
pub mod secret;
pub mod sync;
pub mod tariff;
pub mod units;
pub mod usage;

/// The header that is guard and binding at once (DESIGN section 5): the plugin sets it to the name of
/// the service that it judged, and the only route to that service's cluster matches on it.
pub const MARK_HEADER: &str = "x-tollkeeper-service";

/// Where the sidecar answers [`sync`].
pub const SYNC_PATH: &str = "/v1/sync";

/// The sidecar names its protocol version in this header; an answer without it is not from a sidecar.
pub const PROTOCOL_HEADER: &str = "x-tollkeeper-protocol";
