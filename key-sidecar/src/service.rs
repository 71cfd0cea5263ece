//! The service behind the socket: answers `sync`, and takes in new policies, keys and credentials.
//!
//! [`book`] is what is true now (policy, client keys, credentials) and what has changed; [`vault`]
//! releases credentials, [`lending`] runs the ledger of limits on the real clock, [`desk`] that of money
//! on its store. This file joins them to one answer. Nothing here knows of sockets ([`crate::front`])
//! or files ([`crate::watch`]).

use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::money::command::Sync;
use wire::budget::{MoneyAnswer, MoneyLine};
use wire::ids::{CredentialName, Epoch, PolicyVersion};
use wire::sync::{
    ClientAnswer, CredentialAnswer, Identity, PROTOCOL, SyncReply, SyncRequest, WhoIs,
};
use wire::units::{Millis, UnixMillis};

pub mod book;
pub mod budgets;
pub mod desk;
pub mod figures;
mod first;
pub mod lending;
pub mod vault;

use crate::alerts::Alerts;
use crate::clock::Clock;
use crate::metrics::Metrics;
use book::Book;
use desk::Desk;
use lending::{Lending, Refused};
use vault::Vault;

/// How long a plugin may believe who a client is. Changes are pushed within half a second; this bounds
/// what a plugin remembers, not how soon it hears.
const IDENTITY_TTL: Millis = Millis(60_000);

/// How long a plugin may believe that a key is nobody's: a key that is issued now works after this.
const STRANGER_TTL: Millis = Millis(1_000);

/// Everything that `sync` needs.
pub struct Service {
    book: Mutex<Book>,
    lending: Mutex<Lending>,
    money: Money,
    vault: Vault,
    clock: Clock,
    metrics: Metrics,
    /// The policy on disk that did not check, so that its errors are told once.
    rejected: Mutex<Option<PolicyVersion>>,
}

/// What money needs.
pub struct Money {
    /// The ledger and its store.
    pub desk: Desk,
    /// Who is told when a budget reaches a threshold.
    pub alerts: Alerts,
}

impl Service {
    /// Joins the parts. `book`'s limits and budgets are defined in the ledgers at once.
    #[must_use]
    pub fn new(
        book: Book,
        lending: Lending,
        money: Money,
        vault: Vault,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        let service = Self {
            book: Mutex::new(book),
            lending: Mutex::new(lending),
            money,
            vault,
            clock,
            metrics,
            rejected: Mutex::default(),
        };
        service.define();
        service
    }

    /// The counters.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The ledger of money.
    pub const fn desk(&self) -> &Desk {
        &self.money.desk
    }

    /// The credentials' keeper.
    pub const fn vault(&self) -> &Vault {
        &self.vault
    }

