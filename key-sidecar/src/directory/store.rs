//! `STATE/clients/NAME.json`: one file for each client.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wire::ids::ClientName;

use super::{ClientRecord, FORMAT};
use crate::files::{self, FileError};

/// The folder in the state directory.
pub const FOLDER: &str = "clients";

/// The records of a directory.
#[derive(Clone, Debug)]
pub struct ClientStore {
    directory: PathBuf,
}

impl ClientStore {
    /// The store in `directory`. Nothing is read yet.
    #[must_use]
    pub fn open(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// The store of a state directory.
    #[must_use]
    pub fn in_state(state: &Path) -> Self {
        Self::open(&state.join(FOLDER))
    }

    /// Every record that can be read, by client, and what is wrong with the other files.
    #[must_use]
    pub fn load_all(&self) -> (Vec<ClientRecord>, Vec<FileError>) {
        files::load_each(&self.directory, load_file)
    }

    /// The record of one client, empty if it has no file.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn load(&self, client: &ClientName) -> Result<ClientRecord, FileError> {
        let record = load_file(&self.path(client))?;
        Ok(record.unwrap_or_else(|| ClientRecord::empty(client.clone())))
    }

    /// Writes a record, whole or not at all. The caller holds [`files::lock`] since it read it.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn store(&self, record: &ClientRecord) -> Result<(), FileError> {
        files::make_directory(&self.directory)?;
        files::write_json(&self.path(record.client()), record)
    }

    fn path(&self, client: &ClientName) -> PathBuf {
        self.directory.join(format!("{client}.json"))
    }
}

fn load_file(path: &Path) -> Result<Option<ClientRecord>, FileError> {
    let Some(record) = files::read_json::<ClientRecord>(path)? else {
        return Ok(None);
    };
    if record.format != FORMAT {
        return Err(FileError::content(
            path,
            format!(
                "format {} is not known: this key-sidecar reads format {FORMAT}",
                record.format
            ),
        ));
    }
    if path.file_stem().is_none_or(|stem| stem != record.client.as_str()) {
        return Err(FileError::content(
            path,
            format!(
                "these are the keys of {}, which cannot be used under another file name",
                record.client
            ),
        ));
    }
    let digests: BTreeSet<_> = record.keys.iter().map(|key| key.digest).collect();
    match digests.len() == record.keys.len() {
        true => Ok(Some(record)),
        false => Err(FileError::content(path, "one key is there twice")),
    }
}
