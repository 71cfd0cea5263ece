//! Which policy this is: the head of a SHA-256 over its files.

use std::path::Path;

use sha2::{Digest, Sha256};
use wire::ids::PolicyVersion;

use crate::source::SourceFile;

/// Hex digits of a version: 64 bits tell the policies of one organization apart.
const DIGITS: usize = 16;

/// The version of these files, which are sorted by path. It does not depend on where the directory
/// lies, so that the same policy has one version on every machine. (`None` would mean that hex
/// digits are no name.)
pub(crate) fn version(sources: &[&SourceFile]) -> Option<PolicyVersion> {
    let root = common_folder(sources);
    let mut hash = Sha256::new();
    for source in sources {
        let path = Path::new(&source.path);
        let path = path.strip_prefix(root).unwrap_or(path);
        for part in [path.as_os_str().as_encoded_bytes(), source.text.as_bytes()] {
            // With its length before it, no text can pass for the end of one file and the start of
            // another.
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
    }
    let digits: String =
        hash.finalize().iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect();
    PolicyVersion::parse(&digits).ok()
}

/// The deepest folder that holds all files.
fn common_folder<'s>(sources: &[&'s SourceFile]) -> &'s Path {
    let none = Path::new("");
    let first = sources.first().map_or(none, |source| Path::new(&source.path));
    first
        .ancestors()
        .skip(1)
        .find(|folder| sources.iter().all(|source| Path::new(&source.path).starts_with(folder)))
        .unwrap_or(none)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(files: &[(&str, &str)]) -> Option<PolicyVersion> {
        let files: Vec<SourceFile> = files
            .iter()
            .map(|(path, text)| SourceFile { path: (*path).into(), text: (*text).into() })
            .collect();
        version(&crate::source::sorted(&files))
    }

    #[test]
    fn a_version_says_what_and_not_where() {
        let here = of(&[("p/a.json", "1"), ("p/t/b.json", "2")]);
        assert!(here.is_some());
        assert_eq!(here, of(&[("/etc/p/t/b.json", "2"), ("/etc/p/a.json", "1")]));
        assert_ne!(here, of(&[("p/a.json", "1"), ("p/t/b.json", "3")]));
        assert_ne!(here, of(&[("p/a.json", "1"), ("p/t/c.json", "2")]));
        assert_ne!(here, of(&[("p/a.json", "12"), ("p/t/b.json", "")]));
    }
}
