//! How columns write what is more than a number: the words of entries, and quantities in two parts.

use ledger::money::record::What;
use wire::money::Quantity;

/// The word of an entry, which says in which table the rest of it is.
pub(super) const fn word(what: &What) -> &'static str {
    match what {
        What::Settled { .. } => "settled",
        What::Presumed { .. } => "presumed",
        What::Unpresumed { .. } => "unpresumed",
        What::Corrected { .. } => "corrected",
        What::Capped { .. } => "capped",
    }
}

/// Whole units and millionths. In one number of millionths, what an upstream says it counted could
/// be more than a column holds, and sums of it all the more.
pub(super) fn split(Quantity(micros): Quantity) -> (i64, i64) {
    let part = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let one = Quantity::ONE.0;
    (part(micros.checked_div(one).unwrap_or(0)), part(micros.checked_rem(one).unwrap_or(0)))
}
