//! Callers of every kind, each a thread with choices of its own: most calls are a mistake or an attack.
//!
//! Whatever they send, a whole request is answered or its connection closed; silence is a failure.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use fastrand::Rng;
use rustix::net::sockopt::set_socket_linger;
use tollkeeper_tests::client::Call;
use tollkeeper_tests::world::{MODELS, SECRET, models};
use wire::client_key;

use crate::{DO, Keys};

/// More callers than workers.
const CALLERS: u64 = 3;
/// Of each caller, however long the run: all of them together fill half a gigabyte of access log.
const CALLS_MAX: u64 = 500_000;
/// Between a whole request and the first byte of its answer. The upstream holds none so long.
const PATIENCE: Duration = Duration::from_secs(10);

const CHAT: &str = "/openai/v1/chat/completions";
const KEY_HEADERS: [&str; 4] = ["authorization", "x-api-key", "api-key", "x-goog-api-key"];

/// The callers, at work.
pub(crate) struct Callers {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

struct Caller {
    to: SocketAddr,
    known: String,
    revoked: String,
    hasty: String,
    random: Rng,
}

impl Callers {
    /// Starts them.
    pub(crate) fn start(to: SocketAddr, keys: &Keys, seed: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (1..=CALLERS).map(|number| {
            let mut caller = Caller {
                to,
                known: keys.regular.clone(),
                revoked: keys.revoked.clone(),
                hasty: keys.hasty.clone(),
                random: Rng::with_seed(seed.wrapping_add(number)),
            };
            let stop = Arc::clone(&stop);
            thread::spawn(move || {
                let goes_on = |_: &u64| !stop.load(Ordering::Relaxed);
                (0..CALLS_MAX).take_while(goes_on).map(|_| caller.call()).count() as u64
            })
        });
        Self { threads: threads.collect(), stop }
    }

    /// Ends them and says how often they called.
    pub(crate) fn finish(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        let calls =
            |thread: JoinHandle<u64>| thread.join().unwrap_or_else(|_| panic!("a caller failed"));
        self.threads.into_iter().map(calls).sum()
    }
}

impl Caller {
    fn call(&mut self) {
        match self.random.u8(0..10) {
            0..3 => self.means_well(),
            3 => self.shows_another_key(),
            4 => self.shows_several_keys(),
            5 => self.sends_any_headers(),
            6 => self.asks_for_anything(),
            7 => self.hangs_up_in_the_body(),
            8 => self.hangs_up_before_the_answer(),
            _ => self.speaks_no_http(),
        }
    }

    /// A good call of a client without limits is answered, or refused because the sidecar is away.
    fn means_well(&mut self) {
        let what = self.random.choice(["", "echo", "fail", "refuse"]).unwrap_or_default();
        let answer = models(&self.known).header(DO, what).send(self.to);
        let answer = answer.unwrap_or_else(|error| panic!("a good call: {error}"));
        let quotes =
            |value: &[u8]| value.windows(SECRET.len()).any(|part| part == SECRET.as_bytes());
        assert!(
            !answer.headers.iter().any(|(_, value)| quotes(value)),
            "{what:?} quotes the credential"
        );
        let refusal = answer.header("x-tollkeeper-refusal");
        let expected = match (answer.status, refusal) {
            (200, None) => matches!(what, "" | "echo"),
            (500, None) => what == "fail",
            (401, Some("upstream_refused_credential")) => what == "refuse",
            (503, Some(_)) => true,
            _ => false,
        };
        assert!(expected, "{what:?} was answered {} {refusal:?} {}", answer.status, answer.text());
    }

    fn shows_another_key(&mut self) {
        let (kind, key) = match self.random.u8(0..4) {
            0 => ("revoked", self.revoked.clone()),
            1 => {
                let random = std::array::from_fn(|_| self.random.u8(..));
                ("unknown", client_key::issue(&random).to_string())
            }
            2 => ("cut off", self.known[..self.known.len() - 1].to_owned()),
            _ => ("foreign", format!("sk-{}", self.word(40))),
        };
        let place = self.random.choice(KEY_HEADERS).unwrap_or_default();
        self.is_refused(kind, &Call::get(MODELS).header(place, key));
    }

    fn shows_several_keys(&mut self) {
        let mut call = models(&self.known);
        for _ in 0..self.random.u8(1..4) {
            let place = self.random.choice(&KEY_HEADERS[1..]).copied().unwrap_or_default();
            call = call.header(place, format!("tk_{}", self.word(48)));
        }
        self.is_refused("more than one", &call);
    }

