//! Ledger and store as one: a group of commands is booked wholly, or it never was.
//!
//! The ledger in memory must not be ahead of the store. So when a commit fails, the ledger that
//! applied it is thrown away and read anew from the store before anything else is lent; if the store goes
//! on failing, nothing is lent, and it is tried again with growing pauses. Whether a failed commit reached
//! the disk after all does not matter: what was stored is what is read.

use std::sync::Arc;

use ledger::Now;
use ledger::money::command::{Command, Reply};
use ledger::money::record::{Change, What};
use ledger::money::{Fault, MoneyLedger};
use wire::units::Millis;

use super::{Budgets, DeskError, OpenError, Shared};
use crate::clock::Clock;
use crate::metrics::MoneyMetrics;
use crate::service::figures::Figures;
use crate::store::{self, Store, StoreError};

/// The pause after a store has failed twice; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Millis = Millis(250);
const PAUSE_MAX: Millis = Millis(30_000);

/// The ledger of money on its store.
pub(super) struct Books {
    store: Box<dyn Store>,
    state: State,
    /// The budgets, as last defined: a ledger that was read anew must be told them again.
    budgets: Option<Budgets>,
    /// How often the store has failed since it last took something.
    failures: u32,
    clock: Clock,
    shared: Arc<Shared>,
    figures: Arc<Figures>,
    metrics: MoneyMetrics,
}

enum State {
    /// As the store is, and told the present budgets.
    Good(MoneyLedger),
    /// As the store is, and not told them.
    Untold(MoneyLedger),
    /// Not known until the store is read again.
    Unread { again: Millis },
}

impl Books {
    pub(super) fn open(
        mut store: Box<dyn Store>,
        clock: Clock,
        shared: Arc<Shared>,
        figures: Arc<Figures>,
        metrics: MoneyMetrics,
    ) -> Result<Self, OpenError> {
        let ledger = read(&mut *store, clock.now(), &shared, &figures)?;
        metrics.store_up.set(1);
        let state = State::Untold(ledger);
        Ok(Self { store, state, budgets: None, failures: 0, clock, shared, figures, metrics })
    }

    /// New budgets, for the next group.
    pub(super) fn define(&mut self, budgets: Budgets) {
        self.budgets = Some(budgets);
        self.state = match std::mem::replace(&mut self.state, unread_now()) {
            State::Good(ledger) => State::Untold(ledger),
            other => other,
        };
    }

    /// Books a group: the replies, once all of it is durable.
    pub(super) fn book(&mut self, commands: Vec<Command>) -> Result<Vec<Reply>, DeskError> {
        let now = self.clock.now();
        let (mut ledger, told) = self.take(now)?;
        let mut changes = Vec::new();
        let mut apply = |command| {
            let outcome = ledger.apply(command, now.wall);
            changes.extend(outcome.changes);
            outcome.faults.iter().for_each(complain);
            outcome.reply
        };
        if let (false, Some(Budgets { budgets, by })) = (told, self.budgets.clone()) {
            apply(Command::Define { budgets, by });
        }
        let replies = commands.into_iter().map(&mut apply).collect();
        match self.commit(&changes) {
            Ok(()) => {
                self.state = State::Good(ledger);
                self.publish(&changes);
                Ok(replies)
            }
            Err(error) => {
                self.metrics.commit_failures.inc();
                self.state = State::Unread { again: self.again_after(&error, now) };
                // Mostly at once: the next request shall find a ledger that lends.
                if let Ok((ledger, _)) = self.take(now) {
                    self.state = State::Untold(ledger);
                }
                Err(DeskError::Store)
            }
        }
    }

    /// The ledger, and whether it knows the budgets. The state is `Unread` until it is put back.
    fn take(&mut self, now: Now) -> Result<(MoneyLedger, bool), DeskError> {
        let again = match std::mem::replace(&mut self.state, unread_now()) {
            State::Good(ledger) => return Ok((ledger, true)),
            State::Untold(ledger) => return Ok((ledger, false)),
            State::Unread { again } => again,
        };
        if now.monotonic < again {
            self.state = State::Unread { again };
            return Err(DeskError::Store);
        }
        match read(&mut *self.store, now, &self.shared, &self.figures) {
            Ok(ledger) => Ok((ledger, false)),
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                let again = now.monotonic.plus(self.pause());
                self.state = State::Unread { again };
                self.tell(Some(error.to_string()));
                Err(DeskError::Store)
            }
        }
    }

    /// When to read the store again that did not take a group. A record that no store takes is not its
    /// fault, and is no reason to let others wait.
    fn again_after(&mut self, error: &StoreError, now: Now) -> Millis {
        if let store::Fault::Record { .. } = error.fault {
            tracing::error!(%error, "the store does not take what the ledger has booked");
            return now.monotonic;
        }
        self.tell(Some(error.to_string()));
        let pause = if self.failures == 0 { Millis::ZERO } else { self.pause() };
        self.failures = self.failures.saturating_add(1);
        now.monotonic.plus(pause)
    }

    fn pause(&self) -> Millis {
        let doubled = PAUSE_MIN.0.checked_shl(self.failures.saturating_sub(1).min(16));
        Millis(doubled.unwrap_or(u64::MAX)).min(PAUSE_MAX)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let _busy = self.shared.begin_commit(self.clock.monotonic());
        let start = self.clock.precise();
        self.store.commit(changes)?;
        self.metrics.observe_commit(self.clock.precise().saturating_sub(start));
        self.failures = 0;
        self.tell(None);
        Ok(())
    }

    /// Says once what is wrong with the store, and once that it is well again.
    fn tell(&self, trouble: Option<String>) {
        self.metrics.store_up.set(i64::from(trouble.is_none()));
        match (self.shared.set_trouble(trouble.clone()), trouble) {
            (None, Some(why)) => tracing::error!(why, "money is not booked, and nothing is lent"),
            (Some(_), None) => tracing::info!("money is booked again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn publish(&self, changes: &[Change]) {
        self.shared.note_heard(changes);
        self.figures.update(changes.iter().filter_map(|change| match change {
            Change::Account(account) => Some(account),
            _ => None,
        }));
        for change in changes {
            if let Change::Entry(entry) = change
                && let What::Settled { settlement, .. } = &entry.what
            {
                self.metrics.count_settled(settlement.basis, settlement.calls);
            }
        }
    }
}

/// The state while the ledger is out: should it not come back, it is read anew.
const fn unread_now() -> State {
    State::Unread { again: Millis::ZERO }
}

fn read(
    store: &mut dyn Store,
    now: Now,
    shared: &Shared,
    figures: &Figures,
) -> Result<MoneyLedger, OpenError> {
    let image = store.load().map_err(OpenError::Store)?;
    let (holders, accounts) = (image.holders.clone(), image.accounts.clone());
    let ledger = MoneyLedger::load(image, now.wall).map_err(OpenError::Load)?;
    shared.replace_heard(&holders);
    figures.replace(&accounts);
    Ok(ledger)
}

/// What only a mistake or a lost ledger brings about. It was booked as it was said.
fn complain(fault: &Fault) {
    tracing::warn!(?fault, "a filter said of money what does not add up");
}
