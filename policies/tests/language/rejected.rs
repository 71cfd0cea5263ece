//! Is every mistake explained in the words that were agreed?
//!
//! Each policy in `rejected/` stands beside the exact text of its refusal, `NAME.expected`. After a
//! change of words, write them anew and read the difference:
//! `BLESS_REJECTED=1 cargo test -p tollkeeper-policies --test language rejected`

use std::env;
use std::fs;

use policies::load;

use crate::{cases, folder, single};

#[test]
fn every_mistake_is_explained_as_agreed() {
    let bless = env::var_os("BLESS_REJECTED").is_some();
    let mut wrong = Vec::new();
    for case in cases("rejected") {
        let errors = load(&case.files).expect_err(&format!("{} is accepted", case.name));
        let text = format!("{errors}\n");
        let beside = case.path.with_extension("expected");
        if bless {
            fs::write(&beside, &text).unwrap();
        } else if fs::read_to_string(&beside).ok().as_deref() != Some(&text) {
            wrong.push(format!("{}:\n{text}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_expectation_is_left_without_its_policy() {
    for entry in fs::read_dir(folder("rejected")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "expected") {
            let has_policy =
                path.with_extension("json").is_file() || path.with_extension("").is_dir();
            assert!(has_policy, "{}", path.display());
        }
    }
}

#[test]
fn every_error_names_the_place_and_the_remedy() {
    for case in cases("rejected") {
        for error in load(&case.files).unwrap_err().as_slice() {
            let is_about_all = ["missing-organization", "missing-services"];
            let json = serde_json::to_value(error).unwrap();
            if !is_about_all.contains(&json["code"].as_str().unwrap()) {
                assert!(json["line"].as_u64() > Some(0), "{}: {json}", case.name);
                assert!(json["column"].as_u64() > Some(0), "{}: {json}", case.name);
                assert!(json["file"].as_str().is_some(), "{}: {json}", case.name);
            }
            for field in ["message", "expected", "remedy"] {
                assert!(!json[field].as_str().unwrap().is_empty(), "{}: {json}", case.name);
            }
        }
    }
}

#[test]
fn no_secret_is_carried_on() {
    let cases = cases("rejected");
    for (name, secret) in [
        ("secret-in-the-policy", "hunter2"),
        ("secret-as-credential", "Zm9v"),
        ("key-instead-of-its-digest", "tk_A"),
    ] {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let errors = load(&case.files).unwrap_err();
        let json = serde_json::to_string(&errors).unwrap();
        for text in [errors.to_string(), json, format!("{errors:?}")] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

#[test]
fn a_key_written_as_a_name_is_not_suggested_back() {
    let text = r#"{ "policy_version": 1, "clients": { "TK_Zm9vYmFyYmF6cXV4MTIz": {} } }"#;
    let errors = load(&single(text)).unwrap_err();
    let json = serde_json::to_string(&errors).unwrap().to_lowercase();
    for text in [errors.to_string().to_lowercase(), json] {
        assert!(!text.contains("zm9vymfyymf6cxv4mtiz"), "{text}");
    }
}
