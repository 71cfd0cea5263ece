//! The command `spend forecast`.

use std::collections::BTreeMap;

use clap::Args;
use ledger::money::record::Account;
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use super::super::super::output::{Failure, note, print, print_json};
use super::super::amount::Money;
use super::super::calendar::{Calendar, Span};
use super::super::charge::{Book, Selection, Spent};
use super::super::source::{Ledger, Words};
use super::Forecast;
use super::report::{json, report};
use crate::clock::Clock;
use crate::config::Config;

/// Show what the present periods will have cost.
#[derive(Debug, Args)]
pub(in crate::cli) struct Ask {
    /// Only this budget
    #[arg(long, value_parser = BudgetName::parse)]
    budget: Option<BudgetName>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Ask {
    pub(in super::super) fn run(self, config: &Config) -> Result<(), Failure> {
        let ledger = Ledger::open(&config.state)?;
        let _still = ledger.still()?;
        let book = ledger.book()?;
        let words = Words::load(config, &book);
        let now = Clock::system().wall();
        let accounts = present(&book, self.budget.as_ref(), now);
        let days = daily(&ledger, &book, &accounts, &words.calendar, now)?;
        let forecast =
            |(account, days): (&&Account, &Vec<Money>)| Forecast::new(account, days, now);
        let forecasts: Vec<_> = accounts.iter().zip(&days).map(forecast).collect();
        if self.json {
            return print_json(&json(&forecasts, &words.currency));
        }
        if forecasts.is_empty() {
            note("no budget has a period now in which something was called");
            return Ok(());
        }
        print(&report(&forecasts, &words.calendar, &words.currency))
    }
}

/// The accounts whose period is now. A budget that has not begun has none.
fn present<'b>(book: &'b Book, only: Option<&BudgetName>, now: UnixMillis) -> Vec<&'b Account> {
    let is_now = |account: &&Account| {
        Span { starts: account.starts, ends: account.ends }.contains(now)
            && only.is_none_or(|budget| account.budget == *budget)
    };
    book.accounts.iter().filter(is_now).collect()
}

/// What each account's whole days have cost so far, in their order. A day without a call is one.
fn daily(
    ledger: &Ledger,
    book: &Book,
    accounts: &[&Account],
    calendar: &Calendar,
    now: UnixMillis,
) -> Result<Vec<Vec<Money>>, Failure> {
    let starts = accounts.iter().map(|account| account.starts).min();
    let span = Span { starts: starts.unwrap_or(now), ends: None };
    let mut costs: Vec<BTreeMap<UnixMillis, Money>> =
        accounts.iter().map(|account| whole_days(account, calendar, now)).collect();
    for entry in ledger.entries(&Selection::of(span))? {
        let entry = entry?;
        let Some(charge) = book.charge(&entry) else { continue };
        if matches!(charge.what, Spent::Corrected { .. }) {
            continue;
        }
        let day = calendar.day(charge.at).starts;
        for (account, costs) in accounts.iter().zip(&mut costs) {
            let on = |(budget, period): &(BudgetName, _)| {
                *budget == account.budget && *period == account.period
            };
            if charge.accounts.iter().any(on)
                && let Some(cost) = costs.get_mut(&day)
            {
                *cost = *cost + charge.cost();
            }
        }
    }
    Ok(costs.into_iter().map(|costs| costs.into_values().collect()).collect())
}

/// The account's days that are over and lie wholly in its period, none of which has cost anything.
fn whole_days(
    account: &Account,
    calendar: &Calendar,
    now: UnixMillis,
) -> BTreeMap<UnixMillis, Money> {
    /// A year and a day: no period with an end is longer that a range of days says much about.
    const DAYS_MAX: usize = 367;
    let mut days = BTreeMap::new();
    let mut day = calendar.day(account.starts);
    while let Some(ends) = day.ends.filter(|ends| *ends <= now && days.len() < DAYS_MAX) {
        if day.starts >= account.starts {
            days.insert(day.starts, Money::ZERO);
        }
        day = calendar.day(ends);
    }
    days
}
