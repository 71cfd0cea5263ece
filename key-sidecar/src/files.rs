//! The state directory as files: bounded reads, writes that are whole or absent, one lock.
//!
//! A file is replaced by a rename after its new content is on the disk, so a reader never sees half
//! of one and a power cut leaves the old or the new. Written by root, a file gets the owner of its
//! directory, so that the service can read what an administrator made.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The longest record that is read. The largest that we write, a credential of 8 KiB with a hundred
/// versions, is not near it.
pub const RECORD_BYTES_MAX: u64 = 4 << 20;

/// Readable by the group, which is how an operator looks at records that are safe to show.
const RECORD_MODE: u32 = 0o640;

/// What went wrong with which file.
#[derive(Clone, Debug)]
pub struct FileError {
    /// The file or directory.
    pub path: PathBuf,
    /// What was being done: "read", "write", "lock".
    pub doing: &'static str,
    /// What came of it.
    pub fault: Fault,
}

/// What a file can have wrong.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The system said no.
    Io(Arc<io::Error>),
    /// The content is not what it should be, and how.
    Content(String),
}

impl FileError {
    pub(crate) fn io(path: &Path, doing: &'static str, error: io::Error) -> Self {
        Self { path: path.to_owned(), doing, fault: Fault::Io(Arc::new(error)) }
    }

    pub(crate) fn content(path: &Path, why: impl Into<String>) -> Self {
        Self { path: path.to_owned(), doing: "read", fault: Fault::Content(why.into()) }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Io(error) => write!(out, "cannot {} {path}: {error}", self.doing),
            Fault::Content(why) => write!(out, "{path}: {why}"),
        }
    }
}

impl std::error::Error for FileError {}

/// Reads a whole file; `None` if there is none.
///
/// # Errors
/// [`FileError`]: it cannot be read, or is longer than `bytes_max`.
pub fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, FileError> {
    let fail = |error| FileError::io(path, "read", error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes).map_err(fail)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > bytes_max {
        return Err(FileError::content(path, format!("longer than {bytes_max} bytes")));
    }
    Ok(Some(bytes))
}

/// Reads a JSON file into `T`; `None` if there is no file.
///
/// # Errors
/// [`FileError`], with line and column where the JSON is not a `T`.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let Some(bytes) = read(path, RECORD_BYTES_MAX)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| FileError::content(path, error.to_string()))
}

/// Puts `value` in the place of the file, whole or not at all.
///
/// # Errors
/// [`FileError`]; the old file is then as it was.
pub fn write_json<T: serde::Serialize>(path: &Path, value: &T) -> Result<(), FileError> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| FileError::content(path, error.to_string()))?;
    text.push(b'\n');
    write_atomically(path, &text).map_err(|error| FileError::io(path, "write", error))
}

/// Makes the state directory and the folders in it that are listed and watched.
///
/// # Errors
/// [`FileError`] if one is not there afterwards.
pub fn make_folders(state: &Path) -> Result<(), FileError> {
    make_directory(state)?;
    make_directory(&state.join("credentials"))?;
    make_directory(&state.join("clients"))
}

/// Makes the directory and those above it, if they are missing.
///
/// # Errors
/// [`FileError`] if it is not there afterwards.
pub fn make_directory(path: &Path) -> Result<(), FileError> {
    let fail = |error| FileError::io(path, "make the directory", error);
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(fail)?;
    let parent = path.parent().unwrap_or(Path::new("/"));
    give_to_owner_of(parent, &File::open(path).map_err(fail)?).map_err(fail)
}

/// The files of a directory that end in `.json`, by name; none if there is no directory. Names that
/// begin with a dot are skipped: editors and our own temporary files.
///
/// # Errors
/// [`FileError`] if the directory cannot be listed.
pub fn list_json(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let fail = |error| FileError::io(directory, "list", error);
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(fail)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|end| end == "json") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// What `load` makes of each JSON file of a folder, and what is wrong with the others: one file that is
/// broken hides no other. `load` says `None` of a file that was removed since the listing.
pub fn load_each<T>(
    folder: &Path,
    load: impl Fn(&Path) -> Result<Option<T>, FileError>,
) -> (Vec<T>, Vec<FileError>) {
    let paths = match list_json(folder) {
        Ok(paths) => paths,
        Err(error) => return (Vec::new(), vec![error]),
    };
    let (mut records, mut errors) = (Vec::new(), Vec::new());
    for path in paths {
        match load(&path) {
            Ok(found) => records.extend(found),
            Err(error) => errors.push(error),
        }
    }
    (records, errors)
}

/// Holds `STATE/lock` until it is dropped, so that two commands do not undo each other's change.
/// Waits for whoever has it.
///
/// # Errors
/// [`FileError`] if the lock file cannot be made or locked.
pub fn lock(state: &Path) -> Result<Lock, FileError> {
    lock_file(&state.join("lock"))
}

/// Holds one lock file until it is dropped.
pub(crate) fn lock_file(path: &Path) -> Result<Lock, FileError> {
    let fail = |error| FileError::io(path, "lock", error);
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(fail)?;
    if let Some(directory) = path.parent() {
        give_to_owner_of(directory, &file).map_err(fail)?;
    }
    file.lock().map_err(fail)?;
    Ok(Lock { _file: file })
}

/// A lock that is held.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Puts `content` in the place of the file. A reader sees the old or the new, also after a power
/// cut.
///
/// # Errors
/// The system's; the old file is then as it was.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .permissions(fs::Permissions::from_mode(RECORD_MODE))
        .tempfile_in(directory)?;
    file.write_all(content)?;
    give_to_owner_of(directory, file.as_file())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // The rename is an entry of the directory: it is durable once the directory is.
    File::open(directory)?.sync_all()
}

pub(crate) fn give_to_owner_of(directory: &Path, file: &File) -> io::Result<()> {
    if !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let owner = fs::metadata(directory)?;
    std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_leaves_no_other_file_behind_and_is_not_for_everybody() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        write_json(&path, &1).unwrap();
        write_json(&path, &2).unwrap();
        assert_eq!(read_json::<u32>(&path).unwrap(), Some(2));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, RECORD_MODE & 0o777);
    }

    #[test]
    fn a_missing_file_is_not_an_error_and_a_long_one_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.json");
        assert!(read(&path, 4).unwrap().is_none());
        fs::write(&path, "12345").unwrap();
        assert!(read(&path, 4).unwrap_err().to_string().contains("longer than 4"));
    }

    #[test]
    fn hidden_and_foreign_files_are_no_records() {
        let directory = tempfile::tempdir().unwrap();
        for name in [".tmp-x.json", "b.json", "a.json", "README.md"] {
            fs::write(directory.path().join(name), "{}").unwrap();
        }
        let names = list_json(directory.path()).unwrap();
        let names: Vec<_> = names.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["a.json", "b.json"]);
        assert!(list_json(&directory.path().join("none")).unwrap().is_empty());
    }
}
