//! `key-sidecar serve`: opens everything, in the order in which a fault is cheapest, and runs until told
//! to stop. What cannot be opened is told at once, with its remedy, and nothing is served.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wire::ids::Epoch;

use crate::admin;
use crate::alerts::Alerts;
use crate::clock::Clock;
use crate::config::Config;
use crate::door::{Door, Peer};
use crate::files;
use crate::front;
use crate::hsm::{self, Hsm};
use crate::metrics::Metrics;
use crate::page;
use crate::service::book::Book;
use crate::service::desk::Desk;
use crate::service::figures::Figures;
use crate::service::lending::Lending;
use crate::service::vault::Vault;
use crate::service::{Money, Service};
use crate::store::sqlite::SqliteStore;
use crate::watch::{self, Files};

/// How often leases expire and the ledger's snapshot is written.
const TICK: Duration = Duration::from_secs(1);

/// Days and periods are told to the ledgers again with each hour.
const HOUR_MS: u64 = 3_600_000;

/// How long the end waits for requests that are under way.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why the service did not start or had to end.
#[derive(Debug)]
pub enum ServeError {
    /// The HSM: module, token, PIN or root key.
    Hsm(hsm::HsmError),
    /// Something else, with its place and remedy.
    Start(String),
    /// The HSM's threads hang: the process must be started anew to get rid of them.
    HsmStuck,
    /// An invariant of a ledger was broken: it must be read anew from what was stored.
    LedgerStopped,
}

impl fmt::Display for ServeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hsm(error) => write!(out, "{error}"),
            Self::Start(text) => out.write_str(text),
            Self::HsmStuck => {
                out.write_str("the PKCS#11 module hangs; ending so that it is loaded anew")
            }
            Self::LedgerStopped => out.write_str(
                "an invariant of a ledger was broken; ending so that it is read anew from the disk",
            ),
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
    let signals = Signals::listen()?;
    let files = Files::new(&config);
    files::make_folders(&config.state).map_err(|error| ServeError::start("state", error))?;
    let policy = files.policy_at_start().map_err(|error| ServeError::Start(error.0))?;
    let clock = Clock::system();
    let figures = Arc::new(Figures::default());
    let metrics = Metrics::new(Arc::clone(&figures), clock.clone());
    let money = open_money(&config, &clock, &figures, &metrics)?;
    let hsm = Hsm::open(&config.hsm, &config.state).map_err(ServeError::Hsm)?;
    let lending = Lending::open(&config.state, new_epoch()?)
        .map_err(|error| ServeError::start("ledger", error))?;
    let book = Book::new(policy, files.keys(), files.records());
    let vault = Vault::new(hsm.clone(), clock.clone());
    let service = Arc::new(Service::new(book, lending, money, vault, clock.clone(), metrics));

    let open = async |path: &Path, admits| {
        Door::open(path, admits)
            .await
            .map_err(|error| ServeError::start("socket", format!("{}: {error}", path.display())))
    };
    let doors = Doors {
        plugins: open(&config.socket.path, front::admits(&config.socket)).await?,
        administrators: open(&config.administration.socket, admin::admits(&config.administration))
            .await?,
        page: TcpListener::bind(config.admin)
            .await
            .map_err(|error| ServeError::start("admin", error))?,
    };
    let address = doors.page.local_addr().unwrap_or(config.admin);
    tracing::info!(socket = %config.socket.path.display(), admin = %address, "serving");
    serve_all(doors, files, &service, clock, hsm, signals).await
}

/// What was spent must be known before anything is lent: without the ledger nothing is served.
fn open_money(
    config: &Config,
    clock: &Clock,
    figures: &Arc<Figures>,
    metrics: &Metrics,
) -> Result<Money, ServeError> {
    let store =
        SqliteStore::open(&config.state).map_err(|error| ServeError::Start(error.to_string()))?;
    let desk =
        Desk::open(Box::new(store), clock.clone(), Arc::clone(figures), metrics.money.clone())
            .map_err(|error| ServeError::Start(error.to_string()))?;
    let alerts = Alerts::start(
        &config.state,
        config.webhook.as_ref(),
        Arc::clone(figures),
        clock.clone(),
        metrics.alerts.clone(),
    )
    .map_err(|error| ServeError::start("alerts", error))?;
    Ok(Money { desk, alerts })
}

/// Where one can knock.
struct Doors {
    plugins: Door,
    administrators: Door,
    page: TcpListener,
}

async fn serve_all(
    doors: Doors,
    files: Files,
    service: &Arc<Service>,
    clock: Clock,
    hsm: Hsm,
    mut signals: Signals,
) -> Result<(), ServeError> {
    let stop = CancellationToken::new();
    let serving = serve_doors(doors, service, &stop);
    tokio::pin!(serving);
    let ended = tokio::select! {
        () = &mut serving => Ok(()),
        () = signals.any() => Ok(()),
        error = watch::follow(files, Arc::clone(service)) => {
            let text = error.err().map_or_else(String::new, |error| error.to_string());
            Err(ServeError::start("the files cannot be watched", text))
        }
        () = keep_books(Arc::clone(service), clock) => Err(ServeError::LedgerStopped),
        () = hsm.stuck() => Err(ServeError::HsmStuck),
    };
    stop.cancel();
    tracing::info!("stopping");
    // What was asked before is answered; nobody can ask any longer.
    let _ = tokio::time::timeout(FAREWELL, serving).await;
    service.desk().close();
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

async fn serve_doors(doors: Doors, service: &Arc<Service>, stop: &CancellationToken) {
    let stopped = || stop.clone().cancelled_owned();
    let plugins = axum::serve(doors.plugins, front::router(Arc::clone(service)))
        .with_graceful_shutdown(stopped());
    let administrators =
        admin::router(Arc::clone(service)).into_make_service_with_connect_info::<Peer>();
    let administrators =
        axum::serve(doors.administrators, administrators).with_graceful_shutdown(stopped());
    let page = axum::serve(doors.page, page::router(Arc::clone(service)))
        .with_graceful_shutdown(stopped());
    // None of them ends by itself.
    let _ = tokio::join!(plugins.into_future(), administrators.into_future(), page.into_future());
}

/// Once a second: leases expire, and what must outlive a crash is written. With a new hour, also after
/// the machine slept, the days and periods that are near are told anew. Ends when a ledger has stopped.
async fn keep_books(service: Arc<Service>, clock: Clock) {
    let mut ticks = tokio::time::interval(TICK);
    let hour = || clock.wall().0 / HOUR_MS;
    let mut told = hour();
    loop {
        ticks.tick().await;
        if hour() != told {
            told = hour();
            service.define();
        }
        service.desk().look();
        if service.desk().has_stopped() {
            return;
        }
        let due = match service.lending() {
            Ok(mut lending) => lending.tick(clock.now()),
            Err(_) => return,
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

/// What tells the service to end in order.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they do not end the process by themselves.
    fn listen() -> Result<Self, ServeError> {
        let listen = |kind| signal(kind).map_err(|error| ServeError::start("signals", error));
        let terminate = listen(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn any(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}

fn new_epoch() -> Result<Epoch, ServeError> {
    let random = getrandom::u64().map_err(|error| ServeError::start("random numbers", error))?;
    Ok(Epoch(random))
}
