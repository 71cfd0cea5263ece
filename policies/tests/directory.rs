//! Which files of a directory are the policy?
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test is supposed to stop there, in its helpers too"
)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use policies::{ReadError, read_directory};

fn write(root: &Path, path: &str, text: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn names(root: &Path) -> Vec<String> {
    let files = read_directory(root).unwrap();
    let short = |path: &str| Path::new(path).strip_prefix(root).unwrap().display().to_string();
    files.iter().map(|file| short(&file.path)).collect()
}

#[test]
fn json_files_of_all_folders_are_read_in_order() {
    let root = tempfile::tempdir().unwrap();
    for path in ["b.json", "a.json", "teams/x.json", "README.md", "a.json~", ".hidden.json"] {
        write(root.path(), path, path.as_bytes());
    }
    write(root.path(), ".git/config.json", b"");
    assert_eq!(names(root.path()), ["a.json", "b.json", "teams/x.json"]);
    assert_eq!(read_directory(root.path()).unwrap()[1].text, "b.json");
}

#[test]
fn a_kubernetes_volume_is_read_through_its_links_once() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "..2026_11_25/policy.json", b"{}");
    symlink("..2026_11_25", root.path().join("..data")).unwrap();
    symlink("..data/policy.json", root.path().join("policy.json")).unwrap();
    assert_eq!(names(root.path()), ["policy.json"]);
}

#[test]
fn links_in_a_circle_end() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "teams/a.json", b"{}");
    symlink(root.path(), root.path().join("teams/again")).unwrap();
    symlink("a.json", root.path().join("teams/b.json")).unwrap();
    assert_eq!(names(root.path()), ["teams/a.json"]);
}

#[test]
fn a_policy_file_that_leads_nowhere_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    symlink("gone.json", root.path().join("policy.json")).unwrap();
    let error = read_directory(root.path()).unwrap_err();
    assert!(error.to_string().contains("policy.json"), "{error}");
    assert!(matches!(error, ReadError::Io { .. }));
}

#[test]
fn files_that_are_no_text_are_all_named_with_their_place() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "a.json", b"{\n  \"\xc3\xa9\": \"M\xfcnchen\"\n}");
    write(root.path(), "b.json", b"\xff\xfe{\0}\0");
    write(root.path(), "c.json", b"{}");
    let ReadError::NotText(errors) = read_directory(root.path()).unwrap_err() else {
        panic!("not text");
    };
    let places: Vec<_> = errors
        .as_slice()
        .iter()
        .map(|error| error.place.as_ref().map(|place| (place.line, place.column)))
        .collect();
    assert_eq!(places, [Some((2, 10)), Some((1, 1))]);
}

#[test]
fn folders_have_an_end() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "1/2/3/4/5/6/7/8/9/a.json", b"{}");
    let error = read_directory(root.path()).unwrap_err();
    assert!(matches!(error, ReadError::TooMuch { .. }), "{error}");
}

#[test]
fn a_directory_that_is_not_there_says_so() {
    let root = tempfile::tempdir().unwrap();
    let error = read_directory(&root.path().join("gone")).unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}
