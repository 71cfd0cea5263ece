//! A ledger from what was stored of it, and back. What does not add up is not loaded.

use std::fmt;
use std::sync::Arc;

use wire::budget::Term;
use wire::ids::{BudgetName, HolderId};
use wire::money::Nanos;
use wire::units::UnixMillis;

use crate::money::account::OpenAccount;
use crate::money::holder::NOBODY;
use crate::money::lease::Lease;
use crate::money::record::{Account, Image, LeaseRecord, TermRecord};
use crate::money::state::MoneyLedger;
use crate::money::term::Path;

impl MoneyLedger {
    /// The ledger that was stored. Its holders are taken to have spoken just now, and it lends
    /// nothing before budgets are defined. Time begins anew: a clock that was wrong can be put
    /// right by a restart.
    ///
    /// # Errors
    /// [`LoadError`] names what does not add up.
    pub fn load(image: Image, now: UnixMillis) -> Result<Self, LoadError> {
        let mut ledger = Self { clock: now, last_entry: image.last_entry, ..Self::new() };
        for account in image.accounts {
            ledger.load_account(account)?;
        }
        for term in image.terms {
            ledger.load_term(term)?;
        }
        for record in image.holders {
            let id = record.holder;
            if id == NOBODY || !ledger.holders.restore(record, now) {
                return Err(LoadError::Holder(id));
            }
        }
        for lease in image.leases {
            ledger.load_lease(&lease)?;
        }
        for (number, correction) in image.corrections {
            let id = Arc::clone(&correction.id);
            let known = ledger.corrections.insert(Arc::clone(&id), (number, correction));
            if known.is_some() || number == 0 || number > image.last_entry {
                return Err(LoadError::Correction { id, number, last: image.last_entry });
            }
        }
        ledger.check_loaded()?;
        Ok(ledger)
    }

    /// All that a store has to give back at the start, each in the order of its key.
    #[must_use]
    pub fn image(&self) -> Image {
        let mut corrections: Vec<_> = self.corrections.values().cloned().collect();
        corrections.sort_by_key(|(number, _)| *number);
        let mut leases: Vec<_> = self.leases().collect();
        leases.sort_by_key(|lease| (lease.holder, lease.term));
        Image {
            accounts: self.accounts().cloned().collect(),
            terms: self.terms.iter().map(|(term, path)| self.term_record(term, path)).collect(),
            leases,
            holders: self.holders.iter().map(|(_, holder)| holder.record.clone()).collect(),
            corrections,
            last_entry: self.last_entry,
        }
    }

    fn load_account(&mut self, account: Account) -> Result<(), LoadError> {
        let name = (account.budget.clone(), Arc::clone(&account.period));
        let amounts = [account.settled, account.presumed, account.reserved];
        let (_, opened) = self.accounts.find_or_open(name.clone(), || OpenAccount::of(account));
        if opened && amounts.iter().all(|amount| *amount <= Nanos::MAX) {
            Ok(())
        } else {
            let (budget, period) = name;
            Err(LoadError::Account { budget, period })
        }
    }

    fn load_term(&mut self, record: TermRecord) -> Result<(), LoadError> {
        let path: Option<Path> =
            record.accounts.iter().map(|name| self.accounts.find(name)).collect();
        let path = path.filter(|path| !path.is_empty() && record.term.0 > 0);
        let restored = path.is_some_and(|path| self.terms.restore(record.term, path));
        if restored { Ok(()) } else { Err(LoadError::Term(record.term)) }
    }

    fn load_lease(&mut self, record: &LeaseRecord) -> Result<(), LoadError> {
        let &LeaseRecord { holder, term, lent, presumed } = record;
        let lease = Lease { lent, presumed, grain: Nanos::ZERO };
        let sound =
            self.terms.path(term).is_some() && lent.plus(presumed).is_some() && !lease.is_empty();
        let free = if holder == NOBODY {
            lent == Nanos::ZERO && self.unclaimed.insert(term, presumed).is_none()
        } else {
            let known = self.holders.get_mut(holder);
            known.is_some_and(|known| known.leases.insert(term, lease).is_none())
        };
        if sound && free { Ok(()) } else { Err(LoadError::Lease { holder, term }) }
    }

    fn check_loaded(&self) -> Result<(), LoadError> {
        let sums = self.sums();
        for (id, account) in self.accounts.iter() {
            let (lent, presumed) = sums.get(&id).copied().unwrap_or_default();
            let record = &account.record;
            for (what, says, leases) in
                [("reserved", record.reserved, lent), ("presumed", record.presumed, presumed)]
            {
                if says != leases {
                    let (budget, period) = (record.budget.clone(), Arc::clone(&record.period));
                    return Err(LoadError::Sum { budget, period, what, says, leases });
                }
            }
        }
        Ok(())
    }
}

/// Why what was stored is no ledger.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum LoadError {
    /// An account is there twice, or holds an amount that is too large.
    Account {
        /// Which budget.
        budget: BudgetName,
        /// Which period.
        period: Arc<str>,
    },
    /// A term is there twice, joins no accounts or accounts that are not there.
    Term(Term),
    /// A holder is there twice, or has the id of nobody.
    Holder(HolderId),
    /// A lease is there twice, is empty, or its holder or term is not there.
    Lease {
        /// Whose.
        holder: HolderId,
        /// Of which term.
        term: Term,
    },
    /// A correction is there twice, or its number is none of an entry.
    Correction {
        /// Which.
        id: Arc<str>,
        /// Its number.
        number: u64,
        /// The number of the last entry.
        last: u64,
    },
    /// An account's figure is not the sum over the leases of all terms that count against it.
    Sum {
        /// Which budget.
        budget: BudgetName,
        /// Which period.
        period: Arc<str>,
        /// Which figure: `reserved` or `presumed`.
        what: &'static str,
        /// What the account says.
        says: Nanos,
        /// What the leases add up to.
        leases: Nanos,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { budget, period } => write!(
                out,
                "account {budget} {period} is there twice or holds more than can be kept"
            ),
            Self::Term(term) => {
                write!(out, "term {} is there twice or joins accounts that are not there", term.0)
            }
            Self::Holder(holder) => write!(out, "holder {holder} is there twice or is nobody"),
            Self::Lease { holder, term } => write!(
                out,
                "the lease of holder {holder} on term {} is there twice, is empty, or its holder \
                 or term is not there",
                term.0
            ),
            Self::Correction { id, number, last } => write!(
                out,
                "correction {id:?} is there twice, or its entry {number} is not among the {last} \
                 entries"
            ),
            Self::Sum { budget, period, what, says, leases } => write!(
                out,
                "account {budget} {period} says {says} {what}, but its leases add up to {leases}"
            ),
        }?;
        out.write_str("; restore the ledger from a backup")
    }
}

impl std::error::Error for LoadError {}
