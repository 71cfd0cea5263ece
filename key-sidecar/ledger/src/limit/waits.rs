//! How long until: the next slice for a holder, the next unit for a caller, the limit whole again.
//!
//! Two waits, because they are for two: `ask_again` keeps hungry holders from crowding the ledger
//! and is never longer than a second; `retry` is what a refused caller is told, and is as long as
//! it is.

use wire::units::Millis;

use crate::limit::Limit;
use crate::slice::{ASK_AGAIN_MAX, ASK_AGAIN_MIN, queue};
use crate::stock::{Moment, Stock};

impl Limit {
    /// When a slice worth fetching should be there.
    pub(super) fn wait_for_slice(&self, hungry: u64, elsewhere: bool, moment: &Moment) -> Millis {
        match &self.stock {
            Stock::Bucket(bucket) => {
                let next = bucket.next_unit(self.out()).unwrap_or(ASK_AGAIN_MIN);
                queue(next, bucket.emission(), hungry)
            }
            _ if self.level(moment) > 0 => ASK_AGAIN_MIN,
            Stock::Days(_) if !elsewhere => ASK_AGAIN_MAX,
            Stock::Days(_) => Millis(ASK_AGAIN_MIN.0.saturating_mul(hungry)),
            Stock::Places(places) => {
                queue(Millis::ZERO, Millis(ASK_AGAIN_MIN.0 / places.places().max(1)), hungry)
            }
        }
    }

    /// When a caller who is refused now may expect one: never 0, which would be no refusal.
    pub(super) fn wait_for_unit(&self, elsewhere: bool, moment: &Moment) -> Millis {
        let wait = match &self.stock {
            Stock::Bucket(bucket) => {
                let next = bucket.next_unit(self.out()).unwrap_or(ASK_AGAIN_MAX);
                if elsewhere { next.min(ASK_AGAIN_MAX) } else { next }
            }
            Stock::Days(days) if self.level(moment) == 0 && !elsewhere => {
                days.over_in(moment.day, moment.wall).unwrap_or(ASK_AGAIN_MAX)
            }
            Stock::Places(_)
                if self.lent == 0 && self.level(moment) == 0 && self.held.units > 0 =>
            {
                self.held.until.since(moment.now)
            }
            Stock::Days(_) | Stock::Places(_) => ASK_AGAIN_MAX,
        };
        wait.max(Millis(1))
    }

    pub(super) fn resets(&self, moment: &Moment) -> Millis {
        match &self.stock {
            Stock::Bucket(bucket) => bucket.full_in(),
            Stock::Days(days) => days.over_in(moment.day, moment.wall).unwrap_or(ASK_AGAIN_MAX),
            Stock::Places(_) if self.out() > 0 => ASK_AGAIN_MAX,
            Stock::Places(_) => Millis::ZERO,
        }
    }
}
