//! Has anything about the policy files changed? Told from their names, sizes and times, without reading
//! them: cheap enough to be asked several times a second.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Folders deeper than this hold no policy.
const DEPTH_MAX: usize = 8;

/// More entries than this are left to the slow look, which reads everything.
const ENTRIES_MAX: usize = 4_096;

/// What is to be seen of the files below a directory, as one number.
pub(super) fn glance(directory: &Path) -> u64 {
    let mut seen = DefaultHasher::new();
    let mut left = ENTRIES_MAX;
    look(directory, 0, &mut left, &mut seen);
    seen.finish()
}

/// Links are followed, and may lead in circles: depth and number are bounded.
fn look(path: &Path, depth: usize, left: &mut usize, seen: &mut DefaultHasher) {
    let Some(rest) = left.checked_sub(1) else { return };
    *left = rest;
    path.hash(seen);
    let Ok(about) = fs::metadata(path) else {
        return false.hash(seen);
    };
    (about.dev(), about.ino(), about.size(), about.mtime(), about.mtime_nsec()).hash(seen);
    if !about.is_dir() || depth >= DEPTH_MAX {
        return;
    }
    let Ok(entries) = fs::read_dir(path) else { return };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.retain(|name| !name.as_encoded_bytes().starts_with(b"."));
    names.sort();
    for name in names {
        look(&path.join(name), depth + 1, left, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_change_of_a_policy_file_is_seen_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        fs::create_dir(path("policies")).unwrap();
        fs::create_dir(path("policies/teams")).unwrap();
        fs::write(path("policies/teams/a.json"), "{}").unwrap();
        let glance = || glance(&path("policies"));
        let first = glance();
        assert_eq!(glance(), first);

        fs::write(path("beside.json"), "{}").unwrap();
        assert_eq!(glance(), first);

        fs::write(path("policies/teams/a.json"), "{ }").unwrap();
        let grown = glance();
        assert_ne!(grown, first);

        fs::write(path("new"), "{?}").unwrap();
        fs::rename(path("new"), path("policies/teams/a.json")).unwrap();
        let replaced = glance();
        assert_ne!(replaced, grown);

        // As Kubernetes does it: the folder is a link, and the link is swapped.
        fs::create_dir(path("other")).unwrap();
        fs::remove_dir_all(path("policies")).unwrap();
        std::os::unix::fs::symlink(path("other"), path("policies")).unwrap();
        assert_ne!(glance(), replaced);
    }

    #[test]
    fn links_in_a_circle_end() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("again")).unwrap();
        std::os::unix::fs::symlink(directory.path(), directory.path().join("twice")).unwrap();
        glance(directory.path());
    }
}
