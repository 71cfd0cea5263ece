//! Alerts: who owns a budget hears when it reaches a threshold, once for each period and threshold.
//!
//! [`rule`] decides from figures alone; `journal` remembers on disk what was said and what is still to
//! be sent; `watcher` is the thread that joins them; `webhook` sends. An alert is in the journal before
//! it is told anywhere, so a restart forgets none. Nothing here holds up the money desk: it reads the
//! balances that [`crate::service::figures`] shows.

mod journal;
mod message;
pub mod rule;
mod signature;
mod watcher;
mod webhook;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{fmt, io};

use crossbeam_channel::{Receiver, Sender, bounded};
use wire::ids::BudgetName;

use self::journal::Journal;
use self::rule::Threshold;
use self::signature::Secret;
use self::webhook::Webhook;
use crate::clock::Clock;
use crate::config::WebhookConfig;
use crate::metrics::AlertMetrics;
use crate::service::figures::Figures;

/// How long the end waits for each thread.
const FAREWELL: Duration = Duration::from_secs(1);

/// The journal's file in the state directory.
pub const FILE: &str = "alerts.sqlite";

/// Watches the balances until it is dropped.
pub struct Alerts {
    rules: Arc<Mutex<Arc<Rules>>>,
    figures: Arc<Figures>,
    threads: Vec<Thread>,
}

/// A thread that ends when it is told to.
struct Thread {
    /// Dropped to tell it.
    end: Option<Sender<()>>,
    /// Closed once it has ended.
    ended: Receiver<()>,
    handle: JoinHandle<()>,
}

/// Whom to tell, and when.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// The organization's name.
    pub organization: Arc<str>,
    /// Its currency.
    pub currency: Arc<str>,
    /// The budgets that have thresholds.
    pub budgets: BTreeMap<BudgetName, BudgetRule>,
}

/// The thresholds of one budget.
#[derive(Clone, Debug)]
pub struct BudgetRule {
    /// Whom the alert names.
    pub owner: Arc<str>,
    /// When there is one.
    pub thresholds: Vec<Threshold>,
}

/// Why alerts cannot work.
#[derive(Debug)]
pub enum AlertError {
    /// The journal cannot be opened, and where it is.
    Journal(String, rusqlite::Error),
    /// The journal cannot be made, and where.
    File(String, io::Error),
    /// The journal is of a later version.
    Version(String),
    /// The secret of the webhook.
    Secret(String, String),
    /// No thread.
    Thread(io::Error),
}

impl fmt::Display for AlertError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Journal(place, error) => write!(
                out,
                "{place}: cannot be opened: {error}; give it to the user of the service, or move \
                 it away: alerts of running periods are then told once more"
            ),
            Self::File(place, error) => {
                write!(out, "{place}: {error}; give the state directory to the user of the service")
            }
            Self::Version(place) => {
                write!(out, "{place}: was written by a later key-sidecar: use that one")
            }
            Self::Secret(place, why) => write!(
                out,
                "alerts.webhook.secret_file {place}: {why}; for example: openssl rand -hex 32"
            ),
            Self::Thread(error) => write!(out, "no thread for alerts: {error}"),
        }
    }
}

impl std::error::Error for AlertError {}

/// Whether the secret of the webhook can be used.
///
/// # Errors
/// [`AlertError::Secret`].
pub fn check_secret(file: &Path) -> Result<(), AlertError> {
    let wrong = |why| AlertError::Secret(file.display().to_string(), why);
    Secret::read(file).map(drop).map_err(wrong)
}

impl Alerts {
    /// Begins to watch, with the journal in the state directory.
    ///
    /// # Errors
    /// [`AlertError`].
    pub fn start(
        state: &Path,
        webhook: Option<&WebhookConfig>,
        figures: Arc<Figures>,
        clock: Clock,
        metrics: AlertMetrics,
    ) -> Result<Self, AlertError> {
        let journal = Arc::new(Mutex::new(Journal::open(&state.join(FILE))?));
        let mut alerts =
            Self { rules: Arc::default(), figures: Arc::clone(&figures), threads: Vec::new() };
        let sends = webhook.map(|config| Webhook::new(config, metrics.clone())).transpose()?;
        let (news, heard) = bounded(1);
        let watcher = watcher::Watcher {
            rules: Arc::clone(&alerts.rules),
            figures,
            journal: Arc::clone(&journal),
            clock: clock.clone(),
            metrics,
            news: sends.is_some().then_some(news),
            known: HashMap::new(),
        };
        alerts.spawn("alerts", |end| watcher.run(&end))?;
        if let Some(webhook) = sends {
            alerts
                .spawn("alerts-webhook", move |end| webhook.run(&journal, &clock, &heard, &end))?;
        }
        Ok(alerts)
    }

    /// The rules of the present policy; every balance is judged anew.
    pub fn set_rules(&self, rules: Rules) {
        *lock(&self.rules) = Arc::new(rules);
        self.figures.touch_all();
    }

    fn spawn(
        &mut self,
        name: &str,
        run: impl FnOnce(Receiver<()>) + Send + 'static,
    ) -> Result<(), AlertError> {
        let (end, told) = bounded(0);
        let (running, ended) = bounded(0);
        let thread = std::thread::Builder::new().name(name.to_owned());
        let handle = thread.spawn(move || {
            run(told);
            drop::<Sender<()>>(running);
        });
        let handle = handle.map_err(AlertError::Thread)?;
        self.threads.push(Thread { end: Some(end), ended, handle });
        Ok(())
    }
}

impl Drop for Alerts {
    /// A delivery that is under way has a second to end. What is not sent, or whose answer was not
    /// waited for, is sent after the next start.
    fn drop(&mut self) {
        self.threads.iter_mut().for_each(|thread| drop(thread.end.take()));
        for Thread { ended, handle, .. } in self.threads.drain(..) {
            let _ = ended.recv_timeout(FAREWELL);
            if handle.is_finished() && handle.join().is_err() {
                tracing::error!("a thread of the alerts ended by a broken invariant");
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
