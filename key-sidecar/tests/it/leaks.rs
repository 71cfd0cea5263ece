//! Can a secret be found anywhere that it should not be?

use std::fs;

use crate::fixture::{PIN, Site, files_below};

const CANARY: &str = "sk-canary-7f3a91";

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_secret_is_on_no_output_and_in_no_file_and_neither_is_the_pin() {
    let site = Site::ready();
    let ran = [
        site.add("a", &["a.example"], CANARY.as_bytes()).ok(),
        site.run_with(&["credential", "rotate", "a"], format!("{CANARY}-2\n").as_bytes()).ok(),
        site.run_with(&["credential", "rotate", "a"], format!("{CANARY}\x01").as_bytes()),
        site.run(&["credential", "show", "a"]).ok(),
        site.run(&["credential", "show", "a", "--json"]).ok(),
        site.run(&["credential", "list"]).ok(),
        site.run(&["doctor"]),
    ];
    for ran in ran {
        for text in [&ran.out, &ran.err] {
            assert!(!text.contains("canary") && !text.contains(PIN), "{text}");
        }
    }
    for path in files_below(&site.path("")) {
        let bytes = fs::read(&path).unwrap();
        assert!(!holds(&bytes, "canary"), "{}", path.display());
        let is_pin_file = path.file_name().is_some_and(|name| name == "pin");
        assert!(is_pin_file || !holds(&bytes, PIN), "{}", path.display());
    }
}

#[test]
fn the_log_at_its_loudest_says_no_secret() {
    let site = Site::ready();
    let mut command = site.command(&["credential", "add", "a", "--host", "a.example"]);
    let child = command
        .args(["--owner", "o", "--purpose", "p"])
        .env("TOLLKEEPER_LOG", "trace")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.as_ref().unwrap(), CANARY.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("logged in"), "{text}");
    assert!(!text.contains("canary") && !text.contains(PIN), "{text}");
}

#[test]
fn there_is_no_argument_for_a_secret() {
    let site = Site::ready();
    let words = ["credential", "add", "a", "--host", "h", "--owner", "o", "--purpose", "p"];
    let mut positional = words.to_vec();
    positional.push(CANARY);
    site.run(&positional).fails(2, "unexpected argument");
    for option in ["--secret", "--value", "--key", "--pin"] {
        let mut arguments = words.to_vec();
        arguments.extend([option, CANARY]);
        site.run(&arguments).fails(2, "unexpected argument");
    }
}
