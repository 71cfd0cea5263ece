//! Does the HSM module survive what tokens do, and give a secret to nobody whom it was not sealed
//! for?
//!
//! SoftHSM reads its configuration from the environment of the process, so each of these runs in a
//! process of its own: a test starts its twin of the same name in [`inside`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::object::{Attribute, KeyType, ObjectClass};
use cryptoki::session::UserType;
use hmac::{Hmac, KeyInit, Mac};
use key_sidecar::config::Config;
use key_sidecar::credential::{CredentialStore, UnsealError, unseal};
use key_sidecar::hsm::{Hsm, HsmError, HsmState, RootKey};
use serde_json::{Value, json};
use sha2::Sha256;
use wire::ids::CredentialName;

use crate::fixture::{MODULE, PIN, Site};

#[test]
fn a_vanished_token_is_told_and_its_return_noticed() {
    in_own_process(&Site::ready(), "a_vanished_token_is_told_and_its_return_noticed");
}

#[test]
fn a_changed_record_is_refused_whatever_was_changed() {
    let site = Site::ready();
    site.add("a", &["a.example", "b.example"], b"sk-secret").ok();
    site.run_with(&["credential", "rotate", "a"], b"sk-second\n").ok();
    in_own_process(&site, "a_changed_record_is_refused_whatever_was_changed");
}

/// Held against another implementation: what the HSM derives is plain HMAC-SHA256 of the documented
/// text.
#[test]
fn the_check_value_is_the_documented_hmac() {
    let site = Site::new();
    in_own_process(&site, "a_known_root_is_imported");
    site.run(&["init"]).ok();
    let mut mac = Hmac::<Sha256>::new_from_slice(&known_root()).unwrap();
    mac.update(b"tollkeeper/v1/check");
    let mac = mac.finalize().into_bytes();
    let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    let record = fs::read_to_string(site.path("state/root.json")).unwrap();
    assert!(record.contains(&hex), "{record}");
}

#[test]
fn many_callers_share_few_sessions() {
    in_own_process(&Site::ready(), "many_callers_share_few_sessions");
}

#[test]
fn a_single_threaded_module_serves_as_well() {
    let site = Site::ready();
    site.write_config(&json!({ "single_threaded": true }));
    in_own_process(&site, "many_callers_share_few_sessions");
}

#[test]
fn after_close_nothing_is_answered() {
    in_own_process(&Site::ready(), "after_close_nothing_is_answered");
}

fn in_own_process(site: &Site, name: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", &format!("hsm::inside::{name}"), "--nocapture"])
        .env("SOFTHSM2_CONF", site.path("softhsm2.conf"))
        .env("TEST_SITE", site.path(""))
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}\n{errors}");
}

fn known_root() -> Vec<u8> {
    (0..32).collect()
}

struct Here {
    site: PathBuf,
    config: Config,
}

impl Here {
    fn new() -> Self {
        let site = PathBuf::from(std::env::var_os("TEST_SITE").unwrap());
        let mut config = Config::load(&site.join("sidecar.json")).unwrap();
        // A shared machine may stop us for a while; deadlines are not the question here.
        config.hsm.deadline = wire::units::Millis(5_000);
        Self { site, config }
    }

    fn open(&self) -> Hsm {
        Hsm::open(&self.config.hsm, &self.config.state).unwrap()
    }
}

/// Asks until the answer is as wished, for at most half a minute.
async fn until(hsm: &Hsm, wished: impl Fn(&Result<(), HsmError>) -> bool) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let asking = async {
        loop {
            ticks.tick().await;
            let answer = hsm.hmac(RootKey::Root, b"x").await.map(drop);
            if wished(&answer) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), asking).await.unwrap();
}

fn change_one(record: &Value, path: &Path, change: impl FnOnce(&mut Value)) {
    let mut changed = record.clone();
    change(&mut changed);
    fs::write(path, changed.to_string()).unwrap();
}

mod inside {
    use super::*;

    #[tokio::test]
    #[ignore = "is run by its twin, in an environment of its own"]
    async fn a_vanished_token_is_told_and_its_return_noticed() {
        let here = Here::new();
        let hsm = here.open();
        let before = hsm.hmac(RootKey::Root, b"x").await.unwrap();
        assert_eq!(hsm.state(), HsmState::Ready);

        let (tokens, away) = (here.site.join("tokens"), here.site.join("away"));
        fs::rename(&tokens, &away).unwrap();
        fs::create_dir(&tokens).unwrap();
        until(&hsm, |answer| {
            matches!(answer, Err(HsmError::Down { cause })
                if matches!(**cause, HsmError::TokenMissing { .. }))
        })
        .await;
        assert_eq!(hsm.state(), HsmState::Degraded);

        fs::remove_dir(&tokens).unwrap();
        fs::rename(&away, &tokens).unwrap();
        until(&hsm, Result::is_ok).await;
        assert_eq!(hsm.state(), HsmState::Ready);
        assert_eq!(*hsm.hmac(RootKey::Root, b"x").await.unwrap(), *before);
    }

