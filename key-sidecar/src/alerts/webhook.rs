//! Sends alerts: one at a time, signed, again and again until the receiver has them.
//!
//! At least once: an alert whose answer was lost is sent again with the same id. A redirect is not
//! followed and is no success; what is told of money goes where the configuration says.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossbeam_channel::{Receiver, after, never, select};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};
use wire::units::{Millis, UnixMillis};

use super::journal::{Due, Journal, Next};
use super::signature::{self, Secret};
use super::{AlertError, check_secret, lock};
use crate::clock::Clock;
use crate::config::WebhookConfig;
use crate::metrics::{AlertMetrics, Delivery};

/// The header with the alert's id.
const ID_HEADER: &str = "x-tollkeeper-alert";

/// A receiver that takes longer has not taken it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The pause after the first failure; it doubles up to the longest.
const PAUSE_MIN: Millis = Millis(1_000);
const PAUSE_MAX: Millis = Millis(15 * 60_000);

/// After this an alert is not news any longer.
const GIVEN_UP_AFTER: Millis = Millis(7 * 24 * 3_600_000);

/// A journal that cannot be read is read again after this.
const JOURNAL_AGAIN: Millis = Millis(5_000);

/// The receiver.
pub(super) struct Webhook {
    agent: Agent,
    url: String,
    secret_file: PathBuf,
    metrics: AlertMetrics,
}

impl Webhook {
    pub(super) fn new(config: &WebhookConfig, metrics: AlertMetrics) -> Result<Self, AlertError> {
        // A secret that cannot be used is told at the start, not at the first alert.
        check_secret(&config.secret_file)?;
        // The machine's own list of authorities: a company's receiver has a certificate of its own.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("tollkeeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .into();
        let (url, secret_file) = (config.url.to_string(), config.secret_file.clone());
        Ok(Self { agent, url, secret_file, metrics })
    }

    pub(super) fn run(
        self,
        journal: &Arc<Mutex<Journal>>,
        clock: &Clock,
        news: &Receiver<()>,
        end: &Receiver<()>,
    ) {
        loop {
            let next = lock(journal).next(clock.wall());
            let pause = match next {
                Ok(Next::Now(due)) => {
                    self.send(journal, clock, &due);
                    Some(Millis::ZERO)
                }
                Ok(Next::In(pause)) => Some(pause),
                Ok(Next::Never) => None,
                Err(error) => {
                    tracing::error!(%error, "the journal of alerts cannot be read");
                    Some(JOURNAL_AGAIN)
                }
            };
            let time = pause.map_or_else(never, |pause| after(Duration::from_millis(pause.0)));
            select! {
                recv(end) -> _ => return,
                recv(news) -> _ => {}
                recv(time) -> _ => {}
            }
        }
    }

    fn send(&self, journal: &Mutex<Journal>, clock: &Clock, due: &Due) {
        let sent = self.post(due, clock.wall());
        let now = clock.wall();
        let noted = match sent {
            Ok(()) => {
                self.metrics.count_delivery(Delivery::Delivered);
                tracing::info!(alert = due.id, "alert delivered");
                lock(journal).delivered(due, now)
            }
            Err(why) => {
                let again = again(due, now);
                let delivery = again.map_or(Delivery::GivenUp, |_| Delivery::Failed);
                self.metrics.count_delivery(delivery);
                let attempt = due.attempts.saturating_add(1);
                match again {
                    Some(_) => tracing::warn!(alert = due.id, attempt, why, "alert not delivered"),
                    None => tracing::error!(alert = due.id, attempt, why, "alert given up"),
                }
                lock(journal).failed(due, again)
            }
        };
        if let Err(error) = noted {
            // It is sent once more, with the same id.
            tracing::error!(%error, alert = due.id, "the journal of alerts cannot be written");
        }
    }

    /// The reason never holds the URL, whose path may be a secret.
    fn post(&self, due: &Due, now: UnixMillis) -> Result<(), String> {
        // Read each time, so that it can be changed without a restart.
        let secret = Secret::read(&self.secret_file).map_err(|why| format!("secret: {why}"))?;
        let signature = secret.sign(now.0 / 1000, &due.body).ok_or("cannot sign")?;
        let answer = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header(ID_HEADER, &due.id)
            .header(signature::HEADER, signature)
            .send(due.body.as_bytes());
        match answer {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(format!("the receiver answers {}", answer.status())),
            Err(error) => Err(reason(&error)),
        }
    }
}

/// When to try again; `None` if that would be no news any longer.
fn again(due: &Due, now: UnixMillis) -> Option<UnixMillis> {
    let doubled = PAUSE_MIN.0.checked_shl(due.attempts.min(32)).unwrap_or(u64::MAX);
    let pause = Millis(doubled).min(PAUSE_MAX);
    (now.since(due.at) < GIVEN_UP_AFTER).then(|| UnixMillis(now.0.saturating_add(pause.0)))
}

/// The client's errors can name the URL; their kinds do not.
fn reason(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "the receiver did not answer in time".to_owned(),
        ureq::Error::HostNotFound => "the receiver's host is not known".to_owned(),
        ureq::Error::ConnectionFailed => "no connection to the receiver".to_owned(),
        ureq::Error::Rustls(error) => format!("TLS: {error}"),
        _ => "the receiver cannot be spoken to".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_quarter_of_an_hour_and_end_after_a_week() {
        let due = |attempts| Due {
            number: 1,
            id: "a".into(),
            body: "{}".into(),
            at: UnixMillis(0),
            attempts,
        };
        let pause = |attempts| again(&due(attempts), UnixMillis(5)).map(|at| at.0 - 5);
        assert_eq!(pause(0), Some(1_000));
        assert_eq!(pause(3), Some(8_000));
        assert_eq!(pause(40), Some(900_000));
        assert_eq!(again(&due(700), UnixMillis(GIVEN_UP_AFTER.0)), None);
    }
}
