//! The sidecar's configuration: one JSON file, checked whole.
//!
//! Every error is reported in one run, with its place and its remedy; an unknown field is an error,
//! because a misspelt one would be a silent default. A relative path is relative to the file.
//! Neighbours:
//! `fields` reads JSON and collects the errors; `hsm` and `serve` take the parts they need.

mod admin;
mod alerts;
mod fields;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use wire::units::Millis;

pub use self::admin::AdminConfig;
pub use self::alerts::WebhookConfig;
use self::fields::Fields;
use crate::files;

/// Where the configuration is looked for unless `--config` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/tollkeeper/sidecar.json";

/// What the sidecar is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `policy`: the directory of the policy files. Default `policies`, beside the file.
    pub policy: PathBuf,
    /// `state`: what the sidecar keeps: sealed credentials, client keys, the token's check value.
    /// Default `/var/lib/tollkeeper`.
    pub state: PathBuf,
    /// `socket`: where plugins ask.
    pub socket: SocketConfig,
    /// `admin`: the admin page and metrics, on a loopback address. Default `127.0.0.1:9310`.
    pub admin: SocketAddr,
    /// `admin_socket`, `admin_uids`: the administrators' socket.
    pub administration: AdminConfig,
    /// `alerts.webhook`: whom alerts are sent to, if anybody.
    pub webhook: Option<WebhookConfig>,
    /// `hsm`: the HSM token and how to reach it.
    pub hsm: HsmConfig,
}

/// The socket for plugins, mode 0660.
#[derive(Clone, Debug)]
pub struct SocketConfig {
    /// `socket.path`. Default `/run/tollkeeper/sync.sock`.
    pub path: PathBuf,
    /// `socket.allow_uids`: the users that Envoy may run as. Nobody else is answered. Required.
    pub allow_uids: Vec<u32>,
}

/// The HSM token.
#[derive(Clone, Debug)]
pub struct HsmConfig {
    /// `hsm.module`: the PKCS#11 module, a shared library. Required.
    pub module: PathBuf,
    /// `hsm.token_label` or `hsm.token_serial`: which HSM token. One of them is required.
    pub token: TokenChoice,
    /// `hsm.pin_file` or `hsm.pin_credential`: where the PIN is. One of them is required.
    pub pin: PinSource,
    /// `hsm.sessions`: how many calls run side by side, 1 to 32. Default 4.
    pub sessions: usize,
    /// `hsm.deadline_ms`: how long a call may take before its caller is told that the HSM does not
    /// answer, 10 to 10000. Default 200.
    pub deadline: Millis,
    /// `hsm.single_threaded`: for a module that is not safe to call from several threads. Default
    /// false.
    pub single_threaded: bool,
}

/// How the HSM token is chosen. Never by slot number: those move.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TokenChoice {
    /// By its label, which must be the label of exactly one.
    Label(String),
    /// By its serial number.
    Serial(String),
}

impl fmt::Display for TokenChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Label(label) => write!(out, "labelled {label:?}"),
            Self::Serial(serial) => write!(out, "with serial number {serial:?}"),
        }
    }
}

/// Where the PIN is read from. Never an argument or an environment variable: others can see those.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PinSource {
    /// A file that only the service may read.
    File(PathBuf),
    /// A systemd credential, in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
}

/// Everything that is wrong with a configuration.
#[derive(Clone, Debug)]
pub struct ConfigErrors {
    path: PathBuf,
    errors: Vec<String>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the configuration {} is wrong:", self.path.display())?;
        self.errors.iter().try_for_each(|error| write!(out, "\n  {error}"))
    }
}

impl std::error::Error for ConfigErrors {}

/// More sessions than this do not make a token faster, and small ones have 16 in all.
const SESSIONS_MAX: u64 = 32;
const SESSIONS_DEFAULT: u64 = 4;
/// The plugin gives up after 250 ms; the answer must be on its way before.
const DEADLINE_MS_DEFAULT: u64 = 200;
const DEADLINE_MS_MAX: u64 = 10_000;
const CONFIG_BYTES_MAX: u64 = 1 << 20;
const ADMIN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9310);

