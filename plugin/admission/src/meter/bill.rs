//! What a call is charged, and why.

use std::sync::Arc;

use wire::budget::Basis;
use wire::money::{Nanos, Quantity};
use wire::usage::Kind;

use super::note::Note;
use crate::price::PriceRow;

/// The end of a metered call.
#[derive(Clone, Debug)]
pub struct Bill {
    /// What it is charged.
    pub cost: Nanos,
    /// What the cost rests on.
    pub basis: Basis,
    /// What was counted, of each kind that was used.
    pub counts: Vec<(Kind, Quantity)>,
    /// The model that served, or the one asked for.
    pub model: Option<Arc<str>>,
    /// The way to be served whose prices were taken.
    pub variant: Option<String>,
    /// The provider's own id of the answer.
    pub upstream_id: Option<String>,
    /// Nothing is missing: the cost is no estimate.
    pub usage_complete: bool,
    /// Tokens of the prompt, cached ones included: what decides the tier.
    pub total_input: u64,
    /// What the counted usage costs, or the provider states; `None` if nothing was seen.
    pub measured: Option<Nanos>,
    /// The products that `measured` is the sum of.
    pub rows: Vec<PriceRow>,
    /// Their sum in pico-units, a fraction rounded up.
    pub picos: Option<u128>,
    /// What is worth saying.
    pub notes: Vec<Note>,
    /// The answer's status; 0 if there was none.
    pub status: u16,
}

impl Bill {
    /// A bill of this much, with nothing counted.
    pub(super) const fn new(cost: Nanos, basis: Basis, status: u16) -> Self {
        Self {
            cost,
            basis,
            counts: Vec::new(),
            model: None,
            variant: None,
            upstream_id: None,
            usage_complete: !basis.is_estimate(),
            total_input: 0,
            measured: None,
            rows: Vec::new(),
            picos: None,
            notes: Vec::new(),
            status,
        }
    }
}