    #[tokio::test]
    #[ignore = "is run by its twin, in an environment of its own"]
    async fn a_changed_record_is_refused_whatever_was_changed() {
        let here = Here::new();
        let hsm = here.open();
        let store = CredentialStore::in_state(&here.config.state);
        let name = CredentialName::parse("a").unwrap();
        let path = here.config.state.join("credentials/a.json");
        let good: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();

        let record = store.load(&name).unwrap().unwrap();
        assert_eq!(unseal(&hsm, &record, 1).await.unwrap().expose(), b"sk-secret");
        assert_eq!(unseal(&hsm, &record, 2).await.unwrap().expose(), b"sk-second");
        assert!(matches!(unseal(&hsm, &record, 3).await, Err(UnsealError::NoSuchVersion)));

        let changes: [fn(&mut Value); 5] = [
            |record| record["hosts"][1] = "c.example".into(),
            |record| record["hosts"] = json!(["a.example"]),
            |record| record["hosts"] = json!(["a.example", "b.example", "c.example"]),
            |record| record["versions"] = json!([record["versions"][1]]),
            |record| record["versions"][1]["version"] = 3.into(),
        ];
        for (place, change) in changes.into_iter().enumerate() {
            change_one(&good, &path, change);
            let record = store.load(&name).unwrap().unwrap();
            let version = record.versions().last().unwrap().version;
            let opened = unseal(&hsm, &record, version).await;
            // Only the fourth left version 2 and its hosts as they were.
            match place {
                3 => assert_eq!(opened.unwrap().expose(), b"sk-second"),
                _ => assert!(matches!(opened, Err(UnsealError::Tampered)), "change {place}"),
            }
        }

        change_one(&good, &path, |record| {
            let first = record["versions"][0]["sealed"].clone();
            record["versions"][1]["sealed"] = first;
        });
        let record = store.load(&name).unwrap().unwrap();
        assert!(matches!(unseal(&hsm, &record, 2).await, Err(UnsealError::Tampered)));

        let other = here.config.state.join("credentials/b.json");
        change_one(&good, &other, |record| record["name"] = "b".into());
        let record = store.load(&CredentialName::parse("b").unwrap()).unwrap().unwrap();
        assert!(matches!(unseal(&hsm, &record, 1).await, Err(UnsealError::Tampered)));

        // Every character of the sealed text: another letter is another byte, or no base64.
        let sealed = good["versions"][0]["sealed"].as_str().unwrap().to_owned();
        for place in 0..sealed.len() {
            let mut text = sealed.clone().into_bytes();
            text[place] = if text[place] == b'A' { b'B' } else { b'A' };
            let text = String::from_utf8(text).unwrap();
            change_one(&good, &path, |record| record["versions"][0]["sealed"] = text.into());
            let record = store.load(&name).unwrap().unwrap();
            let opened = unseal(&hsm, &record, 1).await;
            assert!(matches!(opened, Err(UnsealError::Tampered)), "at {place}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    #[ignore = "is run by its twin, in an environment of its own"]
    async fn many_callers_share_few_sessions() {
        let here = Here::new();
        let hsm = here.open();
        let expected = hsm.hmac(RootKey::Root, b"7").await.unwrap();
        let mut callers = tokio::task::JoinSet::new();
        for caller in 0..64_u8 {
            let hsm = hsm.clone();
            callers.spawn(async move {
                let mut macs = Vec::new();
                for _ in 0..20 {
                    macs.push(hsm.hmac(RootKey::Root, &[b'0' + caller % 10]).await.unwrap());
                }
                (caller, macs)
            });
        }
        while let Some(done) = callers.join_next().await {
            let (caller, macs) = done.unwrap();
            assert!(macs.iter().all(|mac| (**mac == *expected) == (caller % 10 == 7)));
        }
    }

    #[test]
    #[ignore = "is run by its twin, in an environment of its own"]
    fn a_known_root_is_imported() {
        let module = Pkcs11::new(MODULE).unwrap();
        module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)).unwrap();
        let mut slots = module.get_slots_with_initialized_token().unwrap();
        let session = module.open_rw_session(slots.remove(0)).unwrap();
        session.login(UserType::User, Some(&PIN.into())).unwrap();
        let template = [
            Attribute::Class(ObjectClass::SECRET_KEY),
            Attribute::KeyType(KeyType::GENERIC_SECRET),
            Attribute::Token(true),
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
            Attribute::Label("tollkeeper-root".into()),
            Attribute::Value(known_root()),
        ];
        session.create_object(&template).unwrap();
    }

    #[tokio::test]
    #[ignore = "is run by its twin, in an environment of its own"]
    async fn after_close_nothing_is_answered() {
        let here = Here::new();
        let hsm = here.open();
        assert!(matches!(
            Hsm::open(&here.config.hsm, &here.config.state),
            Err(HsmError::ModuleInUse)
        ));
        hsm.close();
        assert!(hsm.hmac(RootKey::Root, b"x").await.is_err());
        drop(hsm);
        assert!(here.open().hmac(RootKey::Root, b"x").await.is_ok());
    }
}
