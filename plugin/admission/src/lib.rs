//! The decision: who calls, what they may do, what they have left, and what goes upstream.
//!
//! Pure: no host, no clock, no I/O; time comes in with each call, bytes go out as data. The path of
//! a request is the list of modules: [`request`] reads its head, [`select`] finds the service and
//! route, [`identify`] the client key, [`body`] what the call asks for, where its price depends on that,
//! [`admit`] decides, [`inject`] says what to change, [`denial`] what to answer instead, [`scrub`] and
//! [`meter`] look at the answer. Behind them are what this VM remembers ([`policy`], [`client`],
//! [`credential`], [`leases`], [`money`]) and [`conversation`], which keeps it up to date.
//! `plugin` drives all this in Envoy, `tests` on wasmtime.

pub mod admit;
pub mod ask;
pub mod body;
pub mod client;
pub mod conversation;
pub mod counters;
pub mod credential;
pub mod denial;
pub mod gate;
pub mod identify;
pub mod inject;
pub mod lease;
pub mod leases;
pub mod meter;
pub mod money;
pub mod policy;
pub mod price;
pub mod request;
pub mod scrub;
pub mod select;
