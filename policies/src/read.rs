//! A directory of policy files. The only place of this crate that touches the disk.
//!
//! All `*.json` in it and in its folders, in the order of their paths. Names that begin with a dot
//! are skipped: editors' leftovers, `.git`, and the `..data` of a Kubernetes volume, whose files
//! are seen through the links beside it. Links are followed, and each real file or folder is read
//! once.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::bounds::{FILE_BYTES_MAX, FILES_MAX, FOLDER_DEPTH_MAX, POLICY_BYTES_MAX};
use crate::error::{Code, PolicyErrors, Problem, Report};
use crate::source::{SourceFile, Spot};

/// Why a directory could not be read as a policy.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The system refuses.
    Io {
        /// What was to be read.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// More files, deeper folders or more bytes than a policy may have.
    TooMuch {
        /// The directory or file where the bound was met.
        path: PathBuf,
        /// The bound, in words.
        bound: String,
    },
    /// Files that are not text. Every such file is named.
    NotText(PolicyErrors),
}

impl fmt::Display for ReadError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, .. } => {
                write!(out, "cannot read {}; look at its owner and permissions", path.display())
            }
            Self::TooMuch { path, bound } => write!(
                out,
                "{} is more than a policy may be: at most {bound}; \
                 keep only policy files in the directory",
                path.display()
            ),
            Self::NotText(errors) => fmt::Display::fmt(errors, out),
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::TooMuch { .. } | Self::NotText(_) => None,
        }
    }
}

/// Reads the policy files of a directory. One without any is no error here, but it is no policy
/// either: [`crate::load`] says so.
///
/// # Errors
/// [`ReadError`].
pub fn read_directory(directory: &Path) -> Result<Vec<SourceFile>, ReadError> {
    let mut found = Found::default();
    found.folder(directory, 0)?;
    found.paths.sort();
    let mut bytes_left = POLICY_BYTES_MAX;
    let mut texts = Vec::with_capacity(found.paths.len());
    for path in &found.paths {
        texts.push(read_file(path, &mut bytes_left)?);
    }
    decode(&found.paths, texts)
}

#[derive(Default)]
struct Found {
    paths: Vec<PathBuf>,
    /// Real paths of all that was visited: links may lead in circles.
    visited: HashSet<PathBuf>,
}

impl Found {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), ReadError> {
        if depth > FOLDER_DEPTH_MAX {
            return Err(too_much(folder, format!("{FOLDER_DEPTH_MAX} folders deep")));
        }
        if !self.is_new(folder)? {
            return Ok(());
        }
        let failed = |source| io_error(folder, source);
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            entries.push(entry.map_err(failed)?.file_name());
        }
        // Sorted, so that which of two links to one file is read does not depend on the disk.
        entries.sort();
        let shown = entries.iter().filter(|name| !is_hidden(name));
        shown.map(|name| folder.join(name)).try_for_each(|path| self.entry(path, depth))
    }

    fn entry(&mut self, path: PathBuf, depth: usize) -> Result<(), ReadError> {
        let is_json = path.extension() == Some(OsStr::new("json"));
        let kind = match fs::metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            // A link to nowhere that is no policy file is nobody's business here.
            Err(_) if !is_json => return Ok(()),
            Err(source) => return Err(io_error(&path, source)),
        };
        if kind.is_dir() {
            return self.folder(&path, depth.saturating_add(1));
        }
        if !is_json {
            return Ok(());
        }
        if !kind.is_file() {
            // Reading a pipe would wait for ever.
            return Err(io_error(&path, io::ErrorKind::InvalidInput.into()));
        }
        if self.is_new(&path)? {
            if self.paths.len() >= FILES_MAX {
                return Err(too_much(&path, format!("{FILES_MAX} files")));
            }
            self.paths.push(path);
        }
        Ok(())
    }

    fn is_new(&mut self, path: &Path) -> Result<bool, ReadError> {
        let real = fs::canonicalize(path).map_err(|source| io_error(path, source))?;
        Ok(self.visited.insert(real))
    }
}

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().first() == Some(&b'.')
}

fn read_file(path: &Path, bytes_left: &mut usize) -> Result<Vec<u8>, ReadError> {
    let failed = |source| io_error(path, source);
    let bound = FILE_BYTES_MAX.min(*bytes_left);
    let mut bytes = Vec::new();
    // One byte more than may be, to see that there is more.
    let limit = u64::try_from(bound).unwrap_or(u64::MAX).saturating_add(1);
    let file = File::open(path).map_err(failed)?;
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    *bytes_left = bytes_left
        .checked_sub(bytes.len())
        .filter(|_| bytes.len() <= FILE_BYTES_MAX)
        .ok_or_else(|| {
            let bound =
                format!("{FILE_BYTES_MAX} bytes in a file and {POLICY_BYTES_MAX} bytes in all");
            too_much(path, bound)
        })?;
    Ok(bytes)
}

fn decode(paths: &[PathBuf], texts: Vec<Vec<u8>>) -> Result<Vec<SourceFile>, ReadError> {
    let mut broken = Vec::new();
    let mut files = Vec::with_capacity(texts.len());
    for (path, bytes) in paths.iter().zip(texts) {
        let path = path.to_string_lossy().into_owned();
        let text = String::from_utf8(bytes).unwrap_or_else(|error| {
            broken.push((files.len(), error.utf8_error().valid_up_to()));
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        });
        files.push(SourceFile { path, text });
    }
    match not_text(&files, &broken) {
        Some(errors) => Err(ReadError::NotText(errors)),
        None => Ok(files),
    }
}

/// The files are shown with a sign in the place of the bytes that are no characters.
fn not_text(files: &[SourceFile], broken: &[(usize, usize)]) -> Option<PolicyErrors> {
    let sources: Vec<&SourceFile> = files.iter().collect();
    let mut report = Report::new(&sources);
    for (file, place) in broken {
        let sign = char::REPLACEMENT_CHARACTER.len_utf8();
        let at = Spot::new(*file, *place, place.saturating_add(sign));
        report.push(
            Problem::missing(Code::NotUtf8, at, "the file is not UTF-8 text")
                .expected("UTF-8, as every editor writes it today")
                .remedy("open the file in an editor and save it with the encoding UTF-8"),
        );
    }
    report.finish()
}

fn io_error(path: &Path, source: io::Error) -> ReadError {
    ReadError::Io { path: path.to_owned(), source }
}

fn too_much(path: &Path, bound: String) -> ReadError {
    ReadError::TooMuch { path: path.to_owned(), bound }
}
