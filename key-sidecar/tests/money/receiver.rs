//! A receiver of webhooks: a real HTTP server that notes what comes and answers as it is told.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// What it answers to one request.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    Status(u16),
    /// It takes the request and hangs up.
    Nothing,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// The server; its thread ends with the process.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    taken: Arc<Mutex<Vec<Delivery>>>,
    script: Arc<Mutex<VecDeque<Says>>>,
}

impl Receiver {
    /// Answers by the script, and then always 204.
    pub(crate) fn new(script: &[Says]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let taken = Arc::<Mutex<Vec<Delivery>>>::default();
        let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
        let (noted, says) = (Arc::clone(&taken), Arc::clone(&script));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // A connection of a client that was killed.
                let Some(delivery) = read(&mut stream) else { continue };
                noted.lock().unwrap().push(delivery);
                let says = says.lock().unwrap().pop_front().unwrap_or(Says::Status(204));
                if let Says::Status(status) = says {
                    let head = format!(
                        "HTTP/1.1 {status} x\r\ncontent-length: 0\r\nlocation: /elsewhere\r\n\
                         connection: close\r\n\r\n"
                    );
                    let _ = stream.write_all(head.as_bytes());
                }
            }
        });
        Self { address, taken, script }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook/s3cret-path", self.address)
    }

    pub(crate) fn taken(&self) -> Vec<Delivery> {
        self.taken.lock().unwrap().clone()
    }

    /// What it was told and has not said yet.
    pub(crate) fn unsaid(&self) -> usize {
        self.script.lock().unwrap().len()
    }
}

fn read(stream: &mut TcpStream) -> Option<Delivery> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Delivery { headers, body: String::from_utf8(body).ok()? })
}

impl Delivery {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header == name);
        &found.unwrap_or_else(|| panic!("no {name} in {self:?}")).1
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// As a receiver checks it.
    pub(crate) fn is_signed_with(&self, secret: &[u8]) -> bool {
        let header = self.header("x-tollkeeper-signature");
        let (seconds, signature) =
            header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
        mac.update(format!("{seconds}.{}", self.body).as_bytes());
        let mac = mac.finalize().into_bytes();
        signature == mac.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    }
}
