//! The ledger of money: accounts, leases, settlements, corrections; append-only and durable.
//!
//! Pure, as all of this crate: a command and the time go in, a reply and the [`record::Change`]s
//! come out that a store must make durable *before* the reply is sent. What was never stored was
//! never said.
//!
//! An **account** is one period of one budget. Spend belongs to accounts; nothing is ever reset, a
//! new period is a new account. A **term** is one account of a budget and one of each above it;
//! money is lent and settled by term, and counts against all its accounts. Invariant, asserted
//! around every command: `spent + reserved <= cap` for every account, but for debt that a
//! settlement above its hold or a lowered cap has made.
//!
//! What a **holder** has to do, so that caps are kept and used up to the last call that fits:
//!
//! 1. It has `free + holds` of a term: all it got, less what it reported as settled or returned.
//!    Should that fall below zero, it has spent more than it was lent; the account carries that (it
//!    counts the whole cost), so the holder sets it to zero when it reports it, and does not ask
//!    for it.
//! 2. `least` is what it lacks for the smallest hold that waits: the hold less `free`, which may be
//!    negative. A wish is served wholly up to `least` or not at all.
//! 3. When recalled it gives back, in its next request, what it does not need in the time until the
//!    one after, and all that is too little for a hold that waits.
//! 4. What it has of a term that is not the present one it gives back as it comes free. For two
//!    terms of one budget it writes two lines, or two requests.
//!
//! Read on: [`command`] is what can be asked, [`record`] what is stored, `state` the control flow;
//! `account`, `term`, `tree`, `lease` and `holder` are the nouns, `settle`, `lend` (with `share`),
//! `expire`, `define` and `correct` the verbs; `check` must hold after each.

mod account;
mod check;
pub mod command;
mod correct;
mod define;
mod expire;
mod figures;
mod holder;
mod image;
mod journal;
mod lease;
mod lend;
mod outcome;
mod recent;
pub mod record;
mod settle;
mod share;
mod state;
mod sync;
mod term;
mod tree;

pub use holder::{HOLDER_FORGOTTEN_AFTER, HOLDERS_MAX, NOBODY};
pub use image::LoadError;
pub use lease::MONEY_TTL;
pub use outcome::{Fault, Outcome};
pub use recent::RECENT_WITHIN;
pub use settle::UNASSIGNED;
pub use share::{ASK_AGAIN_ELSEWHERE_MAX, ASK_AGAIN_MAX, ASK_AGAIN_MIN};
pub use state::MoneyLedger;
pub use tree::PATH_MAX;
