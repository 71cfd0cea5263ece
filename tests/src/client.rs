//! A caller: plain ones through [`Call`], hostile ones through [`exchange`], which sends any bytes.
//!
//! One connection a call, so that no test inherits another's state. Nothing is
//! normalized on the way out; that is the point.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "an answer that is no HTTP is a failed test"
)]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A caller of a test does not wait longer than this for the next byte.
const PATIENCE: Duration = Duration::from_secs(30);

/// A request in the making.
#[derive(Clone)]
pub struct Call {
    head: Vec<u8>,
    body: Vec<u8>,
    keeps_alive: bool,
}

impl Call {
    /// `GET path`.
    #[must_use]
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// `POST path` with a JSON body.
    #[must_use]
    pub fn post(path: &str, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        let mut call = Self::new("POST", path)
            .header("content-type", "application/json")
            .header("content-length", body.len().to_string());
        call.body = body;
        call
    }

    /// Any method and target, no host: [`Call::send`] names the one it calls, and closes.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        let head = format!("{method} {path} HTTP/1.1\r\n").into_bytes();
        Self { head, body: Vec::new(), keeps_alive: false }
    }

    /// A body of any kind, whose framing the headers tell.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The connection is used again.
    #[must_use]
    pub(crate) fn keep_alive(mut self) -> Self {
        self.keeps_alive = true;
        self
    }

    /// Adds a header, byte for byte.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.head.extend_from_slice(name.as_bytes());
        self.head.extend_from_slice(b": ");
        self.head.extend_from_slice(value.as_ref());
        self.head.extend_from_slice(b"\r\n");
        self
    }

    /// Sends it and reads the whole answer.
    ///
    /// # Errors
    /// The connection broke: an answer that was cut off is no answer.
    ///
    /// # Panics
    /// If what comes back is no HTTP.
    pub fn send(&self, to: SocketAddr) -> io::Result<Answer> {
        let mut stream = connect(to)?;
        stream.write_all(&self.bytes(to))?;
        Answer::read(&mut stream)
    }

    /// As it is sent.
    #[must_use]
    pub fn bytes(&self, to: SocketAddr) -> Vec<u8> {
        let has_host = contains(&self.head.to_ascii_lowercase(), b"\r\nhost:");
        let mut bytes = self.head.clone();
        if !has_host {
            bytes.extend_from_slice(format!("host: {to}\r\n").as_bytes());
        }
        if !self.keeps_alive {
            bytes.extend_from_slice(b"connection: close\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// Sends any bytes and reads one answer.
///
/// # Errors
/// The connection cannot be made or breaks before the answer is whole.
///
/// # Panics
/// If what comes back is no HTTP.
pub fn ask(to: SocketAddr, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = connect(to)?;
    stream.write_all(bytes)?;
    Answer::read(&mut stream)
}

/// Sends any bytes and returns all that comes back until the other side closes.
///
/// # Errors
/// The connection cannot be made or breaks.
pub fn exchange(to: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = connect(to)?;
    stream.write_all(bytes)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(to)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Names in lower case, values as bytes, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body, without its framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads until the answer is whole by its own framing: Envoy lingers a second before it closes.
    fn read(from: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let mut piece = [0; 16 * 1024];
        loop {
            let len = from.read(&mut piece)?;
            if len == 0 {
                return Self::parse(&bytes);
            }
            bytes.extend_from_slice(&piece[..len]);
            match Self::parse(&bytes) {
                Ok(answer) if answer.is_framed() => return Ok(answer),
                _ => {}
            }
        }
    }

    pub(crate) fn is_framed(&self) -> bool {
        self.header("content-length").is_some() || self.header("transfer-encoding").is_some()
    }

    /// Reads one whole answer.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where it ends before its framing says so.
    ///
    /// # Panics
    /// If it is no HTTP.
    pub fn parse(bytes: &[u8]) -> io::Result<Self> {
        let mut fields = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut fields);
        let status = response
            .parse(bytes)
            .unwrap_or_else(|error| panic!("no HTTP answer: {error}: {bytes:?}"));
        let httparse::Status::Complete(head_len) = status else {
            return Err(io::ErrorKind::UnexpectedEof.into());
        };
        let mut answer = Self {
            status: response.code.expect("a complete answer has a status"),
            headers: response
                .headers
                .iter()
                .map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec()))
                .collect(),
            body: Vec::new(),
        };
        answer.body = answer.unframe(&bytes[head_len..])?;
        Ok(answer)
    }

    /// The first header of this name, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .and_then(|(_, value)| str::from_utf8(value).ok())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    fn unframe(&self, framed: &[u8]) -> io::Result<Vec<u8>> {
        if self.header("transfer-encoding") == Some("chunked") {
            return unchunk(framed);
        }
        let Some(length) = self.header("content-length") else {
            return Ok(framed.to_vec());
        };
        let length: usize = length.parse().expect("content-length is a number");
        framed.get(..length).map(<[u8]>::to_vec).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

fn unchunk(mut framed: &[u8]) -> io::Result<Vec<u8>> {
    let cut_off = || io::Error::from(io::ErrorKind::UnexpectedEof);
    let mut body = Vec::new();
    loop {
        let Ok(httparse::Status::Complete((start, size))) = httparse::parse_chunk_size(framed)
        else {
            return Err(cut_off());
        };
        if size == 0 {
            return Ok(body);
        }
        let end = start + usize::try_from(size).expect("a chunk fits into memory");
        body.extend_from_slice(framed.get(start..end).ok_or_else(cut_off)?);
        framed = framed.get(end + 2..).ok_or_else(cut_off)?;
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";

    #[test]
    fn a_chunked_body_is_put_together_and_a_cut_off_one_is_an_error() {
        assert_eq!(Answer::parse(CHUNKED).unwrap().body, b"abcd");
        let cut_off = Answer::parse(&CHUNKED[..CHUNKED.len() - 5]).unwrap_err();
        assert_eq!(cut_off.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_body_shorter_than_promised_is_an_error() {
        let short = Answer::parse(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc").unwrap_err();
        assert_eq!(short.kind(), io::ErrorKind::UnexpectedEof);
    }
}
