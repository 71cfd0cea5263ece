//! The ledger of money: accounts, leases, settlements, corrections; append-only and durable.
//!
//! Pure, as all of this crate: a command and the time go in, a reply and the [`record::Change`]s come
//! out that a store must make durable *before* the reply is sent. What was never stored was never said.
//!
//! An **account** is one period of one budget. Spend belongs to accounts; nothing is ever reset, a
//! new period is a new account. A **term** is one account of a budget and one of each above it; money
//! is lent and settled by term, and counts against all its accounts. Invariant, asserted around every
//! command: `spent + reserved <= cap` for every account, but for debt that a settlement above its hold
//! or a lowered cap has made. Neighbours: [`command`] is what can be asked, [`record`] what is stored.

pub mod command;
pub mod record;
