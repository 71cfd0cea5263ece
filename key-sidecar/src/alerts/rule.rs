//! When is an alert due? From figures and what was said before, nothing else.
//!
//! A threshold fires once for each period. It is armed again only by a raised cap that it lies above
//! the spend of: a refund that takes the spend below it and calls that take it above once more are no
//! news. What counts is what calls have cost and people have corrected; what is presumed is not.

use std::collections::BTreeMap;
use std::fmt;

use ledger::money::record::Account;
use wire::money::Nanos;

/// A part of a cap, in percent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Threshold(pub u16);

/// The whole of a cap, in percent.
const WHOLE: u128 = 100;

impl fmt::Display for Threshold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}%", self.0)
    }
}

/// What is remembered of a threshold that fired in a period.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fired {
    /// How often; more than once only where the cap was raised.
    pub times: u32,
    /// Whether it may fire again.
    pub armed: bool,
    /// The cap of the last time.
    pub cap: Nanos,
}

/// What is to be remembered now; where `armed` is false, it is to be told, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Step {
    /// Of which threshold.
    pub threshold: Threshold,
    /// What to remember.
    pub fired: Fired,
}

/// What of an account is spent for sure: settled and corrected.
#[must_use]
pub fn spent(account: &Account) -> Nanos {
    let settled = i64::try_from(account.settled.0).unwrap_or(i64::MAX);
    let spent = settled.saturating_add(account.corrected);
    Nanos(u64::try_from(spent).unwrap_or(0))
}

/// What follows from an account's figures, the lowest threshold first.
#[must_use]
pub fn judge(
    account: &Account,
    thresholds: &[Threshold],
    before: &BTreeMap<Threshold, Fired>,
) -> Vec<Step> {
    let mut thresholds = thresholds.to_vec();
    thresholds.sort_unstable();
    thresholds.dedup();
    let steps = thresholds.into_iter().filter_map(|threshold| {
        let before = before.get(&threshold);
        let reached = account.cap.filter(|cap| reaches(spent(account), *cap, threshold));
        let fired = match (before, reached) {
            (None, Some(cap)) => Fired { times: 1, armed: false, cap },
            (Some(before), Some(cap)) if before.armed => {
                Fired { times: before.times.saturating_add(1), armed: false, cap }
            }
            (Some(before), None) if !before.armed && is_raised(before.cap, account.cap) => {
                Fired { armed: true, ..*before }
            }
            _ => return None,
        };
        Some(Step { threshold, fired })
    });
    steps.collect()
}

/// A budget of nothing of which nothing was spent is not used up.
fn reaches(spent: Nanos, cap: Nanos, threshold: Threshold) -> bool {
    spent > Nanos::ZERO
        && u128::from(spent.0) * WHOLE >= u128::from(cap.0) * u128::from(threshold.0)
}

/// No cap is above every cap.
fn is_raised(before: Nanos, now: Option<Nanos>) -> bool {
    now.is_none_or(|now| now > before)
}

#[cfg(test)]
mod tests {
    use wire::ids::BudgetName;
    use wire::units::UnixMillis;

    use super::*;

    /// A period of one budget, and what its owner has heard so far.
    struct Month {
        account: Account,
        fired: BTreeMap<Threshold, Fired>,
    }

    impl Month {
        fn new(cap: u64) -> Self {
            let account = Account {
                budget: BudgetName::parse("acme").unwrap(),
                period: "2026-11".into(),
                within: None,
                starts: UnixMillis(0),
                ends: None,
                cap: Some(Nanos(cap)),
                settled: Nanos::ZERO,
                presumed: Nanos(1_000_000),
                corrected: 0,
                reserved: Nanos(1_000_000),
            };
            Self { account, fired: BTreeMap::new() }
        }

        /// What is told when so much is spent.
        fn spends(&mut self, settled: u64) -> Vec<String> {
            self.account.settled = Nanos(settled);
            let thresholds = [100, 50, 80].map(Threshold);
            let steps = judge(&self.account, &thresholds, &self.fired);
            self.fired.extend(steps.iter().map(|step| (step.threshold, step.fired)));
            let told = steps.iter().filter(|step| !step.fired.armed);
            told.map(|step| step.threshold.to_string()).collect()
        }
    }

    #[test]
    fn each_threshold_is_told_once_and_a_jump_tells_all_in_order() {
        let mut month = Month::new(100);
        assert!(month.spends(49).is_empty());
        assert_eq!(month.spends(50), ["50%"]);
        assert!(month.spends(79).is_empty());
        assert_eq!(month.spends(250), ["80%", "100%"]);
        assert!(month.spends(300).is_empty());
        assert_eq!(Month::new(100).spends(100), ["50%", "80%", "100%"]);
    }

    #[test]
    fn a_raised_cap_arms_what_lies_above_the_spend_and_nothing_else() {
        let mut month = Month::new(100);
        month.spends(100);
        month.account.cap = Some(Nanos(150));
        assert!(month.spends(100).is_empty());
        assert_eq!(month.spends(120), ["80%"]);
        assert_eq!(month.spends(150), ["100%"]);
        assert_eq!(month.fired[&Threshold(50)].times, 1);
        assert_eq!(month.fired[&Threshold(80)].times, 2);
    }

    #[test]
    fn a_refund_arms_nothing() {
        let mut month = Month::new(100);
        month.spends(80);
        month.account.corrected = -40;
        assert!(month.spends(80).is_empty());
        assert!(month.spends(120).is_empty());
        month.account.corrected = 0;
        assert_eq!(month.spends(120), ["100%"]);
    }

    #[test]
    fn nothing_spent_of_nothing_is_no_alert_and_no_cap_none_either() {
        let mut month = Month::new(0);
        assert!(month.spends(0).is_empty());
        assert_eq!(month.spends(1), ["50%", "80%", "100%"]);
        let mut month = Month::new(1);
        month.account.cap = None;
        assert!(month.spends(u64::MAX / 2).is_empty());
    }

    #[test]
    fn what_would_overflow_is_judged_right() {
        let mut month = Month::new(Nanos::MAX.0);
        assert!(month.spends(Nanos::MAX.0 / 2).is_empty());
        assert_eq!(month.spends(Nanos::MAX.0), ["50%", "80%", "100%"]);
    }
}
