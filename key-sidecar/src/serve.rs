//! `key-sidecar serve`: opens everything, in the order in which a fault is cheapest, and runs until told
//! to stop. What cannot be opened is told at once, with its remedy, and nothing is served.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wire::ids::Epoch;

use crate::clock::Clock;
use crate::config::Config;
use crate::files;
use crate::front::{self, Door};
use crate::hsm::{self, Hsm};
use crate::metrics::Metrics;
use crate::service::Service;
use crate::service::book::Book;
use crate::service::lending::Lending;
use crate::service::vault::Vault;
use crate::watch::{self, Files};

/// How often leases expire and the ledger's snapshot is written.
const TICK: Duration = Duration::from_secs(1);

/// Day boundaries are told to the ledger again this often, in ticks.
const TICKS_PER_DEFINE: u64 = 3_600;

/// Why the service did not start or had to end.
#[derive(Debug)]
pub enum ServeError {
    /// The HSM: module, token, PIN or root key.
    Hsm(hsm::HsmError),
    /// Something else, with its place and remedy.
    Start(String),
    /// The HSM's threads hang: the process must be started anew to get rid of them.
    HsmStuck,
}

impl fmt::Display for ServeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hsm(error) => write!(out, "{error}"),
            Self::Start(text) => out.write_str(text),
            Self::HsmStuck => {
                out.write_str("the PKCS#11 module hangs; ending so that it is loaded anew")
            }
        }
    }
}

impl std::error::Error for ServeError {}

impl ServeError {
    fn start(what: &str, error: impl fmt::Display) -> Self {
        Self::Start(format!("{what}: {error}"))
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`ServeError`].
pub async fn run(config: Config) -> Result<(), ServeError> {
    let files = Files::new(&config);
    files::make_folders(&config.state).map_err(|error| ServeError::start("state", error))?;
    let policy = files.policy_at_start().map_err(|error| ServeError::Start(error.0))?;
    let clock = Clock::system();
    let hsm = Hsm::open(&config.hsm, &config.state).map_err(ServeError::Hsm)?;
    let lending = Lending::open(&config.state, new_epoch()?)
        .map_err(|error| ServeError::start("ledger", error))?;
    let book = Book::new(policy, files.keys(), files.records());
    let vault = Vault::new(hsm.clone(), clock.clone());
    let service = Arc::new(Service::new(book, lending, vault, clock.clone(), Metrics::default()));

    let door = Door::open(&config.socket.path, config.socket.allow_uids.clone())
        .await
        .map_err(|error| ServeError::start("socket", error))?;
    let admin = tokio::net::TcpListener::bind(config.admin)
        .await
        .map_err(|error| ServeError::start("admin", error))?;
    let address = admin.local_addr().unwrap_or(config.admin);
    tracing::info!(socket = %config.socket.path.display(), admin = %address, "serving");
    serve_all(door, admin, files, &service, clock, hsm).await
}

async fn serve_all(
    door: Door,
    admin: tokio::net::TcpListener,
    files: Files,
    service: &Arc<Service>,
    clock: Clock,
    hsm: Hsm,
) -> Result<(), ServeError> {
    let stop = CancellationToken::new();
    let stopped = || stop.clone().cancelled_owned();
    let plugins =
        axum::serve(door, front::router(Arc::clone(service))).with_graceful_shutdown(stopped());
    let people =
        axum::serve(admin, admin_router(Arc::clone(service))).with_graceful_shutdown(stopped());
    let serving = async { tokio::join!(plugins.into_future(), people.into_future()) };
    let ended = tokio::select! {
        _ = serving => Ok(()),
        () = told_to_stop() => Ok(()),
        error = watch::follow(files, Arc::clone(service)) => {
            let text = error.err().map_or_else(String::new, |error| error.to_string());
            Err(ServeError::start("the files cannot be watched", text))
        }
        () = keep_books(Arc::clone(service), clock) => Ok(()),
        () = hsm.stuck() => Err(ServeError::HsmStuck),
    };
    stop.cancel();
    tracing::info!("stopping");
    if let Ok(mut lending) = service.lending()
        && let Err(error) = lending.close()
    {
        tracing::error!(%error, "the ledger's last snapshot could not be written");
    }
    if ended.is_ok() {
        service.vault().hsm().close();
    }
    ended
}

/// Once a second: leases expire, and what must outlive a crash is written.
async fn keep_books(service: Arc<Service>, clock: Clock) {
    let mut ticks = tokio::time::interval(TICK);
    for count in 1_u64.. {
        ticks.tick().await;
        if count.is_multiple_of(TICKS_PER_DEFINE) {
            service.define_limits();
        }
        let due = match service.lending() {
            Ok(mut lending) => lending.tick(clock.now()),
            Err(error) => return tracing::error!(%error, "ending"),
        };
        let written = tokio::task::spawn_blocking(move || match due {
            Ok(Some((file, bytes))) => files::write_atomically(&file, &bytes),
            Ok(None) => Ok(()),
            Err(error) => Err(error.into()),
        });
        if let Ok(Err(error)) = written.await {
            tracing::error!(%error, "the ledger's snapshot could not be written");
        }
    }
}

async fn told_to_stop() {
    let (term, int) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    match (term, int) {
        (Ok(mut term), Ok(mut int)) => {
            tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
        }
        _ => std::future::pending().await,
    }
}

fn new_epoch() -> Result<Epoch, ServeError> {
    let random = getrandom::u64().map_err(|error| ServeError::start("random numbers", error))?;
    Ok(Epoch(random))
}

/// Health and statistics, on loopback. Liveness never depends on the HSM; readiness does only when
/// nothing more can be released.
fn admin_router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/healthz/live", get(|| async { "live\n" }))
        .route("/healthz/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(service)
}

async fn ready(State(service): State<Arc<Service>>) -> (StatusCode, String) {
    let state = service.vault().hsm().state();
    let status = match state {
        hsm::HsmState::Ready | hsm::HsmState::Degraded => StatusCode::OK,
        hsm::HsmState::Down => StatusCode::SERVICE_UNAVAILABLE,
    };
    let version = service.book().policy().version().to_string();
    let stale = service.metrics().policy_stale.get() == 1;
    let stale = if stale { " (the files on disk do not check)" } else { "" };
    (status, format!("hsm: {state:?}\npolicy: {version}{stale}\n"))
}

async fn metrics(
    State(service): State<Arc<Service>>,
) -> ([(&'static str, &'static str); 1], String) {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([("content-type", kind)], service.metrics().page())
}