impl Config {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// [`ConfigErrors`], all of them.
    pub fn load(path: &Path) -> Result<Self, ConfigErrors> {
        let one = |error: String| ConfigErrors { path: path.to_owned(), errors: vec![error] };
        let bytes = files::read(path, CONFIG_BYTES_MAX)
            .map_err(|error| one(error.to_string()))?
            .ok_or_else(|| {
                one("there is no such file: write it, or name another with --config".into())
            })?;
        let directory = std::path::absolute(path)
            .ok()
            .and_then(|path| path.parent().map(Path::to_owned))
            .unwrap_or_default();
        Self::parse(&bytes, &directory)
            .map_err(|errors| ConfigErrors { path: path.to_owned(), errors })
    }

    fn parse(bytes: &[u8], directory: &Path) -> Result<Self, Vec<String>> {
        let json = serde_json::from_slice(bytes).map_err(|error| vec![error.to_string()])?;
        let mut errors = Vec::new();
        let config = Self::read(&json, directory, &mut errors);
        match config {
            Some(config) if errors.is_empty() => Ok(config),
            _ => Err(errors),
        }
    }

    fn read(json: &serde_json::Value, directory: &Path, errors: &mut Vec<String>) -> Option<Self> {
        let mut root = Fields::of(json, "", errors)?;
        let policy = root.text("policy").unwrap_or_else(|| "policies".into());
        let state = root.text("state").unwrap_or_else(|| "/var/lib/tollkeeper".into());
        let admin = root.text("admin");
        let administration = admin::read(&mut root);
        let alerts = root.optional_object("alerts");
        let socket = root.object("socket");
        let hsm = root.object("hsm");
        root.finish();
        let admin = admin.map_or(Some(ADMIN_DEFAULT), |text| read_admin(&text, errors));
        let socket = socket.and_then(|json| read_socket(json, directory, errors));
        let hsm = hsm.and_then(|json| read_hsm(json, directory, errors));
        let webhook = alerts::read(alerts, directory, errors);
        let socket = socket?;
        Some(Self {
            policy: directory.join(policy),
            state: directory.join(state),
            administration: administration?.place(directory, &socket.path),
            socket,
            admin: admin?,
            webhook: webhook?,
            hsm: hsm?,
        })
    }
}

fn read_admin(text: &str, errors: &mut Vec<String>) -> Option<SocketAddr> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Some(address),
        Ok(address) => {
            errors.push(format!(
                "admin: {address} can be reached from other machines, and the admin page has no \
                 password: use a loopback address, for example 127.0.0.1:9310"
            ));
            None
        }
        Err(_) => {
            errors.push(format!(
                "admin: {text:?} is not an address and port, for example 127.0.0.1:9310"
            ));
            None
        }
    }
}

fn read_socket(
    json: &serde_json::Value,
    directory: &Path,
    errors: &mut Vec<String>,
) -> Option<SocketConfig> {
    let mut socket = Fields::of(json, "socket.", errors)?;
    let path = socket.text("path").unwrap_or_else(|| "/run/tollkeeper/sync.sock".into());
    let allow_uids = socket.uids("allow_uids");
    socket.finish();
    Some(SocketConfig { path: directory.join(path), allow_uids: allow_uids? })
}

fn read_hsm(
    json: &serde_json::Value,
    directory: &Path,
    errors: &mut Vec<String>,
) -> Option<HsmConfig> {
    let mut hsm = Fields::of(json, "hsm.", errors)?;
    let module = hsm.required_text("module", "the path of the PKCS#11 module");
    let token = hsm.one_of("token_label", "token_serial", "which HSM token to use");
    let pin = hsm.one_of("pin_file", "pin_credential", "where the PIN is");
    let sessions = hsm.integer("sessions", 1..=SESSIONS_MAX, SESSIONS_DEFAULT);
    let deadline = hsm.integer("deadline_ms", 10..=DEADLINE_MS_MAX, DEADLINE_MS_DEFAULT);
    let single_threaded = hsm.boolean("single_threaded", false);
    hsm.finish();
    let (token_field, token) = token?;
    let (pin_field, pin) = pin?;
    Some(HsmConfig {
        module: directory.join(module?),
        token: match token_field {
            "token_label" => TokenChoice::Label(token),
            _ => TokenChoice::Serial(token),
        },
        pin: match pin_field {
            "pin_file" => PinSource::File(directory.join(pin)),
            _ => PinSource::Credential(pin),
        },
        sessions: usize::try_from(sessions?).ok()?,
        deadline: Millis(deadline?),
        single_threaded: single_threaded?,
    })
}

#[cfg(test)]
mod tests;