    fn is_refused(&self, kind: &str, call: &Call) {
        let answer = call.send(self.to).unwrap_or_else(|error| panic!("{kind}: {error}"));
        let refusal = answer.header("x-tollkeeper-refusal");
        let refused = (400..=503).contains(&answer.status) && refusal.is_some();
        assert!(refused, "{kind}: {} {}", answer.status, answer.text());
    }

    fn sends_any_headers(&mut self) {
        let mut call = Call::get(MODELS);
        if self.random.bool() {
            call = models(&self.known);
        }
        for _ in 0..self.random.u8(1..20) {
            let name = if self.random.bool() {
                self.random.choice(ODD_NAMES).unwrap_or_default().to_owned()
            } else {
                self.word(12)
            };
            let value = self.bytes(60);
            call = call.header(&name, value);
        }
        self.answers(&call.bytes(self.to));
    }

    fn asks_for_anything(&mut self) {
        let method = if self.random.bool() { self.word(8) } else { "GET".to_owned() };
        let start = self.random.choice(["/", "/openai/", "/openai/v1/../", "*", "http://x/"]);
        let mut bytes = format!("{method} {}", start.unwrap_or_default()).into_bytes();
        bytes.extend(self.bytes(40).iter().filter(|byte| **byte != b' '));
        let rest = format!(" HTTP/1.1\r\nhost: gate\r\nx-api-key: {}\r\n", self.known);
        bytes.extend_from_slice(rest.as_bytes());
        bytes.extend_from_slice(b"connection: close\r\n\r\n");
        self.answers(&bytes);
    }

    fn hangs_up_in_the_body(&mut self) {
        let promised = self.random.usize(2..100_000);
        let sent = self.random.usize(..promised.min(5_000));
        let call = Call::new("POST", CHAT)
            .header("authorization", format!("Bearer {}", self.hasty))
            .header("content-length", promised.to_string())
            .body(vec![b'x'; sent]);
        self.reset_after(&call.bytes(self.to));
    }

    fn hangs_up_before_the_answer(&mut self) {
        let what = self.random.choice(["hold", "reset", ""]).unwrap_or_default();
        self.reset_after(&models(&self.hasty).header(DO, what).bytes(self.to));
    }

    fn speaks_no_http(&mut self) {
        let mut bytes = self.bytes(500);
        bytes.extend_from_slice(b"\r\n\r\n");
        self.reset_after(&bytes);
    }

    /// Sends a whole request and waits for the first bytes of an answer, or the end.
    fn answers(&self, bytes: &[u8]) {
        let mut stream = self.connect();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut first = [0; 1024];
        let outcome = stream.write_all(bytes).and_then(|()| stream.read(&mut first));
        let silent = |kind| matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut);
        if let Err(error) = outcome {
            let text = String::from_utf8_lossy(bytes);
            assert!(!silent(error.kind()), "no answer in {PATIENCE:?} to {text:?}");
        }
    }

    /// Sends something and breaks the connection off.
    fn reset_after(&mut self, bytes: &[u8]) {
        let mut stream = self.connect();
        // Envoy may have closed it already.
        let _ = stream.write_all(bytes);
        if self.random.bool() {
            thread::yield_now();
        }
        set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.to).unwrap_or_else(|error| panic!("the gate is closed: {error}"))
    }

    fn word(&mut self, len_max: usize) -> String {
        let len = self.random.usize(1..=len_max);
        std::iter::repeat_with(|| self.random.alphanumeric()).take(len).collect()
    }

    /// Any bytes but those that end a header: 0xFF among them.
    fn bytes(&mut self, len_max: usize) -> Vec<u8> {
        let len = self.random.usize(..=len_max);
        let any = std::iter::repeat_with(|| self.random.u8(1..));
        any.filter(|byte| !matches!(byte, b'\r' | b'\n')).take(len).collect()
    }
}

/// Names that something on the way takes seriously.
const ODD_NAMES: [&str; 12] = [
    "authorization",
    "x-api-key",
    "x-tollkeeper-service",
    "x-tollkeeper-refusal",
    "x_api_key",
    "x-envoy-retry-on",
    "x-envoy-original-path",
    "x-forwarded-for",
    "cookie",
    "host",
    "te",
    "expect",
];
