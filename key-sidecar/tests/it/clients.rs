//! Is a client key shown once, kept as a digest only, and revoked whatever the policy says?

use std::fs;

use wire::client_key;

use crate::fixture::Site;

#[test]
fn an_issued_key_is_alone_on_standard_output_and_nowhere_on_disk() {
    let site = Site::new();
    let issued = site.run(&["client", "issue", "checkout-api", "--note", "till 7"]).ok();
    let key = issued.out.trim_end();
    assert_eq!(client_key::inspect(key.as_bytes()), client_key::Shape::Issued);
    assert!(!issued.err.contains(key));
    let file = fs::read_to_string(site.path("state/clients/checkout-api.json")).unwrap();
    assert!(!file.contains(key));
    assert!(file.contains(&client_key::digest(key.as_bytes()).to_string()));
    let list = site.run(&["client", "list"]).ok();
    assert!(list.out.contains("till 7") && list.out.contains("active"), "{}", list.out);
}

#[test]
fn a_client_that_the_policy_does_not_have_gets_no_key() {
    let site = Site::new();
    site.run(&["client", "issue", "chekout-api"]).fails(1, "did you mean \"checkout-api\"?");
    assert!(!site.path("state/clients").exists());
}

#[test]
fn rotation_overlaps_also_with_a_key_that_only_the_policy_knows() {
    let site = Site::new();
    site.run(&["client", "issue", "old-timer", "--expires-in", "90d"]).ok();
    let rotated = site.run(&["client", "rotate", "old-timer", "--overlap", "7d"]).ok();
    assert!(rotated.err.contains("2 keys before this one end at"), "{}", rotated.err);
    let shown = site.run(&["client", "show", "old-timer", "--json"]).ok().json();
    let states: Vec<_> = shown["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["state"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(states, ["retiring", "retiring", "active"]);
    site.run(&["client", "rotate", "old-timer", "--overlap", "0"]).ok();
    let list = site.run(&["client", "list", "--json"]).ok().json();
    let expired = list.as_array().unwrap().iter().filter(|key| key["state"] == "expired");
    assert_eq!(expired.count(), 3);
    site.run(&["client", "rotate", "old-timer", "--overlap", "1month"]).fails(2, "write 90s");
}

#[test]
fn revocation_covers_issued_keys_and_those_of_the_policy() {
    let site = Site::new();
    site.run(&["client", "issue", "old-timer"]).ok();
    site.run(&["client", "revoke", "old-timer", "--all"]).ok();
    let list = site.run(&["client", "list", "--json"]).ok().json();
    let states: Vec<_> = list.as_array().unwrap().iter().map(|key| &key["state"]).collect();
    assert_eq!(states, ["revoked", "revoked"]);
}

#[test]
fn one_key_can_be_revoked_by_its_digest() {
    let site = Site::new();
    let key = site.run(&["client", "issue", "checkout-api"]).ok().out;
    let other = site.run(&["client", "issue", "checkout-api"]).ok().out;
    let digest = format!("{:?}", client_key::digest(key.trim_end().as_bytes()));
    site.run(&["client", "revoke", "checkout-api", "--key", &digest]).ok();
    let shown = site.run(&["client", "show", "checkout-api"]).ok().out;
    let line = |key: &str| {
        let digest = client_key::digest(key.trim_end().as_bytes()).to_string();
        shown.lines().find(|line| line.contains(&digest)).unwrap().to_owned()
    };
    assert!(line(&key).contains("revoked") && line(&other).contains("active"), "{shown}");
    let foreign = format!("sha256:{}", "00".repeat(32));
    site.run(&["client", "revoke", "checkout-api", "--key", &foreign]).fails(1, "has no key");
    site.run(&["client", "revoke", "checkout-api"]).fails(2, "--all");
}

#[test]
fn a_revocation_does_not_wait_for_the_policy_to_be_mended() {
    let site = Site::new();
    site.run(&["client", "issue", "checkout-api"]).ok();
    fs::write(site.path("policies/policy.json"), "{").unwrap();
    let ran = site.run(&["client", "revoke", "checkout-api", "--all"]);
    ran.fails(1, "keys that only its known_by has may still be good");
    let list = site.run(&["client", "list", "--json"]).ok().json();
    assert_eq!(list[0]["state"], "revoked");
}
