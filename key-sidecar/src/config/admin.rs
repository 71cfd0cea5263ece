//! The administrators' socket: where it is and whom it answers.

use std::path::{Path, PathBuf};

use super::fields::Fields;

/// The name of the socket beside that of the plugins, unless `admin_socket` says otherwise.
const NAME: &str = "admin.sock";

/// `admin_socket` and `admin_uids`: where an administrator's commands reach the running service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AdminConfig {
    /// `admin_socket`. Default `admin.sock`, beside `socket.path`.
    pub socket: PathBuf,
    /// `admin_uids`: the users who may administer; `None` is the service's own user and root. If it
    /// is given, the socket has mode 0660 instead of 0600, so that a group can be let in.
    pub uids: Option<Vec<u32>>,
}

/// The fields as they stand in the file.
pub(super) struct Raw {
    socket: Option<String>,
    uids: Option<Vec<u32>>,
}

pub(super) fn read(root: &mut Fields<'_, '_>) -> Option<Raw> {
    let socket = root.text("admin_socket");
    let uids = root.optional_uids("admin_uids", "expected user ids, for example [0, 1000]");
    Some(Raw { socket, uids: uids? })
}

impl Raw {
    pub(super) fn place(self, directory: &Path, plugins: &Path) -> AdminConfig {
        let socket = match self.socket {
            Some(path) => directory.join(path),
            None => plugins.with_file_name(NAME),
        };
        AdminConfig { socket, uids: self.uids }
    }
}
