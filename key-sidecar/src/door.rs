//! A Unix socket that answers only whom it is meant for: the peer's uid is checked at every connection.
//!
//! Permission is decided by the kernel's word on who connected, not by anything that the peer says.
//! Neighbours: [`crate::front`] is behind the plugins' door, [`crate::admin`] behind the
//! administrators'.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};

/// Whom a door lets in.
#[derive(Clone, Debug)]
pub struct Admits {
    /// These users and nobody else.
    pub uids: Vec<u32>,
    /// The mode of the socket: who may try.
    pub mode: u32,
    /// The field of the configuration that says so, for the log.
    pub field: &'static str,
}

/// The socket, listening.
pub struct Door {
    listener: UnixListener,
    admits: Admits,
    path: PathBuf,
}

impl Door {
    /// Opens the socket at `path`, in place of one that a former life left there. A live one is not
    /// taken away.
    ///
    /// # Errors
    /// If the folder is missing or not writable, or somebody listens there already.
    pub async fn open(path: &Path, admits: Admits) -> io::Result<Self> {
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
        std::fs::set_permissions(&draft, Permissions::from_mode(admits.mode))?;
        std::fs::rename(&draft, path)?;
        Ok(Self { listener, admits, path: path.to_owned() })
    }

    fn allows(&self, stream: &UnixStream) -> bool {
        let Admits { uids, field, .. } = &self.admits;
        match stream.peer_cred() {
            Ok(peer) if uids.contains(&peer.uid()) => true,
            Ok(peer) => {
                tracing::warn!(uid = peer.uid(), "connection refused: the uid is not in {field}");
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

/// Who connected.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    /// The user's id; `None` if the kernel does not tell, which no door lets in.
    uid: Option<u32>,
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        Self { uid: stream.io().peer_cred().ok().map(|peer| peer.uid()) }
    }
}

impl Peer {
    /// Who that is, as the ledger remembers it: `alice (uid 1000)`.
    #[must_use]
    pub fn describe(self) -> String {
        let Some(uid) = self.uid else {
            return "unknown".to_owned();
        };
        match uzers::get_user_by_uid(uid) {
            Some(user) => format!("{} (uid {uid})", user.name().to_string_lossy()),
            None => format!("uid {uid}"),
        }
    }
}
