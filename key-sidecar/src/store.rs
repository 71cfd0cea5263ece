//! The ledger of money on disk: what a command changed is one transaction, durable when it returns.
//!
//! [`Store`] is all that the service needs: the records at the start, and a commit. [`sqlite`] is
//! the store that serves, [`memory`] the one of tests; both book what `plan` makes of a slice of
//! changes, and one conformance suite runs on both. [`spend`] reads the file beside the service,
//! for the command line, alerts and exports. [`fits`] says before the ledger does what could not be
//! kept.
//!
//! Invariant: entries are appended, numbered without a gap, and never change.

pub mod error;
pub mod fits;
pub mod memory;
mod plan;
pub mod spend;
pub mod sqlite;

pub use error::{Fault, StoreError};
use ledger::money::record::{Change, Image};
use wire::units::Millis;

/// How long after its end a term is still loaded at the start. A holder that was cut off for longer
/// than a month settles on its present term.
pub const LATE_WORD_MAX: Millis = Millis(35 * 24 * 60 * 60 * 1000);

/// Where the ledger's changes are made durable. One writer.
pub trait Store: Send {
    /// Everything that the ledger needs to go on.
    ///
    /// # Errors
    /// [`StoreError`]: it cannot be read, or a record in it is none.
    fn load(&mut self) -> Result<Image, StoreError>;

    /// Makes all of these durable, or none of them. They may be those of many commands, in order;
    /// of two records with one key only the last is written.
    ///
    /// # Errors
    /// [`StoreError`]; nothing has been stored then, and the store can go on.
    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}
