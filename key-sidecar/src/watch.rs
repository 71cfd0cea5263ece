//! The files that people change while the service runs: policy, client keys, credentials.
//!
//! The kernel tells of a change at once. Some file systems tell nothing, so the policy is glanced at a few
//! times a second (a cap that was raised counts within a second) and everything is read every now and
//! then. What does not check is not taken: the last good state stays, and log and statistics say so.

mod glance;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use policies::Policy;
use tokio::sync::Notify;

use crate::config::Config;
use crate::credential::CredentialStore;
use crate::directory::ClientDirectory;
use crate::files;
use crate::service::Service;
use crate::service::book::Records;

/// Where a policy that was taken is kept, for a start at which the one on disk does not check.
const LAST_GOOD: &str = "policy.last-good.json";

/// Files are read this long after a change, so that several that belong together are read together.
const SETTLE: Duration = Duration::from_millis(30);

/// How often the policy files are glanced at.
const GLANCE: Duration = Duration::from_millis(200);

/// Glances without a change after which everything is read nevertheless: two seconds.
const GLANCES: u32 = 10;

/// Reads everything once, for the start.
pub struct Files {
    policy: PathBuf,
    state: PathBuf,
}

/// What makes a start impossible, in words with place and remedy.
#[derive(Debug)]
pub struct StartError(pub String);

impl Files {
    /// The folders that the configuration names.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self { policy: config.policy.clone(), state: config.state.clone() }
    }

    /// The policy on disk, or the last that was good.
    ///
    /// # Errors
    /// All errors of the policy, if there never was a good one.
    pub fn policy_at_start(&self) -> Result<Policy, StartError> {
        let error = match self.read_policy() {
            Ok(policy) => return Ok(policy),
            Err(error) => error,
        };
        let kept = std::fs::read(self.state.join(LAST_GOOD)).ok();
        let kept =
            kept.and_then(|bytes| serde_json::from_slice::<Vec<policies::SourceFile>>(&bytes).ok());
        match kept.map(|files| policies::load(&files)) {
            Some(Ok(policy)) => {
                tracing::error!(
                    version = policy.version().as_str(),
                    "the policy on disk does not check; the last good one is in force\n{error}"
                );
                Ok(policy)
            }
            _ => Err(StartError(error)),
        }
    }

    fn read_policy(&self) -> Result<Policy, String> {
        let files = policies::read_directory(&self.policy).map_err(|error| {
            let cause = error.source().map_or_else(String::new, |cause| format!(": {cause}"));
            format!("{error}{cause}")
        })?;
        let policy = policies::load(&files).map_err(|errors| errors.to_string())?;
        let kept = serde_json::to_vec(&files).map_err(std::io::Error::from);
        let written =
            kept.and_then(|bytes| files::write_atomically(&self.state.join(LAST_GOOD), &bytes));
        if let Err(error) = written {
            tracing::warn!(%error, "the last good policy could not be kept for the next start");
        }
        Ok(policy)
    }

    /// The client keys on disk. A file that cannot be read is named in the log; its keys open nothing.
    #[must_use]
    pub fn keys(&self) -> ClientDirectory {
        let (keys, errors) = ClientDirectory::load_all(&self.state.join("clients"));
        for error in errors {
            tracing::error!(%error, "client keys not loaded");
        }
        keys
    }

    /// The credentials on disk. One that cannot be read is named in the log and not released.
    #[must_use]
    pub fn records(&self) -> Records {
        let (records, errors) = CredentialStore::open(&self.state.join("credentials")).load_all();
        for error in errors {
            tracing::error!(%error, "credential not loaded");
        }
        records.into_iter().map(|record| (record.name().clone(), Arc::new(record))).collect()
    }
}

/// Follows the files until the task is dropped.
///
/// # Errors
/// If the kernel cannot watch; the poll alone would break the promise on revocations.
pub async fn follow(files: Files, service: Arc<Service>) -> notify::Result<()> {
    let changed = Arc::new(Notify::new());
    let _watcher = watch(&files, &changed)?;
    let files = Arc::new(files);
    let mut seen = glance_at(&files).await;
    loop {
        for _ in 0..GLANCES {
            let told = tokio::time::timeout(GLANCE, changed.notified()).await.is_ok();
            if told || glance_at(&files).await != seen {
                break;
            }
        }
        tokio::time::sleep(SETTLE).await;
        // Before the reading: what changes meanwhile is seen by the next glance.
        seen = glance_at(&files).await;
        let (files, service) = (Arc::clone(&files), Arc::clone(&service));
        // Reading and checking may take a while; the socket is served meanwhile.
        let read = tokio::task::spawn_blocking(move || refresh(&files, &service)).await;
        if let Err(error) = read {
            tracing::error!(%error, "reading the files failed");
        }
    }
}

async fn glance_at(files: &Arc<Files>) -> Option<u64> {
    let files = Arc::clone(files);
    tokio::task::spawn_blocking(move || glance::glance(&files.policy)).await.ok()
}

fn watch(files: &Files, changed: &Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let changed = Arc::clone(changed);
    let places =
        [files.policy.clone(), files.state.join("clients"), files.state.join("credentials")];
    let watched = places.clone();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.as_ref().map_or(true, |event| concerns(event, &watched)) {
            changed.notify_one();
        }
    })?;
    for place in &places {
        watcher.watch(place, RecursiveMode::Recursive)?;
    }
    // A folder may be swapped by a rename, as Kubernetes does; that is seen from its parent only.
    if let Some(parent) = files.policy.parent().filter(|parent| *parent != Path::new("")) {
        watcher.watch(parent, RecursiveMode::NonRecursive)?;
    }
    Ok(watcher)
}

/// Whether something was changed, and is ours: the folder above the policy may hold the ledger, which is
/// written all the time. An event without a path says that events were lost.
fn concerns(event: &notify::Event, places: &[PathBuf]) -> bool {
    let ours = |path: &PathBuf| places.iter().any(|place| path.starts_with(place));
    !event.kind.is_access() && (event.paths.is_empty() || event.paths.iter().any(ours))
}

fn refresh(files: &Files, service: &Service) {
    refresh_policy(files, service);
    let (keys, records) = (files.keys(), files.records());
    let mut book = service.book();
    book.set_keys(keys);
    book.set_records(records);
}

fn refresh_policy(files: &Files, service: &Service) {
    let metrics = service.metrics();
    let on_disk = policies::read_directory(&files.policy).ok();
    let on_disk = on_disk.and_then(|read| policies::version_of(&read));
    if let Some(version) = &on_disk {
        let in_force = service.book().policy().version() == version;
        let rejected = metrics.policy_stale.get() == 1 && service.is_rejected(version);
        if in_force {
            metrics.policy_stale.set(0);
        }
        if in_force || rejected {
            return;
        }
    }
    match files.read_policy() {
        Ok(policy) => {
            tracing::info!(version = policy.version().as_str(), "policy taken into force");
            service.book().set_policy(policy);
            service.define();
            metrics.policy_loads.inc();
            metrics.policy_stale.set(0);
        }
        Err(error) => {
            tracing::error!("the policy does not check; the last good one stays in force\n{error}");
            if let Some(version) = on_disk {
                service.reject(version);
            }
            metrics.policy_rejections.inc();
            metrics.policy_stale.set(1);
        }
    }
}
