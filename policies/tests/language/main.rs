//! The language as its users meet it: what is accepted, what is refused and in which words, and
//! whether the schema says the same as the parser.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing test is supposed to stop there, in its helpers too"
)]

mod facts;
mod hostile;
mod money;
mod mutations;
mod periods;
mod rejected;
mod samples;
mod schema;

use std::fs;
use std::path::{Path, PathBuf};

use policies::{SourceFile, read_directory};

/// The folder of this crate that holds files of the language.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// One policy of a folder: a file, or a folder of files that belong together.
struct Case {
    name: String,
    path: PathBuf,
    files: Vec<SourceFile>,
}

/// The policies of a folder, sorted. Paths in them are as short as errors shall show them.
fn cases(name: &str) -> Vec<Case> {
    let root = folder(name);
    let entries = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| path.is_dir() || path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "{name} holds policies");
    paths
        .into_iter()
        .map(|path| Case {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            files: files(&root, &path),
            path,
        })
        .collect()
}

fn files(root: &Path, path: &Path) -> Vec<SourceFile> {
    let mut files = match path.is_dir() {
        true => read_directory(path).unwrap(),
        false => vec![SourceFile {
            path: path.to_string_lossy().into_owned(),
            text: fs::read_to_string(path).unwrap(),
        }],
    };
    for file in &mut files {
        let short = Path::new(&file.path).strip_prefix(root).unwrap();
        file.path = short.to_string_lossy().into_owned();
    }
    files
}

fn single(text: impl Into<String>) -> [SourceFile; 1] {
    [SourceFile { path: "policy.json".into(), text: text.into() }]
}
