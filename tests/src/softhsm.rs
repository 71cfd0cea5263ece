//! A SoftHSM2 token of a test's own: a directory, a configuration, a PIN file.
//!
//! Nothing of the machine's tokens is touched. [`SoftHsm::vanish`] and [`SoftHsm::come_back`] take the
//! token away under its users' hands, as a pulled plug or a failed partition does.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a fixture that does not start is a failed test, and this is where it says why"
)]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The environment variable in which SoftHSM looks for its configuration.
pub const CONFIGURATION_VARIABLE: &str = "SOFTHSM2_CONF";

/// Where distributions put the module; `SOFTHSM2_MODULE` names another place.
const MODULES: [&str; 5] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
];

/// The PIN of every token here. It guards nothing.
const PIN: &str = "tests-only-1234";

/// An initialized token.
pub struct SoftHsm {
    dir: TempDir,
    label: String,
}

impl SoftHsm {
    /// Makes a token with this label.
    ///
    /// # Panics
    /// If SoftHSM2 is not installed or refuses.
    #[must_use]
    pub fn init(label: &str) -> Self {
        let hsm = Self {
            dir: tempfile::tempdir().expect("the system has a directory for temporary files"),
            label: label.to_owned(),
        };
        make_dir(&hsm.tokens());
        write(&hsm.configuration(), &hsm.configuration_text());
        write(&hsm.pin_file(), PIN);
        hsm.init_token();
        hsm
    }

    /// The PKCS#11 module of this machine.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn module() -> PathBuf {
        let named = env::var_os("SOFTHSM2_MODULE").map(PathBuf::from);
        let usual = MODULES.iter().map(PathBuf::from);
        named
            .into_iter()
            .chain(usual)
            .find(|module| module.exists())
            .unwrap_or_else(|| {
                panic!("SoftHSM2 is not installed: apt-get install softhsm2, or name its library in SOFTHSM2_MODULE")
            })
    }

    /// The token's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The value of [`CONFIGURATION_VARIABLE`] for whoever uses the token.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.dir.path().join("softhsm2.conf")
    }

    /// The file that holds the PIN.
    #[must_use]
    pub fn pin_file(&self) -> PathBuf {
        self.dir.path().join("pin")
    }

    /// The directory that holds the token and all that belongs to it.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Takes the token away.
    ///
    /// # Panics
    /// If it is away already.
    pub fn vanish(&self) {
        rename(&self.tokens(), &self.elsewhere());
        make_dir(&self.tokens());
    }

    /// Brings it back.
    ///
    /// # Panics
    /// If it is not away.
    pub fn come_back(&self) {
        fs::remove_dir_all(self.tokens())
            .unwrap_or_else(|error| panic!("{}: {error}", self.tokens().display()));
        rename(&self.elsewhere(), &self.tokens());
    }

    fn tokens(&self) -> PathBuf {
        self.dir.path().join("tokens")
    }

    fn elsewhere(&self) -> PathBuf {
        self.dir.path().join("tokens-elsewhere")
    }

    fn configuration_text(&self) -> String {
        // `reset_on_fork` makes SoftHSM as strict as real modules, which a child cannot inherit.
        format!(
            "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n\
             slots.removable = false\nlibrary.reset_on_fork = true\n",
            self.tokens().display()
        )
    }

    fn init_token(&self) {
        let mut command = Command::new("softhsm2-util");
        command
            .env(CONFIGURATION_VARIABLE, self.configuration())
            .args(["--init-token", "--free", "--module"])
            .arg(Self::module())
            .args(["--label", &self.label, "--pin", PIN, "--so-pin", PIN]);
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("softhsm2-util: {error} (apt-get install softhsm2)"));
        assert!(
            output.status.success(),
            "softhsm2-util --init-token: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn make_dir(dir: &Path) {
    fs::create_dir_all(dir).unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

fn rename(from: &Path, to: &Path) {
    fs::rename(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
}
