//! How often does a wrong PIN reach the token? Once, however often the service is started.

use std::fs;

use crate::fixture::{LABEL, MODULE, PIN, Site};

/// A supervisor restarts a service whose PIN is wrong until the token is locked: that is the story
/// this prevents. That the token is not asked again is proved by making the refused value right:
/// who asked would get in.
#[test]
fn twenty_starts_with_a_wrong_pin_are_one_login() {
    let site = Site::ready();
    site.write_pin("not-the-pin");
    site.run(&["serve"]).fails(5, "CKR_PIN_INCORRECT");
    site.pkcs11_tool(&["--login", "--pin", PIN, "--change-pin", "--new-pin", "not-the-pin"]);
    for _ in 0..20 {
        site.run(&["serve"]).fails(5, "the token refused it at");
    }
    site.run(&["init", "--forget-failed-pin"]).ok();
    site.run(&["init"]).ok();
}

#[test]
fn a_corrected_pin_works_at_once_and_the_wrong_one_stays_refused() {
    let site = Site::ready();
    site.write_pin("wrong");
    site.run(&["init"]).fails(5, "CKR_PIN_INCORRECT");
    site.write_pin(&format!("{PIN}\n"));
    site.run(&["init"]).ok();
    site.write_pin("wrong");
    site.run(&["init"]).fails(5, "CKR_PIN_INCORRECT");
    site.run(&["init"]).fails(5, "the token refused it at");
}

#[test]
fn the_memory_of_attempts_holds_no_pin() {
    let site = Site::ready();
    let text = fs::read_to_string(site.path("state/hsm-login.json")).unwrap();
    assert!(text.contains("\"accepted\"") && !text.contains(PIN), "{text}");
}

#[test]
fn a_missing_pin_is_told_by_its_place_and_nothing_is_tried() {
    let site = Site::new();
    fs::remove_file(site.path("pin")).unwrap();
    site.run(&["init"]).fails(4, "cannot read the PIN from");
    assert!(!site.path("state/hsm-login.json").exists());
}

#[test]
fn a_systemd_credential_is_a_pin_source() {
    let site = Site::new();
    let config = serde_json::json!({
        "state": "state",
        "socket": { "allow_uids": [0] },
        "hsm": { "module": MODULE, "token_label": LABEL, "pin_credential": "hsm-pin" },
    });
    fs::write(site.path("sidecar.json"), config.to_string()).unwrap();
    site.run(&["init"]).fails(4, "LoadCredential=");
    fs::write(site.path("run/hsm-pin"), PIN).unwrap();
    let status =
        site.command(&["init"]).env("CREDENTIALS_DIRECTORY", site.path("run")).status().unwrap();
    assert!(status.success());
}
