//! The proof that an export is the ledger: what its charges come to on each account is what the
//! account says. An export that fails it is not written.

use std::collections::HashMap;

use super::super::amount::Money;
use super::super::calendar::Span;
use super::super::charge::{AccountName, Book, Charge};
use super::super::show::spent;

/// What the charges so far come to, by account.
#[derive(Debug, Default)]
pub(super) struct Proof {
    sums: HashMap<AccountName, Money>,
    total: Money,
}

impl Proof {
    pub(super) fn add(&mut self, charge: &Charge<'_>) {
        let cost = charge.cost();
        self.total = self.total + cost;
        for account in charge.accounts {
            match self.sums.get_mut(account) {
                Some(sum) => *sum = *sum + cost,
                None => drop(self.sums.insert(account.clone(), cost)),
            }
        }
    }

    pub(super) const fn total(&self) -> Money {
        self.total
    }

    /// Compares with every account whose whole period was exported.
    pub(super) fn check(&self, book: &Book, span: Span) -> Result<(), String> {
        let whole = |starts, ends: Option<_>| {
            span.starts <= starts
                && span.ends.is_none_or(|last| ends.is_some_and(|ends| ends <= last))
        };
        let accounts = book.accounts.iter().filter(|one| whole(one.starts, one.ends));
        for account in accounts {
            let name = (account.budget.clone(), account.period.clone());
            let sum = self.sums.get(&name).copied().unwrap_or_default();
            if sum != spent(account) {
                return Err(format!(
                    "budget {} has spent {} in {}, but its entries come to {sum}: nothing was \
                     written; export all of the ledger (without --period, --since and --until), and \
                     if that fails too, restore the last backup",
                    account.budget,
                    spent(account),
                    account.period
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::charge::tests::{
        NOVEMBER, account, book, corrected, settled, settlement,
    };
    use super::*;

    #[test]
    fn an_export_that_lacks_a_call_is_found_out() {
        let book = book();
        let entries = [
            settled(1, NOVEMBER, settlement(12_500_000_000, &[])),
            corrected(2, NOVEMBER, -500_000_000, "refund"),
        ];
        let mut proof = Proof::default();
        proof.add(&book.charge(&entries[0]).unwrap());
        assert!(proof.check(&book, Span::EVER).unwrap_err().contains("come to 12.50"));
        proof.add(&book.charge(&entries[1]).unwrap());
        assert_eq!(proof.check(&book, Span::EVER), Ok(()));
        assert_eq!(proof.total(), Money(12_000_000_000));
    }

    #[test]
    fn only_whole_periods_can_be_proved() {
        let book = Book::new(vec![account("acme", None, "1", "1")], Vec::new());
        let later = Span { starts: wire::units::UnixMillis(NOVEMBER + 1), ends: None };
        assert_eq!(Proof::default().check(&book, later), Ok(()));
        assert!(Proof::default().check(&book, Span::EVER).is_err());
    }
}
