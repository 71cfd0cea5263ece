//! `spend forecast`: what a period will have cost at its end, if it goes on as it has.
//!
//! Spend so far divided by the elapsed share of the period: whole numbers, rounded for display only.
//! Not before a tenth of the period is over, because a morning says little about a month. From three
//! whole days on there is a range: the days to come as its quieter and its busier days were (the
//! quartiles). Corrections happen once, so they are added, not multiplied. Pure.

pub(super) mod command;
mod report;

use ledger::money::record::Account;
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use super::amount::Money;
use super::show::spent;

/// The first share of a period that says nothing: one part in so many.
const TOO_EARLY: u64 = 10;
/// A range needs so many whole days.
const DAYS_MIN: usize = 3;
const DAY_MS: i128 = 86_400_000;

/// What lies ahead of a budget.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Forecast {
    pub(super) budget: BudgetName,
    pub(super) period: String,
    pub(super) cap: Option<Money>,
    pub(super) spent: Money,
    pub(super) outlook: Outlook,
}

/// What can be said.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Outlook {
    /// Less than a tenth of the period is over; it is at this instant.
    TooEarly(UnixMillis),
    /// The period has no end.
    NoEnd,
    /// At the end of the period it will be this.
    Expected {
        /// At the pace so far.
        expected: Money,
        /// As on quieter days, and as on busier ones; `None` before there are enough days.
        range: Option<(Money, Money)>,
        /// What becomes of the cap.
        cap: CapOutlook,
    },
}

/// What becomes of a cap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum CapOutlook {
    /// There is none.
    Unlimited,
    /// It is not reached in this period.
    Holds,
    /// At the pace so far it is reached then.
    ReachedAt(UnixMillis),
    /// It is reached.
    Reached,
}

impl Forecast {
    /// Of the present period; `days` are the costs of its whole days so far.
    pub(super) fn new(account: &Account, days: &[Money], now: UnixMillis) -> Self {
        let spent = spent(account);
        Self {
            budget: account.budget.clone(),
            period: account.period.to_string(),
            cap: account.cap.map(Money::from),
            spent,
            outlook: outlook(account, days, now),
        }
    }
}

fn outlook(account: &Account, days: &[Money], now: UnixMillis) -> Outlook {
    let Some(ends) = account.ends else {
        return Outlook::NoEnd;
    };
    let length = ends.since(account.starts).0;
    let elapsed = now.since(account.starts).0.min(length);
    let enough = length.div_ceil(TOO_EARLY);
    if elapsed < enough.max(1) {
        return Outlook::TooEarly(UnixMillis(account.starts.0.saturating_add(enough)));
    }
    let corrected = Money(account.corrected.into());
    let used = spent(account) - corrected;
    let expected = scaled(used, length.into(), elapsed.into()) + corrected;
    let left = i128::from(length.saturating_sub(elapsed));
    let range = range(days).map(|(quiet, busy)| {
        let end = |day: Money| used + scaled(day, left, DAY_MS) + corrected;
        (end(quiet).min(expected), end(busy).max(expected))
    });
    let cap = cap_outlook(account, used, elapsed, now, ends);
    Outlook::Expected { expected, range, cap }
}

fn cap_outlook(
    account: &Account,
    used: Money,
    elapsed: u64,
    now: UnixMillis,
    ends: UnixMillis,
) -> CapOutlook {
    let Some(cap) = account.cap.map(Money::from) else {
        return CapOutlook::Unlimited;
    };
    let left = cap - spent(account);
    if left <= Money::ZERO {
        return CapOutlook::Reached;
    }
    if used <= Money::ZERO {
        return CapOutlook::Holds;
    }
    // The time that what is left lasts, at what was used in the time so far.
    let lasts = scaled(Money(elapsed.into()), left.0, used.0).0;
    let at = u64::try_from(lasts).ok().and_then(|lasts| now.0.checked_add(lasts));
    match at.map(UnixMillis).filter(|at| *at < ends) {
        Some(at) => CapOutlook::ReachedAt(at),
        None => CapOutlook::Holds,
    }
}

/// `amount * times / by`, to the nearest; at the bounds of what can be held, those.
fn scaled(amount: Money, times: i128, by: i128) -> Money {
    let doubled = amount.0.saturating_mul(times).saturating_mul(2).saturating_add(by);
    Money(doubled.checked_div_euclid(by.saturating_mul(2)).unwrap_or(i128::MAX))
}

/// A quieter day and a busier one: the lower and the upper quartile, by rank.
fn range(days: &[Money]) -> Option<(Money, Money)> {
    if days.len() < DAYS_MIN {
        return None;
    }
    let mut sorted = days.to_vec();
    sorted.sort_unstable();
    let rank = sorted.len().div_ceil(4).saturating_sub(1);
    let quiet = sorted.get(rank)?;
    let busy = sorted.iter().rev().nth(rank)?;
    Some((*quiet, *busy))
}

#[cfg(test)]
mod tests;
