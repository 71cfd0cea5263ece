//! What this VM has done, counted in memory and handed to Envoy's statistics at ticks.
//!
//! A fixed set: Envoy never frees a statistic, so no name of a client or a service is part of one.

use std::cell::Cell;

macro_rules! counters {
    ($($(#[$doc:meta])* $Variant:ident => $name:literal,)*) => {
        /// A counter of the plugin.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum Counter { $($(#[$doc])* $Variant,)* }

        /// All counters with the names that Envoy shows, in the order of [`Counter`].
        pub const NAMES: &[&str] = &[$($name),*];
    };
}

counters! {
    /// Requests that went upstream with a credential.
    Admitted => "tollkeeper.admitted",
    /// Requests refused because of who called: no key, two keys, an unknown or ended one.
    DeniedClient => "tollkeeper.denied_client",
    /// Requests refused because of what was called.
    DeniedRoute => "tollkeeper.denied_route",
    /// Requests refused by a limit.
    DeniedLimit => "tollkeeper.denied_limit",
    /// Requests refused for want of money.
    DeniedBudget => "tollkeeper.denied_budget",
    /// Requests refused because the gate could not judge them: no policy, credential or sidecar.
    DeniedUnavailable => "tollkeeper.denied_unavailable",
    /// Requests over a limit that only watches. They passed.
    WatchedOver => "tollkeeper.watched_over",
    /// Requests that had to wait for the sidecar.
    Awaited => "tollkeeper.awaited",
    /// Syncs begun.
    Syncs => "tollkeeper.syncs",
    /// Syncs that failed.
    SyncFailures => "tollkeeper.sync_failures",
    /// Calls that have been charged.
    Settled => "tollkeeper.settled",
    /// Of these, charged at what they had reserved, because the answer did not show its whole cost.
    SettledAtHold => "tollkeeper.settled_at_hold",
    /// Of these, with an answer that came whole and could not be read.
    Unreadable => "tollkeeper.unreadable",
    /// Header values of answers in which the injected credential stood and was removed.
    Scrubbed => "tollkeeper.scrubbed",
    /// Answers 401 or 403 to an injected credential, whose body was replaced.
    CredentialRefused => "tollkeeper.credential_refused",
    /// Host calls that failed where they never should. The request was refused.
    HostFailures => "tollkeeper.host_failures",
}

/// The counts since they were last taken.
#[derive(Debug, Default)]
pub struct Counters([Cell<u64>; NAMES.len()]);

impl Counters {
    /// Counts one.
    #[expect(clippy::as_conversions, reason = "the place of a variant in its own list")]
    pub fn add(&self, counter: Counter) {
        if let Some(cell) = self.0.get(counter as usize) {
            cell.set(cell.get().saturating_add(1));
        }
    }

    /// Takes what was counted: the place in [`NAMES`] and the count, where it is not zero.
    pub fn take(&self) -> impl Iterator<Item = (usize, u64)> {
        self.0.iter().map(Cell::take).enumerate().filter(|(_, count)| *count > 0)
    }
}
