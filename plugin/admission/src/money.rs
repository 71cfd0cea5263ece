//! Money at the gate: what a call may cost, what is reserved for it, and what it has cost.
//!
//! A request's way: [`fare`] knows what the calls of its route cost and what must be known first,
//! [`purse`] holds what this VM was lent of its budget, [`toll`] is what an admitted call owes until
//! it is over, [`unsaid`] keeps what the ledger has not heard yet. [`purses`] are all of them together,
//! found by name, with the lines of a sync. Nothing here is void when the ledger's memory begins a new
//! life: money is durable there.

mod demand;
pub mod fare;
pub mod purse;
pub mod purses;
pub mod toll;
pub mod unsaid;
