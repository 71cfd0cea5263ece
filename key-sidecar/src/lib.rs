//! The sidecar: keeps credentials under an HSM key, lends limits to the plugins, and is the command
//! line by which people do everything.
//!
//! A request's way: [`front`] takes a sync from the Unix socket, [`service`] answers it from the
//! policy, the ledger, the client keys in [`directory`] and the sealed records in [`credential`],
//! whose keys only [`hsm`] can derive. [`cli`] is what people call; [`serve`] is the service.

pub mod admin;
pub mod alerts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod credential;
pub mod directory;
pub mod door;
pub mod exit;
pub mod files;
pub mod front;
pub mod hsm;
pub mod metrics;
pub mod near;
pub mod page;
pub mod serve;
pub mod service;
pub mod store;
pub mod watch;
