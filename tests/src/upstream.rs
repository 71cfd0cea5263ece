//! A stand-in for an upstream API, inside the test: TLS, HTTP/1.1, OpenAI's and Anthropic's shapes.
//!
//! It takes only the real key, remembers every request as it came, and does what the next [`Script`]
//! says: another status, a delay, a reset in the middle, a key quoted in an error. Neighbours:
//! `upstream::answer` words its answers, `upstream::tls` vouches for it.
#![expect(clippy::expect_used, reason = "a fixture that does not start is a failed test")]

mod answer;
mod anthropic;
mod script;
mod tls;
mod used;

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::wait;

use self::answer::Body;
pub use self::script::Script;
pub use self::used::Used;

/// A running upstream. Dropping it ends it.
pub struct Upstream {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
    dir: TempDir,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Names in lower case, values as bytes, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// When its head was there.
    pub arrived: Instant,
    answered: Arc<OnceLock<Instant>>,
}

/// What decides about a request.
type Usual = Box<dyn Fn(&Seen) -> Script + Send>;

#[derive(Default)]
struct Shared {
    accepted: Mutex<BTreeSet<String>>,
    scripts: Mutex<VecDeque<Script>>,
    usual: Mutex<Option<Usual>>,
    seen: Mutex<Vec<Seen>>,
}

impl Upstream {
    /// Starts one with a certificate for `host`; it takes `key` and no other.
    ///
    /// # Panics
    /// If it cannot.
    #[must_use]
    pub fn start(host: &str, key: &str) -> Self {
        let dir = tempfile::tempdir().expect("the system has a directory for temporary files");
        let identity = tls::Identity::issue(host);
        std::fs::write(dir.path().join(CA_FILE), &identity.ca_pem)
            .expect("a temporary file can be written");

        let shared = Arc::new(Shared::default());
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .expect("loopback has a free port");
        listener.set_nonblocking(true).expect("a socket can be non-blocking");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let runtime = runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime can be built");
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, identity.acceptor, serving) => {}
                    _ = stopped => {}
                }
            });
        });
        let upstream = Self { address, shared, stop: Some(stop), thread: Some(thread), dir };
        upstream.accept(&[key]);
        upstream
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The certificate of who vouches for it, as a file for Envoy.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.dir.path().join(CA_FILE)
    }

    /// Takes these keys from now on, and no others.
    pub fn accept(&self, keys: &[&str]) {
        *lock(&self.shared.accepted) = keys.iter().map(|key| (*key).to_owned()).collect();
    }

    /// What to do with the next request that has no script yet.
    pub fn script(&self, script: Script) {
        lock(&self.shared.scripts).push_back(script);
    }

    /// What to do with requests that find no script.
    pub fn usually(&self, script_for: impl Fn(&Seen) -> Script + Send + 'static) {
        *lock(&self.shared.usual) = Some(Box::new(script_for));
    }

    /// All requests so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// All requests since the last time.
    #[expect(clippy::must_use_candidate, reason = "also called to forget them")]
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.shared.seen))
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        drop(self.stop.take());
        // If its thread panicked, the test has failed on what that did to its requests.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Seen {
    /// When its answer began, if it did.
    #[must_use]
    pub fn answered(&self) -> Option<Instant> {
        self.answered.get().copied()
    }

    /// The first value of the header of this name, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.header(name).first().and_then(|value| str::from_utf8(value).ok())
    }

    /// All values of the headers of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&[u8]> {
        self.headers
            .iter()
            .filter(|(own, _)| own == name)
            .map(|(_, value)| value.as_slice())
            .collect()
    }

    /// Whether these bytes are anywhere in the request.
    #[must_use]
    pub fn has(&self, part: &str) -> bool {
        let part = part.as_bytes();
        let holds = |bytes: &[u8]| bytes.windows(part.len()).any(|window| window == part);
        holds(self.target.as_bytes())
            || holds(&self.body)
            || self.headers.iter().any(|(_, value)| holds(value))
    }
}

async fn serve(listener: std::net::TcpListener, tls: TlsAcceptor, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).expect("the runtime takes a listener");
    loop {
        // A connection that is gone before it was accepted is the caller's matter.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        tokio::spawn(connection(stream, tls.clone(), Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, tls: TlsAcceptor, shared: Arc<Shared>) {
    // Or the body of an answer waits 40 ms for the acknowledgement of its head. Where that fails, the
    // connection is gone.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = tls.accept(stream).await else {
        return;
    };
    let service = service_fn(|request| exchange(request, Arc::clone(&shared)));
    // Broken connections are what some scripts ask for.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn exchange(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, hyper::Error> {
    let seen = Seen::read(request).await?;
    let key = shown_key(&seen, &lock(&shared.accepted));
    lock(&shared.seen).push(seen.clone());
    let script = shared.script_for(&seen);
    let answer = answer::to(&seen, key.as_deref(), script).await;
    // Nobody else sets it.
    let _ = seen.answered.set(wait::now());
    Ok(answer)
}

impl Shared {
    fn script_for(&self, seen: &Seen) -> Script {
        let scripted = lock(&self.scripts).pop_front();
        scripted.unwrap_or_else(|| match &*lock(&self.usual) {
            Some(usual) => usual(seen),
            None => Script::default(),
        })
    }
}

impl Seen {
    async fn read(request: Request<Incoming>) -> Result<Self, hyper::Error> {
        let arrived = wait::now();
        let (head, body) = request.into_parts();
        Ok(Self {
            arrived,
            answered: Arc::default(),
            method: head.method.as_str().to_owned(),
            target: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
                .collect(),
            body: body.collect().await?.to_bytes().to_vec(),
        })
    }
}

/// The accepted key that the request shows, wherever a service of ours may want it.
fn shown_key(seen: &Seen, accepted: &BTreeSet<String>) -> Option<String> {
    let shows = |key: &&String| {
        let bearer = format!("Bearer {key}");
        let in_header = |value: &[u8]| value == key.as_bytes() || value == bearer.as_bytes();
        let query = seen.target.split_once('?').map_or("", |(_, query)| query);
        seen.headers.iter().any(|(_, value)| in_header(value))
            || query
                .split('&')
                .any(|pair| pair.split_once('=').is_some_and(|(_, value)| value == *key))
    };
    accepted.iter().find(shows).cloned()
}

/// A poisoned lock means that another test's assertion failed while it was held; its data is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const CA_FILE: &str = "ca.pem";
