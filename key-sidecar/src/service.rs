//! The service behind the socket: answers `sync`, and takes in new policies, keys and credentials.
//!
//! [`book`] is what is true now (policy, client keys, credentials) and what has changed; [`vault`]
//! releases credentials, [`lending`] runs the ledger on the real clock. This file joins them to one
//! answer. Nothing here knows of sockets ([`crate::front`]) or files ([`crate::watch`]).

use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::ids::{CredentialName, Epoch, PolicyVersion};
use wire::limit::LimitRule;
use wire::sync::{
    ClientAnswer, CredentialAnswer, Identity, LeaseLine, PROTOCOL, SyncReply, SyncRequest, WhoIs,
};
use wire::units::{Millis, UnixMillis};

pub mod book;
pub mod lending;
pub mod vault;

use crate::clock::Clock;
use crate::metrics::Metrics;
use book::Book;
use lending::{Lending, Refused};
use vault::Vault;

/// How long a plugin may believe who a client is. Changes are pushed within half a second; this bounds
/// what a plugin remembers, not how soon it hears.
const IDENTITY_TTL: Millis = Millis(60_000);

/// What a worker is lent of a rate with a client's first call on it: so much that the next few calls do
/// not wait, and so little that not much lies idle. The ledger gives less where there is little.
const FIRST_REQUESTS: u64 = 8;

/// The same of a number of concurrent requests.
const FIRST_PLACES: u64 = 2;

/// How long a plugin may believe that a key is nobody's: a key that is issued now works after this.
const STRANGER_TTL: Millis = Millis(1_000);

/// Everything that `sync` needs.
pub struct Service {
    book: Mutex<Book>,
    lending: Mutex<Lending>,
    vault: Vault,
    clock: Clock,
    metrics: Metrics,
    /// The policy on disk that did not check, so that its errors are told once.
    rejected: Mutex<Option<PolicyVersion>>,
}

impl Service {
    /// Joins the parts. `book`'s limits are defined in the ledger at once.
    #[must_use]
    pub fn new(book: Book, lending: Lending, vault: Vault, clock: Clock, metrics: Metrics) -> Self {
        let service = Self {
            book: Mutex::new(book),
            lending: Mutex::new(lending),
            vault,
            clock,
            metrics,
            rejected: Mutex::default(),
        };
        service.define_limits();
        service
    }

    /// The counters.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
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

    /// Tells the ledger the limits of the present policy.
    pub fn define_limits(&self) {
        let now = self.clock.now();
        let (limits, days) = {
            let book = self.book();
            (book.limits(), book.day_boundaries(now.wall))
        };
        if let Ok(mut lending) = self.lending() {
            lending.define(limits, days, now);
        }
    }

    /// Answers a plugin.
    ///
    /// # Errors
    /// [`Refused`] if the ledger cannot serve the request; then nothing of it was booked.
    pub async fn sync(&self, request: SyncRequest) -> Result<SyncReply, Refused> {
        self.metrics.syncs.inc();
        let now = self.clock.now();
        let (mut reply, wanted, lines) = {
            let book = self.book();
            let clients = answer_who(&book, &request.who, now.wall);
            let lines = with_first_leases(&book, &request, &clients);
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
            (reply, wanted, lines)
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
        reply.credentials = self.release(wanted).await;
        Ok(reply)
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

/// The request's own lines, and a first slice of each limit that binds the first call of whom it asks about:
/// so that identity, leases and credential come with one answer.
fn with_first_leases(
    book: &Book,
    request: &SyncRequest,
    clients: &[ClientAnswer],
) -> Vec<LeaseLine> {
    let mut lines = request.leases.clone();
    for (who, answer) in request.who.iter().zip(clients) {
        let Identity::Known(client) = &answer.identity else { continue };
        let used = client.uses.iter().find(|used| used.service == who.service);
        let of_use = used.iter().flat_map(|used| &used.limits);
        let of_service = book.service_limits(&who.service);
        for limit in client.limits.iter().chain(of_use).chain(&of_service) {
            if lines.iter().all(|line| line.limit != limit.key)
                && lines.len() < wire::sync::LEASES_MAX
            {
                let wants = match limit.rule {
                    LimitRule::Requests { .. } => FIRST_REQUESTS,
                    LimitRule::Concurrent { .. } => FIRST_PLACES,
                };
                let limit = limit.key.clone();
                lines.push(LeaseLine { limit, spent: 0, returned: 0, wants });
            }
        }
    }
    lines
}

fn wanted_credentials(book: &Book, request: &SyncRequest) -> Vec<CredentialName> {
    let mut wanted = request.credentials.clone();
    wanted.extend(request.who.iter().filter_map(|who| book.credential_of(&who.service)));
    wanted.sort();
    wanted.dedup();
    wanted
}
