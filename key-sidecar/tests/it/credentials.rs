//! Does a sealed record give its secret to its own hosts only, and is none ever lost?

use std::fs;

use serde_json::Value;

use crate::fixture::Site;

fn edit(site: &Site, name: &str, change: impl FnOnce(&mut Value)) {
    let path = site.record(name);
    let mut record: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut record);
    fs::write(&path, record.to_string()).unwrap();
}

#[test]
fn the_life_of_a_credential() {
    let site = Site::ready();
    let added = site.add("openai-prod", &["API.openai.com"], b"sk-one\n").ok();
    assert_eq!(added.out, "");
    site.add("openai-prod", &["x.example"], b"sk").fails(1, "is there already");
    site.run_with(&["credential", "rotate", "openai-prod"], b"sk-two").ok();
    let show = || site.run(&["credential", "show", "openai-prod", "--json"]).ok().json();
    assert_eq!(show()["active"], 2);
    assert_eq!(show()["hosts"], serde_json::json!(["api.openai.com"]));

    site.run(&["credential", "undo", "openai-prod"]).ok();
    assert_eq!(show()["active"], 1);
    site.run(&["credential", "undo", "openai-prod"]).fails(1, "no earlier version");
    assert_eq!(show()["active"], 1);

    site.run(&["credential", "revoke", "openai-prod", "--version", "1"]).ok();
    assert_eq!(show()["active"], Value::Null);
    site.run(&["credential", "revoke", "openai-prod", "--version", "9"]).fails(1, "no version 9");
    site.run_with(&["credential", "rotate", "openai-prod"], b"sk-three").ok();
    assert_eq!(show()["active"], 3);
    site.run(&["credential", "revoke", "openai-prod"]).ok();
    let states: Vec<_> = show()["versions"].as_array().unwrap().clone();
    assert!(states.iter().all(|version| version["state"] == "revoked"), "{states:?}");
}

#[test]
fn a_name_that_is_not_there_gets_the_near_one() {
    let site = Site::ready();
    site.add("openai-prod", &["a.example"], b"s").ok();
    site.run(&["credential", "undo", "opnai-prod"]).fails(1, "did you mean \"openai-prod\"?");
    site.run(&["credential", "show", "Bad Name"]).fails(2, "a name is made of");
}

#[test]
fn a_bad_secret_is_told_by_its_place_and_nothing_is_written() {
    let site = Site::ready();
    for (secret, words) in [
        (&b"sk-a\nsk-b\n"[..], "byte 5 of the secret"),
        (b"\n", "the secret is empty"),
        (&[b'x'; 8193], "longer than 8192"),
    ] {
        let ran = site.add("a", &["a.example"], secret).fails(1, words);
        assert!(!ran.err.contains("sk-"), "{}", ran.err);
        assert!(!site.record("a").exists());
    }
    site.add("a", &["a.example"], &[b'x'; 8192]).ok();
    site.add("b", &["https://b.example"], b"s").fails(1, "is not a host");
}

#[test]
fn a_broken_file_is_named_and_the_others_are_listed() {
    let site = Site::ready();
    site.add("a", &["a.example"], b"s").ok();
    site.add("b", &["b.example"], b"s").ok();
    edit(&site, "b", |record| record["versions"][0]["state"] = "lively".into());
    let list = site.run(&["credential", "list"]).fails(1, "b.json");
    assert!(list.out.contains("a.example"), "{}", list.out);
    let list = site.run(&["credential", "list", "--json"]);
    assert_eq!(list.json().as_array().unwrap().len(), 1);
}

#[test]
fn two_commands_at_once_lose_no_version() {
    let site = Site::ready();
    site.add("a", &["a.example"], b"s").ok();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| site.run_with(&["credential", "rotate", "a"], b"t").ok());
        }
    });
    let shown = site.run(&["credential", "show", "a", "--json"]).ok().json();
    assert_eq!(shown["active"], 5);
    assert_eq!(shown["versions"].as_array().unwrap().len(), 5);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    let site = Site::ready();
    for number in 0..3 {
        site.add(&format!("c{number}"), &["a.example"], b"s").ok();
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = site.command(&["credential", "list"]).stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
