//! Where the things under test are: built by `make`, or named by an environment variable.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "without the things under test there is no test"
)]

use std::env;
use std::path::{Path, PathBuf};

/// The filter: `TOLLKEEPER_WASM`, or what `make wasm` wrote.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn wasm() -> PathBuf {
    artifact("TOLLKEEPER_WASM", target_dir().join("tollkeeper.wasm"), "make wasm")
}

/// The filter that does nothing, as the linker wrote it: `EMPTY_PROBE`, or what `make bench` built.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn empty_probe() -> PathBuf {
    let usual = target_dir().join("wasm32-wasip1/wasm/tollkeeper_empty_probe.wasm");
    artifact("EMPTY_PROBE", usual, "make bench")
}

/// The sidecar: `KEY_SIDECAR`, or what `cargo build -p key-sidecar` wrote beside this test.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn key_sidecar() -> PathBuf {
    artifact("KEY_SIDECAR", profile_dir().join("key-sidecar"), "cargo build -p key-sidecar")
}

/// Envoy: `ENVOY`, or the one from the Python wheel that `make` puts into `.venv`.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn envoy() -> PathBuf {
    artifact("ENVOY", repository().join(".venv/bin/envoy"), "make envoy")
}

/// Python with the official clients: `PYTHON`, or the one that `make` puts into `.venv`.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn python() -> PathBuf {
    artifact("PYTHON", repository().join(".venv/bin/python"), "make .venv/installed")
}

/// The repository's root.
#[must_use]
pub fn repository() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn artifact(variable: &str, usual: PathBuf, remedy: &str) -> PathBuf {
    let path = env::var_os(variable).map_or(usual, PathBuf::from);
    assert!(
        path.exists(),
        "{} is not there: run `{remedy}`, or name another in {variable}",
        path.display()
    );
    path
}

/// `target/debug` of the build that this test is from, wherever cargo was told to put it.
fn profile_dir() -> PathBuf {
    let test = env::current_exe().expect("a test has a path");
    let deps = test.parent().expect("a test is in a directory");
    deps.parent()
        .unwrap_or_else(|| panic!("{} is not in a target directory", test.display()))
        .to_owned()
}

/// Where cargo was told to put what it builds.
///
/// # Panics
/// If this program was not built by cargo.
#[must_use]
pub fn target_dir() -> PathBuf {
    let profile = profile_dir();
    profile
        .parent()
        .unwrap_or_else(|| panic!("{} is not in a target directory", profile.display()))
        .to_owned()
}
