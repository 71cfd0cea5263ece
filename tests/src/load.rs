//! Many callers at once: one call, offered at a steady pace over connections that stay open.
//!
//! Each sending has a number, which travels in [`SHOT`], so that an upstream's own record can be laid
//! beside the callers'. The pace is a timetable: a sending that is late does not delay the next.
//! Neighbour: `client` words the call and reads the answer.
#![expect(clippy::expect_used, reason = "a load that cannot be offered is a failed test")]

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::task::JoinSet;

use crate::client::{Answer, Call};
use crate::wait;

/// The header that holds a sending's number.
pub const SHOT: &str = "x-shot";

/// A caller of a load does not wait longer than this for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is offered.
#[derive(Clone)]
pub struct Load {
    /// To whom; connections take turns.
    pub to: Vec<SocketAddr>,
    /// So many callers, each with a connection of its own.
    pub connections: usize,
    /// All of them together send so often.
    pub per_second: u32,
    /// What they send.
    pub call: Call,
}

/// One sending and what came of it.
#[derive(Clone, Debug)]
pub struct Shot {
    /// Its number.
    pub number: u32,
    /// Which connection it was sent on.
    pub connection: usize,
    /// Just before its first byte left.
    pub sent: Instant,
    /// When the answer was whole, or the connection broke.
    pub ended: Instant,
    /// The answer, or why there is none.
    pub answer: Result<Answer, String>,
}

/// A load that is being offered. Dropping it ends it.
pub struct Running {
    board: Arc<Board>,
    thread: Option<JoinHandle<()>>,
}

struct Board {
    load: Load,
    started: Instant,
    next: AtomicU32,
    stop: AtomicBool,
    /// Sendings after so many are not made.
    calls_max: u32,
    shots: Mutex<Vec<Shot>>,
}

impl Load {
    /// Begins to offer it.
    ///
    /// # Panics
    /// If the machine refuses a thread.
    #[must_use]
    pub fn start(self) -> Running {
        self.start_at_most(u32::MAX)
    }

    /// Each connection sends one call and no more. Returns what came of them.
    #[must_use]
    pub fn once(self) -> Vec<Shot> {
        let calls = self.connections;
        let running = self.start_at_most(u32::try_from(calls).expect("fewer than 4 billion"));
        running.until("all calls have an outcome", |shots| shots.len() == calls);
        running.finish()
    }

    fn start_at_most(self, calls_max: u32) -> Running {
        let board = Arc::new(Board {
            calls_max,
            load: self,
            started: wait::now(),
            next: AtomicU32::new(0),
            stop: AtomicBool::new(false),
            shots: Mutex::default(),
        });
        let running = Arc::clone(&board);
        Running { board, thread: Some(thread::spawn(move || run(&running))) }
    }

    /// Offers it for so long and returns all that came of it.
    #[must_use]
    pub fn offer(self, time: Duration) -> Vec<Shot> {
        let running = self.start();
        wait::pass(time);
        running.finish()
    }
}

impl Running {
    /// What has come of it so far.
    #[must_use]
    pub fn shots(&self) -> Vec<Shot> {
        self.board.shots.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until what has come of it shows something.
    ///
    /// # Panics
    /// If it does not within [`wait::PATIENCE`]; `what` says what was waited for.
    pub fn until(&self, what: &str, shows: impl Fn(&[Shot]) -> bool) {
        let seen = wait::until(wait::PATIENCE, || {
            let shots = self.shots();
            if shows(&shots) { Ok(()) } else { Err(summary(&shots)) }
        });
        assert!(seen.is_ok(), "{what}: {seen:?}");
    }

    /// Ends it; every sending has its outcome then.
    #[must_use]
    pub fn finish(mut self) -> Vec<Shot> {
        self.end();
        self.shots()
    }

    fn end(&mut self) {
        self.board.stop.store(true, Ordering::Relaxed);
        // If its thread panicked, what it did not do is missing from the shots.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shot {
    /// The status, or 0 where there was no answer.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.answer.as_ref().map_or(0, |answer| answer.status)
    }

    /// The gate's own code, where it refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.answer.as_ref().ok()?.header("x-tollkeeper-refusal")
    }
}

/// How often each outcome came, for the words of a failed test.
#[must_use]
pub fn summary(shots: &[Shot]) -> String {
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for shot in shots {
        let outcome = match &shot.answer {
            Ok(answer) => format!("{} {}", answer.status, shot.refusal().unwrap_or("-")),
            Err(error) => error.clone(),
        };
        *counts.entry(outcome).or_default() += 1;
    }
    format!("{counts:?}")
}

fn run(board: &Arc<Board>) {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime can be built");
    runtime.block_on(async {
        let mut callers = JoinSet::new();
        for connection in 0..board.load.connections {
            callers.spawn(caller(Arc::clone(board), connection));
        }
        while callers.join_next().await.is_some() {}
    });
}

async fn caller(board: Arc<Board>, connection: usize) {
    let load = &board.load;
    let to = load.to[connection % load.to.len()];
    let mut stream = None;
    loop {
        let number = board.next.fetch_add(1, Ordering::Relaxed);
        if number >= board.calls_max {
            return;
        }
        let due = board.started + Duration::from_secs(1) * number / load.per_second;
        tokio::time::sleep_until(due.into()).await;
        if board.stop.load(Ordering::Relaxed) {
            return;
        }
        let sent = wait::now();
        let bytes = load.call.clone().keep_alive().header(SHOT, number.to_string()).bytes(to);
        let answer = tokio::time::timeout(PATIENCE, exchange(&mut stream, to, &bytes)).await;
        let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let keeps =
            answer.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close"));
        if !keeps {
            stream = None;
        }
        let answer = answer.map_err(|error| error.to_string());
        let shot = Shot { number, connection, sent, ended: wait::now(), answer };
        board.shots.lock().unwrap_or_else(PoisonError::into_inner).push(shot);
    }
}

async fn exchange(
    kept: &mut Option<TcpStream>,
    to: SocketAddr,
    bytes: &[u8],
) -> io::Result<Answer> {
    let mut stream = match kept.take() {
        Some(stream) => stream,
        None => TcpStream::connect(to).await?,
    };
    stream.set_nodelay(true)?;
    stream.write_all(bytes).await?;
    let answer = read(&mut stream).await?;
    *kept = Some(stream);
    Ok(answer)
}

async fn read(stream: &mut TcpStream) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match Answer::parse(&bytes) {
            Ok(answer) if answer.is_framed() => return Ok(answer),
            _ => {}
        }
    }
}
