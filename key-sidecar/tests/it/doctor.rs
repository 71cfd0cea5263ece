//! Does `doctor` look at everything in one run, and say what to do?

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::fixture::{Ran, Site, policy};

fn result(ran: &Ran, check: &str) -> String {
    let findings = ran.json();
    let of = |finding: &&Value| finding["check"] == check;
    findings.as_array().unwrap().iter().find(of).unwrap()["result"].as_str().unwrap().to_owned()
}

#[test]
fn a_site_that_is_ready_passes_every_check() {
    let site = Site::ready();
    site.add("openai-prod", &["api.openai.com"], b"sk").ok();
    let ran = site.run(&["doctor", "--json"]).ok();
    let findings = ran.json();
    let findings = findings.as_array().unwrap();
    assert!(findings.len() >= 9);
    assert!(findings.iter().all(|finding| finding["result"] == "ok"), "{}", ran.out);
    assert!(site.run(&["doctor"]).ok().out.contains("ok       token"));
}

#[test]
fn every_check_runs_although_others_fail() {
    let site = Site::ready();
    site.write_config(&json!({ "token_label": "gone" }));
    fs::set_permissions(site.path("pin"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_dir(site.path("run")).unwrap();
    let ran = site.run(&["doctor", "--json"]).fails(1, "checks failed");
    for (check, expected) in [
        ("config", "ok"),
        ("module", "ok"),
        ("token", "fail"),
        ("mechanisms", "skipped"),
        ("pin", "fail"),
        ("state", "ok"),
        ("root key", "fail"),
        ("socket", "fail"),
        ("policy", "ok"),
        ("credentials", "fail"),
        ("clients", "ok"),
    ] {
        assert_eq!(result(&ran, check), expected, "{check}\n{}", ran.out);
    }
    assert!(ran.out.contains("credential add openai-prod --host api.openai.com"), "{}", ran.out);
}

#[test]
fn a_credential_that_is_not_sealed_to_the_hosts_of_its_service_is_found() {
    let site = Site::ready();
    site.add("openai-prod", &["api.openai.com"], b"sk").ok();
    let mut policy = policy();
    policy["services"]["openai"]["hosts"] = json!(["evil.example"]);
    site.write_policy(&policy);
    let ran = site.run(&["doctor"]).fails(1, "1 checks failed");
    assert!(ran.out.contains("goes to evil.example"), "{}", ran.out);
}

#[test]
fn policy_check_needs_no_hsm_and_no_configuration() {
    let site = Site::new();
    fs::remove_file(site.path("sidecar.json")).unwrap();
    let directory = site.path("policies");
    let directory = directory.to_str().unwrap();
    let good = site.run(&["policy", "check", directory]).ok();
    assert!(good.out.contains("1 services, 2 clients"), "{}", good.out);
    assert_eq!(site.run(&["policy", "check", directory, "--json"]).ok().json()["ok"], true);
    let mut policy = policy();
    policy["services"]["openai"]["credental"] = json!("x");
    site.write_policy(&policy);
    site.run(&["policy", "check", directory]).fails(1, "credental");
    let bad = site.run(&["policy", "check", directory, "--json"]);
    assert_eq!((bad.code, bad.err.as_str()), (1, ""));
    assert_eq!(bad.json()["ok"], false);
    assert!(!bad.json()["errors"].as_array().unwrap().is_empty());
}
