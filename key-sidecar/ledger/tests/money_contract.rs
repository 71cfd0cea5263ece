//! What may holders, finance and the store rely on where money is concerned? One rule a test.
//!
//! After every command the store beside the ledger holds exactly what the ledger is, and a refusal
//! has changed nothing: `Desk::apply` asserts it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test is supposed to stop there")]

#[path = "contract_money/desk.rs"]
mod desk;
#[path = "naive_money/replica.rs"]
mod replica;

#[path = "contract_money/calendar.rs"]
mod calendar;
#[path = "contract_money/corrections.rs"]
mod corrections;
#[path = "contract_money/loading.rs"]
mod loading;
#[path = "contract_money/loans.rs"]
mod loans;
#[path = "contract_money/never_lost.rs"]
mod never_lost;
#[path = "contract_money/once.rs"]
mod once;
#[path = "contract_money/policy.rs"]
mod policy;
#[path = "contract_money/shortage.rs"]
mod shortage;
#[path = "contract_money/silence.rs"]
mod silence;
