//! The PIN: read from a file or a systemd credential, as bytes, wiped after use.
//!
//! One line end at its end is not part of it, because editors and `echo` put one there; everything
//! else is, so a binary PIN or one that ends in a space works.

use std::env;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cryptoki::types::RawAuthPin;
use zeroize::Zeroizing;

use super::error::HsmError;
use crate::config::PinSource;

/// Longer than any token allows.
const PIN_BYTES_MAX: usize = 1024;

/// The bytes of a PIN.
pub(super) struct Pin(Zeroizing<Vec<u8>>);

impl Pin {
    pub(super) fn read(source: &PinSource) -> Result<Self, HsmError> {
        let path = locate(source)?;
        let unreadable =
            |why: String| HsmError::PinUnreadable { place: path.display().to_string(), why };
        // Room for all of it at once: a buffer that grows leaves copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(PIN_BYTES_MAX + 2));
        let file = File::open(&path).map_err(|error| unreadable(error.to_string()))?;
        file.take(u64::try_from(PIN_BYTES_MAX + 2).unwrap_or(u64::MAX))
            .read_to_end(&mut bytes)
            .map_err(|error| unreadable(error.to_string()))?;
        trim_line_end(&mut bytes);
        match bytes.len() {
            0 => Err(unreadable("it is empty".into())),
            1..=PIN_BYTES_MAX => Ok(Self(bytes)),
            _ => Err(unreadable(format!("it is longer than {PIN_BYTES_MAX} bytes"))),
        }
    }

    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The form that `C_Login` takes; wiped when dropped as well.
    pub(super) fn raw(&self) -> RawAuthPin {
        RawAuthPin::new(Box::new(self.0.to_vec()))
    }
}

/// Where the PIN is.
pub(super) fn locate(source: &PinSource) -> Result<PathBuf, HsmError> {
    match source {
        PinSource::File(path) => Ok(path.clone()),
        PinSource::Credential(name) => env::var_os("CREDENTIALS_DIRECTORY")
            .map(|directory| Path::new(&directory).join(name))
            .ok_or_else(|| HsmError::PinUnreadable {
                place: format!("the systemd credential {name:?}"),
                why: "CREDENTIALS_DIRECTORY is not set: put LoadCredential= into the unit, or use \
                      hsm.pin_file"
                    .into(),
            }),
    }
}

/// Who besides its owner can read the file, in words; `None` if nobody can.
pub(super) fn exposure(path: &Path) -> Option<String> {
    let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0)
        .then(|| format!("its mode is {mode:04o}, so others than its owner can use it"))
}

fn trim_line_end(bytes: &mut Vec<u8>) {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Vec<u8>, HsmError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        fs::write(&path, content).unwrap();
        Pin::read(&PinSource::File(path)).map(|pin| pin.expose().to_vec())
    }

    #[test]
    fn one_line_end_is_not_part_of_the_pin_and_nothing_else_is_touched() {
        assert_eq!(read(b"1234\n").unwrap(), b"1234");
        assert_eq!(read(b"1234\r\n").unwrap(), b"1234");
        assert_eq!(read(b"1234\n\n").unwrap(), b"1234\n");
        assert_eq!(read(b" 12 34 ").unwrap(), b" 12 34 ");
        assert_eq!(read(b"\x00\xff\x80\r").unwrap(), b"\x00\xff\x80\r");
    }

    #[test]
    fn an_empty_or_endless_pin_is_refused() {
        assert!(read(b"\n").unwrap_err().to_string().contains("is empty"));
        assert!(read(&[b'x'; 1024]).is_ok());
        assert!(read(&[b'x'; 1025]).unwrap_err().to_string().contains("longer"));
    }

    #[test]
    fn a_pin_that_others_can_read_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pin");
        fs::write(&path, "1").unwrap();
        for (mode, exposed) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(exposure(&path).is_some(), exposed, "{mode:o}");
        }
    }
}
