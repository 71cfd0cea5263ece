//! Is `init` safe to run twice, and does it notice a token that is not the one?

use std::fs;

use serde_json::json;

use crate::fixture::{LABEL, PIN, Site};

#[test]
fn init_makes_keys_that_cannot_leave_the_token_and_a_second_run_changes_nothing() {
    let site = Site::new();
    let first = site.run(&["init"]).ok();
    assert!(first.err.contains("tollkeeper-root: created"), "{}", first.err);
    let record = fs::read(site.path("state/root.json")).unwrap();

    let second = site.run(&["init"]).ok();
    assert!(second.err.contains("tollkeeper-root: there already"), "{}", second.err);
    assert!(second.err.contains("tollkeeper-audit: there already"), "{}", second.err);
    assert_eq!(fs::read(site.path("state/root.json")).unwrap(), record);

    let objects = site.pkcs11_tool(&["--login", "--pin", PIN, "--list-objects"]);
    assert_eq!(objects.matches("Secret Key Object").count(), 2, "{objects}");
    assert_eq!(objects.matches("never extractable").count(), 2, "{objects}");
    assert_eq!(objects.matches("sensitive, always sensitive").count(), 2, "{objects}");
}

#[test]
fn a_key_that_can_be_extracted_is_refused() {
    let site = Site::new();
    site.pkcs11_tool(&[
        "--login",
        "--pin",
        PIN,
        "--keygen",
        "--key-type",
        "GENERIC:32",
        "--label",
        "tollkeeper-root",
        "--sensitive",
        "--extractable",
    ]);
    site.run(&["init"]).fails(4, "cannot be extracted");
    assert!(!site.path("state/root.json").exists());
}

#[test]
fn a_key_that_is_too_short_is_refused() {
    let site = Site::new();
    site.pkcs11_tool(&[
        "--login",
        "--pin",
        PIN,
        "--keygen",
        "--key-type",
        "GENERIC:31",
        "--label",
        "tollkeeper-root",
        "--sensitive",
    ]);
    site.run(&["init"]).fails(4, "it has 31 bytes, and 32 are needed");
}

#[test]
fn two_keys_with_one_label_are_refused() {
    let site = Site::ready();
    site.pkcs11_tool(&[
        "--login",
        "--pin",
        PIN,
        "--keygen",
        "--key-type",
        "GENERIC:32",
        "--label",
        "tollkeeper-root",
    ]);
    site.add("a", &["a.example"], b"s").fails(4, "several keys");
}

#[test]
fn another_root_key_is_refused_and_init_does_not_take_it_over() {
    let site = Site::ready();
    site.add("a", &["a.example"], b"secret").ok();
    fs::remove_dir_all(site.path("tokens")).unwrap();
    fs::create_dir(site.path("tokens")).unwrap();
    site.make_token(LABEL);
    site.run(&["init"]).fails(4, "has no key tollkeeper-root");
    site.pkcs11_tool(&[
        "--login",
        "--pin",
        PIN,
        "--keygen",
        "--key-type",
        "GENERIC:32",
        "--label",
        "tollkeeper-root",
        "--sensitive",
    ]);
    for arguments in [&["init"][..], &["serve"]] {
        site.run(arguments).fails(4, "holds another root key");
    }
    let rotate = site.run_with(&["credential", "rotate", "a"], b"new");
    rotate.fails(4, "holds another root key");
}

#[test]
fn without_init_a_command_says_what_to_run() {
    let site = Site::new();
    site.add("a", &["a.example"], b"s").fails(4, "run `key-sidecar init`");
}

#[test]
fn the_token_is_chosen_by_label_or_serial_and_never_guessed() {
    let site = Site::ready();
    site.make_token(LABEL);
    site.run(&["init"]).fails(4, "several HSM tokens labelled");

    let root: serde_json::Value =
        serde_json::from_slice(&fs::read(site.path("state/root.json")).unwrap()).unwrap();
    let mut config: serde_json::Value =
        serde_json::from_slice(&fs::read(site.path("sidecar.json")).unwrap()).unwrap();
    config["hsm"].as_object_mut().unwrap().remove("token_label");
    config["hsm"]["token_serial"] = root["token_serial"].clone();
    fs::write(site.path("sidecar.json"), config.to_string()).unwrap();
    site.run(&["init"]).ok();

    site.write_config(&json!({ "token_label": "elsewhere" }));
    let missing = site.run(&["init"]).fails(4, "no HSM token labelled \"elsewhere\"");
    assert!(missing.err.contains("\"tollkeeper\" (serial number"), "{}", missing.err);
}

#[test]
fn a_module_that_is_not_there_is_told_by_its_path() {
    let site = Site::new();
    site.write_config(&json!({ "module": "/nowhere/pkcs11.so" }));
    site.run(&["init"]).fails(4, "/nowhere/pkcs11.so");
}

#[test]
fn all_errors_of_a_configuration_come_in_one_run() {
    let site = Site::new();
    site.write_config(&json!({ "sessions": 0, "deadline_ms": "fast", "pin_fiel": "x" }));
    let ran = site.run(&["init"]).fails(3, "hsm.sessions");
    assert!(ran.err.contains("hsm.deadline_ms") && ran.err.contains("did you mean \"pin_file\""));
}

/// A command once died of a signal after it had done everything. Its threads may still have been
/// ending while the process did, with the module's library half gone; since then they are joined.
#[test]
fn a_command_never_ends_before_its_threads() {
    let site = Site::ready();
    for _ in 0..40 {
        site.run(&["init"]).ok();
    }
}
