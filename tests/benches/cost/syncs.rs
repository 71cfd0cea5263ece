//! How many syncs a second the sidecar answers, asked over its socket without an Envoy.
//!
//! Each connection is a holder of its own that settles and borrows for one client, as a worker does,
//! as fast as it is answered. The requests are written before the clock starts.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Barrier;
use std::thread;

use tollkeeper_tests::client::Answer;
use tollkeeper_tests::wait;
use wire::client_key;
use wire::frame;
use wire::ids::{HolderId, ServiceName};
use wire::sync::{Identity, LeaseLine, PROTOCOL, SyncReply, SyncRequest, WhoIs};
use wire::{PROTOCOL_HEADER, SYNC_PATH};

use crate::cpu;
use crate::stand::Stand;

/// A worker, and a machine of eight.
pub(crate) const CONNECTIONS: [usize; 2] = [1, 8];
const SYNCS: u64 = 2_000;

/// What was measured.
pub(crate) struct Syncs {
    /// At the same time.
    pub(crate) connections: usize,
    /// Over all connections.
    pub(crate) per_second: f64,
    /// The sidecar's microseconds for each.
    pub(crate) cpu: f64,
}

/// Measures with so many connections.
pub(crate) fn of(connections: usize, stand: &Stand) -> Syncs {
    let ready = &Barrier::new(connections + 1);
    let cpu_before = cpu::micros(stand.sidecar_id());
    let took = thread::scope(|scope| {
        let holders: Vec<_> = stand.client_keys()[..connections]
            .iter()
            .map(|key| {
                scope.spawn(move || hold(connections, &stand.sidecar().socket(), key, ready))
            })
            .collect();
        ready.wait();
        let join = || holders.into_iter().for_each(|holder| holder.join().expect("it syncs"));
        wait::measured(join).1
    });
    let cpu = cpu::micros(stand.sidecar_id()) - cpu_before;
    let syncs = cpu::as_f64(SYNCS) * connections as f64;
    Syncs { connections, per_second: syncs / took.as_secs_f64(), cpu: cpu / syncs }
}

fn hold(salt: usize, socket: &Path, key: &str, ready: &Barrier) {
    let mut stream = UnixStream::connect(socket).expect("the sidecar listens");
    let mut request = introduction(salt, key);
    let reply = exchange(&mut stream, &http(&request));
    let reply = frame::decode_reply(&reply.body).expect("the sidecar answers in the protocol");
    get_to_work(&mut request, reply);
    let requests: Vec<Vec<u8>> = (0..SYNCS)
        .map(|_| {
            request.sequence += 1;
            http(&request)
        })
        .collect();
    ready.wait();
    for request in &requests {
        exchange(&mut stream, request);
    }
}

/// The first sync of a worker, for its first client.
fn introduction(salt: usize, key: &str) -> SyncRequest {
    let digest = client_key::digest(key.as_bytes());
    let id = digest.0.first_chunk().copied().unwrap_or_default();
    SyncRequest {
        protocol: PROTOCOL,
        // A holder of its own in each measurement.
        holder: HolderId(u128::from_be_bytes(id) ^ salt as u128),
        sequence: 1,
        epoch: None,
        policy: None,
        directory: 0,
        who: vec![WhoIs {
            digest,
            service: ServiceName::parse("openai").expect("openai is a name"),
        }],
        credentials: Vec::new(),
        leases: Vec::new(),
        money: Vec::new(),
        settlements: Vec::new(),
    }
}

/// What every later sync says: it has spent a little of each limit and wants as much.
fn get_to_work(request: &mut SyncRequest, reply: SyncReply) {
    request.epoch = Some(reply.epoch);
    request.policy = reply.policy.map(|policy| policy.version);
    request.directory = reply.directory;
    request.who = Vec::new();
    let Some(Identity::Known(client)) = reply.clients.into_iter().next().map(|it| it.identity)
    else {
        panic!("the sidecar does not know a client of the policy");
    };
    let line = |limit| LeaseLine { limit, spent: 1, returned: 0, wants: 1 };
    request.leases = client.limits.into_iter().map(|limit| line(limit.key)).collect();
}

fn http(request: &SyncRequest) -> Vec<u8> {
    let body = frame::encode_request(request).expect("a request can be written");
    let mut bytes = format!(
        "POST {SYNC_PATH} HTTP/1.1\r\nhost: key-sidecar\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend(body);
    bytes
}

fn exchange(stream: &mut UnixStream, request: &[u8]) -> Answer {
    stream.write_all(request).expect("the sidecar reads");
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let len = stream.read(&mut piece).expect("the sidecar answers");
        assert!(len > 0, "the sidecar closed the connection");
        bytes.extend_from_slice(&piece[..len]);
        if let Ok(answer) = Answer::parse(&bytes) {
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert!(answer.header(PROTOCOL_HEADER).is_some(), "no sidecar answers this");
            return answer;
        }
    }
}
