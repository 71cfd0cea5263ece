//! The checks of `doctor`, one function each.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use policies::{Policy, Service};
use rustix::fs::{Access, access};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::Finding;
use crate::config::Config;
use crate::credential::{CredentialStore, Record};
use crate::directory::ClientStore;
use crate::hsm::{self, Hsm, HsmError, Inspection, RootKey};

/// A module that takes longer to load does not serve anybody.
const MODULE: Duration = Duration::from_secs(30);

/// Module, token, mechanisms: what can be seen without a login.
pub(super) async fn module_and_token(config: &Config) -> [Finding; 3] {
    let hsm = config.hsm.clone();
    let inspected = timeout(MODULE, spawn_blocking(move || hsm::inspect(&hsm))).await;
    let inspection = match inspected {
        Ok(Ok(Ok(inspection))) => inspection,
        Ok(Ok(Err(error))) => return without_module(error.to_string()),
        Ok(Err(error)) => return without_module(error.to_string()),
        Err(_) => {
            let seconds = MODULE.as_secs();
            return without_module(format!("the module did not answer within {seconds} s"));
        }
    };
    let module = Finding::ok("module", inspection.library.trim().to_owned());
    let [token, mechanisms] = token(&inspection);
    [module, token, mechanisms]
}

fn without_module(why: String) -> [Finding; 3] {
    [
        Finding::fail("module", why),
        Finding::skipped("token", "without the module"),
        Finding::skipped("mechanisms", "without the module"),
    ]
}

fn token(inspection: &Inspection) -> [Finding; 2] {
    match &inspection.token {
        Ok(token) => {
            let mechanisms = match token.lacking.as_slice() {
                [] => Finding::ok("mechanisms", "all that are needed"),
                lacking => Finding::fail(
                    "mechanisms",
                    format!(
                        "the HSM token does not offer {}: allow them in its policy, or use \
                         another token",
                        lacking.join(", ")
                    ),
                ),
            };
            [Finding::ok("token", token.description.clone()), mechanisms]
        }
        Err(error) => [
            Finding::fail("token", error.to_string()),
            Finding::skipped("mechanisms", "without the token"),
        ],
    }
}

/// The PIN source: readable for us, and for nobody else.
pub(super) fn pin(config: &Config) -> Finding {
    match hsm::check_pin_source(&config.hsm.pin) {
        Ok((path, None)) => Finding::ok("pin", path.display().to_string()),
        Ok((path, Some(exposure))) => {
            Finding::fail("pin", format!("{}: {exposure}. Make it 0400", path.display()))
        }
        Err(error) => Finding::fail("pin", error.to_string()),
    }
}

/// The state directory: we can make files in it.
pub(super) fn state(config: &Config) -> Finding {
    match tempfile::Builder::new().prefix(".tmp-").tempfile_in(&config.state) {
        Ok(_) => Finding::ok("state", config.state.display().to_string()),
        Err(error) => Finding::fail(
            "state",
            format!(
                "cannot write in {}: {error}. Make the directory and give it to the user of the \
                 service",
                config.state.display()
            ),
        ),
    }
}

/// Login, the root key, and the check value: what the service does at its start.
pub(super) async fn root_key(config: &Config) -> Finding {
    let (hsm, state) = (config.hsm.clone(), config.state.clone());
    let opened = spawn_blocking(move || Hsm::open(&hsm, &state)).await;
    let hsm = match opened {
        Ok(Ok(hsm)) => hsm,
        // The inspection's module still hangs in its call.
        Ok(Err(HsmError::ModuleInUse)) => {
            return Finding::skipped("root key", "the module did not answer before");
        }
        Ok(Err(error)) => return Finding::fail("root key", error.to_string()),
        Err(error) => return Finding::fail("root key", error.to_string()),
    };
    for key in RootKey::ALL {
        if let Err(error) = hsm.hmac(key, b"tollkeeper/v1/doctor").await {
            return Finding::fail("root key", error.to_string());
        }
    }
    hsm.close();
    Finding::ok("root key", "login, root and audit key, self-test")
}

