//! The plugin's door: a Unix socket, the peer's uid checked at every connection, one path.
//!
//! The socket can do `sync` and nothing else; it cannot administer. Permission is decided by the
//! kernel's word on who connected, not by anything that the peer says.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::routing::post;
use axum::serve::Listener;
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use wire::frame::{self, REQUEST_BYTES_MAX};
use wire::sync::PROTOCOL;
use wire::{PROTOCOL_HEADER, SYNC_PATH};

use crate::service::Service;

/// The owner and the group (Envoy's) may connect; nobody else.
const SOCKET_MODE: u32 = 0o660;

/// The socket, listening.
pub struct Door {
    listener: UnixListener,
    allow_uids: Vec<u32>,
    path: PathBuf,
}

impl Door {
    /// Opens the socket at `path`, in place of one that a former life left there. A live one is not
    /// taken away.
    ///
    /// # Errors
    /// If the folder is missing or not writable, or somebody listens there already.
    pub async fn open(path: &Path, allow_uids: Vec<u32>) -> io::Result<Self> {
        if UnixStream::connect(path).await.is_ok() {
            let text = format!("{}: another process listens here already", path.display());
            return Err(io::Error::new(io::ErrorKind::AddrInUse, text));
        }
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Bound under another name and moved: it is never there with a wider mode.
        let draft = path.with_extension("binding");
        let _ = std::fs::remove_file(&draft);
        let listener = UnixListener::bind(&draft)?;
        std::fs::set_permissions(&draft, Permissions::from_mode(SOCKET_MODE))?;
        std::fs::rename(&draft, path)?;
        Ok(Self { listener, allow_uids, path: path.to_owned() })
    }

    fn allows(&self, stream: &UnixStream) -> bool {
        match stream.peer_cred() {
            Ok(peer) if self.allow_uids.contains(&peer.uid()) => true,
            Ok(peer) => {
                tracing::warn!(
                    uid = peer.uid(),
                    "connection refused: the uid is not in socket.allow_uids"
                );
                false
            }
            Err(error) => {
                tracing::warn!(%error, "connection refused: its uid cannot be told");
                false
            }
        }
    }
}

impl Listener for Door {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            // Axum's own listener waits a moment where file descriptors ran out.
            let (stream, address) = Listener::accept(&mut self.listener).await;
            if self.allows(&stream) {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What is behind the door.
pub fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route(SYNC_PATH, post(sync))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES_MAX))
        .with_state(service)
}

async fn sync(State(service): State<Arc<Service>>, body: Bytes) -> Response<Body> {
    let request = match frame::decode_request(&body) {
        Ok(request) => request,
        Err(error) => return text(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let reply = match service.sync(request).await {
        Ok(reply) => reply,
        Err(refused) => return text(StatusCode::CONFLICT, &refused.to_string()),
    };
    match frame::encode_reply(&reply) {
        Ok(bytes) => response(StatusCode::OK, "application/json", bytes),
        Err(error) => text(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    tracing::debug!(%status, text, "sync refused");
    response(status, "text/plain", text.to_owned().into_bytes())
}

fn response(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(PROTOCOL_HEADER, HeaderValue::from(PROTOCOL));
    response
}
