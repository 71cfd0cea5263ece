//! The command line's side of the administrators' socket: one request, one answer.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::Problem;

/// A service that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// More than any answer has.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// Why there is no answer, or none that helps.
#[derive(Debug)]
pub enum AdminError {
    /// Nobody answers at the socket.
    Unreachable(PathBuf, io::Error),
    /// The connection broke, or it took too long. What was asked for may have been done.
    Broken(PathBuf, String),
    /// The service says no, and why.
    Refused(Problem),
}

impl fmt::Display for AdminError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(path, error) => {
                let remedy = match error.kind() {
                    io::ErrorKind::PermissionDenied => {
                        "run the command as the service's user or as root"
                    }
                    _ => "is the service running, with this configuration?",
                };
                write!(out, "cannot reach the service at {}: {error}; {remedy}", path.display())
            }
            Self::Broken(path, why) => write!(
                out,
                "no answer from the service at {}: {why}; it is safe to repeat the command with \
                 the same id",
                path.display()
            ),
            Self::Refused(problem) => out.write_str(&problem.error),
        }
    }
}

impl Error for AdminError {}

/// Posts `body` to the service whose administrators' socket is at `socket`.
///
/// # Errors
/// [`AdminError`].
pub async fn post<T: DeserializeOwned>(
    socket: &Path,
    path: &str,
    body: &impl Serialize,
) -> Result<T, AdminError> {
    let body = serde_json::to_vec(body)
        .map_err(|error| AdminError::Broken(socket.to_owned(), error.to_string()))?;
    ask(socket, Method::POST, path, body).await
}

/// Gets a page of the service whose administrators' socket is at `socket`.
///
/// # Errors
/// [`AdminError`].
pub async fn get<T: DeserializeOwned>(socket: &Path, path: &str) -> Result<T, AdminError> {
    ask(socket, Method::GET, path, Vec::new()).await
}

async fn ask<T: DeserializeOwned>(
    socket: &Path,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<T, AdminError> {
    let stream = UnixStream::connect(socket)
        .await
        .map_err(|error| AdminError::Unreachable(socket.to_owned(), error))?;
    let broken = |error: Box<dyn Error + Send + Sync>| {
        AdminError::Broken(socket.to_owned(), error.to_string())
    };
    let (status, bytes) = tokio::time::timeout(PATIENCE, exchange(stream, method, path, body))
        .await
        .map_err(|elapsed| broken(elapsed.into()))?
        .map_err(broken)?;
    if status.is_success() {
        return serde_json::from_slice(&bytes).map_err(|error| broken(error.into()));
    }
    Err(AdminError::Refused(serde_json::from_slice(&bytes).unwrap_or_else(|_| Problem {
        code: status.as_str().to_owned(),
        // An older or a newer service, or another program.
        error: format!("the service at {} answers {status} to {path}", socket.display()),
    })))
}

async fn exchange(
    stream: UnixStream,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> Result<(StatusCode, Bytes), Box<dyn Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "key-sidecar")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answering = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await?;
        Ok((status, body.to_bytes()))
    };
    tokio::pin!(answering);
    // The connection moves the bytes; where it ends first, the answer says what became of it.
    tokio::select! {
        answer = &mut answering => answer,
        _ = connection => answering.await,
    }
}
