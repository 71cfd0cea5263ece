//! Where an export goes: a file that is there whole or not at all, or standard output.

use std::fs::{File, Permissions};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// For the owner and the group: it says who spends how much.
const MODE: u32 = 0o640;

/// An export's destination.
#[derive(Debug)]
pub(super) enum Sink {
    /// Becomes the file of this path at the end.
    File(BufWriter<NamedTempFile>, PathBuf),
    /// Standard output.
    Stdout(BufWriter<StdoutLock<'static>>),
}

impl Sink {
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let Some(path) = path else {
            return Ok(Self::Stdout(BufWriter::new(io::stdout().lock())));
        };
        let file = tempfile::Builder::new()
            .prefix(".tmp-")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(directory(path))?;
        Ok(Self::File(BufWriter::new(file), path.to_owned()))
    }

    /// Ends it. Without this nothing becomes a file.
    pub(super) fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut out) => out.flush(),
            Self::File(out, path) => {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(&path).map_err(|error| error.error)?;
                File::open(directory(&path))?.sync_all()
            }
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(out, _) => out.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(out, _) => out.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("focus.csv");
        fs::write(&path, "old").unwrap();
        let mut dropped = Sink::open(Some(&path)).unwrap();
        dropped.write_all(b"half").unwrap();
        drop(dropped);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        let mut whole = Sink::open(Some(&path)).unwrap();
        whole.write_all(b"new").unwrap();
        whole.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