    /// The present facts. Held for the length of a statement, never over an `await`.
    pub fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The ledger. Held for the length of a statement, never over an `await`. A ledger that stopped in
    /// the middle of a command is not used again.
    ///
    /// # Errors
    /// [`Refused::Stopped`] if an invariant was broken.
    pub fn lending(&self) -> Result<MutexGuard<'_, Lending>, Refused> {
        self.lending.lock().map_err(|_| Refused::Stopped)
    }

    /// Notes that the policy of this version does not check.
    pub fn reject(&self, version: PolicyVersion) {
        *self.rejected.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
    }

    /// Whether the policy of this version is known not to check.
    #[must_use]
    pub fn is_rejected(&self, version: &PolicyVersion) -> bool {
        self.rejected.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(version)
    }

    /// Tells the ledgers the limits and budgets of the present policy, with the days and periods that
    /// are near.
    pub fn define(&self) {
        let now = self.clock.now();
        let (limits, days, budgets, rules) = {
            let book = self.book();
            (
                book.limits(),
                book.day_boundaries(now.wall),
                book.budgets(now.wall),
                book.alert_rules(now.wall),
            )
        };
        if let Ok(mut lending) = self.lending() {
            lending.define(limits, days, now);
        }
        self.money.alerts.set_rules(rules);
        self.money.desk.define(budgets);
    }

    /// Answers a plugin.
    ///
    /// Each ledger books a sequence once and answers it again as it was. So where one of them refuses
    /// after the other has booked, the whole is refused, and the same request, repeated, books the rest.
    ///
    /// # Errors
    /// [`Refused`] if a ledger cannot serve the request.
    pub async fn sync(&self, request: SyncRequest) -> Result<SyncReply, Refused> {
        self.metrics.syncs.inc();
        let now = self.clock.now();
        let (mut reply, wanted, lines, money) = {
            let book = self.book();
            let clients = answer_who(&book, &request.who, now.wall);
            let lines = first::leases(&book, &request, &clients);
            let money = first::money(&book, &request, &clients);
            let wanted = wanted_credentials(&book, &request);
            let known = request.epoch.is_some();
            let reply = SyncReply {
                protocol: PROTOCOL,
                sequence: request.sequence,
                epoch: Epoch(0),
                policy: book.policy_unless(request.policy.as_ref()),
                directory: book.generation(),
                changes: if known { book.changes_since(request.directory) } else { Vec::new() },
                clients,
                credentials: Vec::new(),
                leases: Vec::new(),
                money: Vec::new(),
            };
            (reply, wanted, lines, money)
        };
        {
            let mut lending = self.lending()?;
            reply.epoch = lending.epoch();
            if request.epoch.is_some_and(|epoch| epoch != reply.epoch) {
                // Our count of changes began anew, so what the plugin has heard of means nothing.
                reply.changes = book::everything();
            }
            reply.leases = lending.sync(&request, lines, now)?;
        }
        // The disk and the HSM do not wait for each other.
        let (money, credentials) = tokio::join!(self.lend(request, money), self.release(wanted));
        reply.money = money?;
        reply.credentials = credentials;
        Ok(reply)
    }

    /// The part of money. A request that says nothing of it costs the ledger of money nothing.
    async fn lend(
        &self,
        request: SyncRequest,
        lines: Vec<MoneyLine>,
    ) -> Result<Vec<MoneyAnswer>, Refused> {
        let SyncRequest { holder, sequence, settlements, .. } = request;
        let desk = self.desk();
        // An answer that was lost may have lent what the repeated request would not get now.
        let repeats = || desk.has_answered(holder, sequence);
        if lines.is_empty() && settlements.is_empty() && !repeats() {
            return Ok(Vec::new());
        }
        let said = Sync { holder, sequence, lines, settlements };
        desk.sync(said).await.map_err(Refused::Money)
    }

    async fn release(&self, wanted: Vec<CredentialName>) -> Vec<CredentialAnswer> {
        let mut answers = Vec::with_capacity(wanted.len());
        for name in wanted {
            let record = self.book().record(&name);
            let release = self.vault.release(&name, record.as_deref()).await;
            self.metrics.count_release(&release);
            answers.push(CredentialAnswer { name, release });
        }
        answers
    }
}

fn answer_who(book: &Book, who: &[WhoIs], now: UnixMillis) -> Vec<ClientAnswer> {
    who.iter()
        .map(|who| {
            let identity = book.identify(&who.digest, now);
            let ttl_ms = match &identity {
                Identity::Unknown => STRANGER_TTL,
                Identity::Known(_) | Identity::Expired(_) | Identity::Revoked(_) => IDENTITY_TTL,
            };
            ClientAnswer { digest: who.digest, identity, ttl_ms }
        })
        .collect()
}

fn wanted_credentials(book: &Book, request: &SyncRequest) -> Vec<CredentialName> {
    let mut wanted = request.credentials.clone();
    wanted.extend(request.who.iter().filter_map(|who| book.credential_of(&who.service)));
    wanted.sort();
    wanted.dedup();
    wanted
}
