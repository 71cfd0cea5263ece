//! The thread that judges balances: what has changed, what was said, what is to be said.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, select, tick};
use ledger::money::record::Account;
use wire::ids::BudgetName;
use wire::units::UnixMillis;

use super::journal::Journal;
use super::message::Message;
use super::rule::{Fired, Step, Threshold, judge};
use super::{Rules, lock};
use crate::clock::Clock;
use crate::metrics::AlertMetrics;
use crate::service::figures::{Figures, is_long_over};

/// What could not be written is tried again after this, and old alerts are forgotten as often.
const AGAIN: Duration = Duration::from_secs(30);

/// Balances are looked at no more often than this: they can change a thousand times a second.
const PACE: Duration = Duration::from_millis(50);

/// The thread's own.
pub(super) struct Watcher {
    pub(super) rules: Arc<Mutex<Arc<Rules>>>,
    pub(super) figures: Arc<Figures>,
    pub(super) journal: Arc<Mutex<Journal>>,
    pub(super) clock: Clock,
    pub(super) metrics: AlertMetrics,
    /// Where the sender hears that there is something to send; `None` if nobody is told.
    pub(super) news: Option<Sender<()>>,
    /// What the journal has of each account that was looked at.
    pub(super) known: HashMap<(BudgetName, Arc<str>), BTreeMap<Threshold, Fired>>,
}

impl Watcher {
    pub(super) fn run(mut self, end: &Receiver<()>) {
        let bell = self.figures.bell();
        let again = tick(AGAIN);
        loop {
            select! {
                recv(bell) -> _ => self.look(),
                recv(again) -> _ => self.tidy(),
                recv(end) -> _ => return,
            }
            if end.recv_timeout(PACE) != Err(RecvTimeoutError::Timeout) {
                return;
            }
        }
    }

    fn look(&mut self) {
        let now = self.clock.wall();
        for account in self.figures.take_touched() {
            if account.ends.is_some_and(|end| is_long_over(end, now)) {
                continue;
            }
            if let Err(error) = self.look_at(&account, now) {
                tracing::error!(%error, budget = account.budget.as_str(),
                    "the journal of alerts cannot be written; this budget is looked at again");
                self.figures.touch(&account);
            }
        }
    }

    fn look_at(&mut self, account: &Account, now: UnixMillis) -> rusqlite::Result<()> {
        let rules = Arc::clone(&lock(&self.rules));
        let Some(rule) = rules.budgets.get(&account.budget) else {
            return Ok(());
        };
        let key = (account.budget.clone(), Arc::clone(&account.period));
        let known = match self.known.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(lock(&self.journal).fired(account)?),
        };
        let steps = judge(account, &rule.thresholds, known);
        if steps.is_empty() {
            return Ok(());
        }
        let mut journal = lock(&self.journal);
        let messages = messages(&rules, journal.salt(), account, &steps, now);
        let sends = self.news.is_some();
        let unsent = journal.write(account, &steps, &messages, now, sends)?;
        drop(journal);
        known.extend(steps.iter().map(|step| (step.threshold, step.fired)));
        for (message, _) in &messages {
            message.log();
            self.metrics.raised.inc();
        }
        if unsent > 0 {
            tracing::error!(unsent, "too many alerts wait for the webhook: these are not sent");
        }
        if let (Some(news), false) = (&self.news, messages.is_empty()) {
            // Full: the sender has been told already.
            let _ = news.try_send(());
        }
        Ok(())
    }

    fn tidy(&mut self) {
        let now = self.clock.wall();
        self.figures.forget(now);
        self.known.clear();
        if let Err(error) = lock(&self.journal).prune(now) {
            tracing::warn!(%error, "old alerts could not be removed from the journal");
        }
        // What could not be written before.
        self.look();
    }
}

fn messages(
    rules: &Rules,
    salt: &str,
    account: &Account,
    steps: &[Step],
    now: UnixMillis,
) -> Vec<(Message, String)> {
    let told = steps.iter().filter(|step| !step.fired.armed);
    let messages = told.filter_map(|step| Message::new(rules, salt, account, step, now));
    // A struct of strings is always JSON.
    messages.filter_map(|one| serde_json::to_string(&one).ok().map(|body| (one, body))).collect()
}