/// The socket: its directory is there and ours, and what is at its place is a socket with the right
/// mode.
pub(super) fn socket(config: &Config) -> Finding {
    let path = &config.socket.path;
    let directory = path.parent().unwrap_or(Path::new("/"));
    let fail = |why: String| Finding::fail("socket", why);
    let place = directory.display();
    if !directory.is_dir() {
        return fail(format!(
            "{place} is missing: make it, or put RuntimeDirectory=tollkeeper into the unit"
        ));
    }
    if access(directory, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return fail(format!(
            "cannot make a socket in {place}: give it to the user of the service"
        ));
    }
    let mode = fs::metadata(directory).map_or(0, |about| about.permissions().mode());
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return fail(format!("anybody can replace files in {place}: take away the right to write"));
    }
    match fs::symlink_metadata(path) {
        Err(_) => Finding::ok("socket", format!("{} (not served now)", path.display())),
        Ok(about) if !about.file_type().is_socket() => {
            fail(format!("{} is there and is no socket: remove it", path.display()))
        }
        Ok(about) => match about.permissions().mode() & 0o777 {
            0o660 => Finding::ok("socket", path.display().to_string()),
            mode => fail(format!(
                "{} has mode {mode:04o} instead of 0660: restart the service",
                path.display()
            )),
        },
    }
}

/// The policy loads.
pub(super) fn policy(config: &Config) -> (Finding, Option<Policy>) {
    match crate::cli::policy::load(&config.policy) {
        Ok(policy) => (Finding::ok("policy", crate::cli::policy::summary(&policy)), Some(policy)),
        Err(failure) => (Finding::fail("policy", failure.text), None),
    }
}

/// Every record can be read, and every service has a credential that may go to all its hosts.
pub(super) fn credentials(config: &Config, policy: Option<&Policy>) -> Vec<Finding> {
    let (records, errors) = CredentialStore::in_state(&config.state).load_all();
    let mut wrong: Vec<_> = errors.iter().map(ToString::to_string).collect();
    let Some(policy) = policy else {
        let skipped = Finding::skipped("credentials", "without the policy nobody needs any");
        return match wrong.as_slice() {
            [] => vec![skipped],
            wrong => vec![Finding::fail("credentials", wrong.join("\n"))],
        };
    };
    wrong.extend(policy.services().iter().filter_map(|service| lack(service, &records)));
    if wrong.is_empty() {
        let text = format!("all {} services have theirs", policy.services().len());
        return vec![Finding::ok("credentials", text)];
    }
    wrong.into_iter().map(|why| Finding::fail("credentials", why)).collect()
}

/// What a service lacks.
fn lack(service: &Service, records: &[Record]) -> Option<String> {
    let (name, wanted) = (&service.facts.name, &service.facts.credential);
    let Some(record) = records.iter().find(|record| record.name() == wanted) else {
        let hosts = service.facts.hosts.iter().map(|host| format!("--host {host}"));
        return Some(format!(
            "service {name} wants credential {wanted}, which does not exist: key-sidecar \
             credential add {wanted} {} --owner … --purpose …",
            hosts.collect::<Vec<_>>().join(" ")
        ));
    };
    if record.active().is_none() {
        return Some(format!(
            "service {name} wants credential {wanted}, of which no version is active: key-sidecar \
             credential rotate {wanted}"
        ));
    }
    let is_sealed_to = |host: &str| record.hosts().iter().any(|sealed| sealed == host);
    let missing: Vec<_> = service.facts.hosts.iter().filter(|host| !is_sealed_to(host)).collect();
    (!missing.is_empty()).then(|| {
        let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
        format!(
            "service {name} goes to {}, but credential {wanted} is sealed to {}: correct the \
             policy, or add the credential anew for those hosts",
            missing.join(", "),
            record.hosts().join(", ")
        )
    })
}

/// Every client file can be read, and belongs to a client of the policy.
pub(super) fn clients(config: &Config, policy: Option<&Policy>) -> Finding {
    let (records, errors) = ClientStore::in_state(&config.state).load_all();
    if !errors.is_empty() {
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        return Finding::fail("clients", lines.join("\n"));
    }
    let Some(policy) = policy else {
        return Finding::skipped("clients", "without the policy");
    };
    let without_key = policy.clients().filter(|client| {
        let issued = records.iter().any(|record| *record.client() == client.name);
        client.known_by.is_empty() && !issued
    });
    let names: Vec<_> = without_key.map(|client| client.name.to_string()).collect();
    match names.as_slice() {
        [] => Finding::ok("clients", format!("{} have keys", policy.clients().len())),
        names => Finding::ok(
            "clients",
            format!("without a key yet: {} (key-sidecar client issue)", names.join(", ")),
        ),
    }
}
