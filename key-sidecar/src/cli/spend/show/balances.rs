//! The accounts as they stand: cap, spent, reserved, remaining. Pure.

use ledger::money::record::Account;
use serde_json::{Value, json};
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use super::super::amount::{Money, percent};
use super::super::calendar::Span;
use super::super::charge::Book;
use super::super::table::{Column, table};
use crate::clock::timestamp;

/// What was spent of an account, presumed spend and corrections included.
pub(in super::super) fn spent(account: &Account) -> Money {
    Money::from(account.settled) + account.presumed.into() + Money(account.corrected.into())
}

/// Which accounts a report shows.
#[derive(Clone, Debug)]
pub(in super::super) enum Which {
    /// Those whose period is now.
    At(UnixMillis),
    /// Those of a period's name.
    Period(String),
    /// Those that share some time with this.
    Within(Span),
}

/// The balances, roots first and each followed by what lies in it.
#[derive(Debug)]
pub(in super::super) struct Balances<'b> {
    /// With how deep each lies.
    lines: Vec<(usize, &'b Account)>,
}

impl<'b> Balances<'b> {
    pub(in super::super) fn new(book: &'b Book, which: &Which, only: Option<&BudgetName>) -> Self {
        let shown = |account: &&Account| {
            let span = Span { starts: account.starts, ends: account.ends };
            match which {
                Which::At(now) => span.contains(*now),
                Which::Period(label) => *account.period == **label,
                Which::Within(range) => {
                    span.ends.is_none_or(|ends| range.starts < ends)
                        && range.ends.is_none_or(|ends| span.starts < ends)
                }
            }
        };
        let mut accounts: Vec<_> = book.accounts.iter().filter(shown).collect();
        accounts
            .sort_by(|one, other| (&one.budget, one.starts).cmp(&(&other.budget, other.starts)));
        let mut lines = Vec::new();
        let is_root = |account: &&Account| match &account.within {
            None => true,
            Some(parent) => accounts.iter().all(|other| other.budget != *parent),
        };
        let roots: Vec<_> = accounts.iter().copied().filter(is_root).collect();
        place(&accounts, &roots, 0, &mut lines);
        lines.retain(|(_, account)| only.is_none_or(|budget| account.budget == *budget));
        Self { lines }
    }

    pub(in super::super) const fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// What was spent of the outermost budgets shown: the others lie in them.
    fn total(&self) -> Money {
        let least = self.lines.iter().map(|(depth, _)| *depth).min();
        let outermost = self.lines.iter().filter(|(depth, _)| Some(*depth) == least);
        outermost.map(|(_, account)| spent(account)).sum()
    }

    pub(in super::super) fn table(&self, currency: &str) -> String {
        let accounts = || self.lines.iter().map(|(_, account)| *account);
        let name = |(depth, account): &(usize, &Account)| {
            format!("{}{}", "  ".repeat(*depth), account.budget)
        };
        let with_total = |last: &str| std::iter::once(last.to_owned());
        let none = || std::iter::once(String::new());
        let money =
            |heading, of: fn(&Account) -> Option<Money>, word: &str, total: Option<Money>| {
                let cells = accounts().map(of).chain(total.map(Some));
                let column = Column::money(heading, cells, word);
                if total.is_some() { column } else { column.and("") }
            };
        let periods = accounts().map(|account| account.period.to_string());
        let shares = accounts().map(share);
        table(vec![
            Column::words("BUDGET", self.lines.iter().map(name).chain(with_total("TOTAL"))),
            Column::words("PERIOD", periods.chain(none())),
            money("CAP", cap, "unlimited", None),
            money("SPENT", |account| Some(spent(account)), "", Some(self.total())),
            money("RESERVED", |account| Some(account.reserved.into()), "", None),
            money("REMAINING", remaining, "unlimited", None),
            Column::figures("SHARE", shares.chain(none())),
            Column::words("", accounts().map(|_| currency.to_owned()).chain(with_total(currency))),
        ])
    }

    pub(in super::super) fn json(&self, currency: &str) -> Value {
        let line = |(_, account): &(usize, &Account)| {
            json!({
                "budget": account.budget,
                "within": account.within,
                "period": account.period,
                "starts": timestamp(account.starts),
                "ends": account.ends.map(timestamp),
                "cap": cap(account),
                "spent": spent(account),
                "settled": Money::from(account.settled),
                "presumed": Money::from(account.presumed),
                "corrected": Money(account.corrected.into()),
                "reserved": Money::from(account.reserved),
                "remaining": remaining(account),
                "share": share(account),
            })
        };
        json!({
            "currency": currency,
            "budgets": self.lines.iter().map(line).collect::<Vec<_>>(),
            "total_spent": self.total(),
        })
    }
}

/// Puts these accounts and all that lie in them in their order. A tree has no more levels than
/// budgets, so a circle in a broken file ends too.
fn place<'b>(
    all: &[&'b Account],
    here: &[&'b Account],
    depth: usize,
    lines: &mut Vec<(usize, &'b Account)>,
) {
    if depth > all.len() {
        return;
    }
    let mut rest = here;
    while let Some((first, _)) = rest.split_first() {
        let same = rest.iter().take_while(|account| account.budget == first.budget).count();
        let (periods, others) = rest.split_at(same);
        lines.extend(periods.iter().map(|account| (depth, *account)));
        let inside = |account: &&&Account| account.within.as_ref() == Some(&first.budget);
        let inside: Vec<_> = all.iter().filter(inside).copied().collect();
        place(all, &inside, depth.saturating_add(1), lines);
        rest = others;
    }
}

fn cap(account: &Account) -> Option<Money> {
    account.cap.map(Money::from)
}

/// What may still be reserved; less than zero where debt or a lowered cap has made it so.
fn remaining(account: &Account) -> Option<Money> {
    cap(account).map(|cap| cap - spent(account) - account.reserved.into())
}

fn share(account: &Account) -> String {
    let share = cap(account).and_then(|cap| percent(spent(account).0, cap.0));
    share.unwrap_or_else(|| "-".into())
}
