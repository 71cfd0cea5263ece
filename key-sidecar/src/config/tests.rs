use super::*;

const GOOD: &str = r#"{
  "policy": "policies", "state": "state",
  "socket": { "path": "sync.sock", "allow_uids": [1337, 0] },
  "admin": "127.0.0.1:9310",
  "hsm": { "module": "/usr/lib/softhsm/libsofthsm2.so", "token_label": "tollkeeper",
           "pin_file": "pin", "sessions": 4, "deadline_ms": 200 }
}"#;

fn errors(text: &str) -> Vec<String> {
    Config::parse(text.as_bytes(), Path::new("/etc/tollkeeper")).unwrap_err()
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let config = Config::parse(GOOD.as_bytes(), Path::new("/etc/tollkeeper")).unwrap();
    assert_eq!(config.policy, Path::new("/etc/tollkeeper/policies"));
    assert_eq!(config.socket.path, Path::new("/etc/tollkeeper/sync.sock"));
    assert_eq!(config.hsm.pin, PinSource::File("/etc/tollkeeper/pin".into()));
    assert_eq!(config.hsm.module, Path::new("/usr/lib/softhsm/libsofthsm2.so"));
    assert_eq!(config.socket.allow_uids, [1337, 0]);
}

#[test]
fn what_can_be_left_out_has_the_documented_default() {
    let text = r#"{ "socket": { "allow_uids": [7] },
        "hsm": { "module": "m.so", "token_serial": "12ab", "pin_credential": "hsm-pin" } }"#;
    let config = Config::parse(text.as_bytes(), Path::new("/e")).unwrap();
    assert_eq!(config.state, Path::new("/var/lib/tollkeeper"));
    assert_eq!(config.socket.path, Path::new("/run/tollkeeper/sync.sock"));
    assert_eq!(config.admin.to_string(), "127.0.0.1:9310");
    let socket = "/run/tollkeeper/admin.sock".into();
    assert_eq!(config.administration, AdminConfig { socket, uids: None });
    assert_eq!(config.webhook, None);
    assert_eq!(config.hsm.sessions, 4);
    assert_eq!(config.hsm.deadline, Millis(200));
    assert_eq!(config.hsm.token, TokenChoice::Serial("12ab".into()));
    assert_eq!(config.hsm.pin, PinSource::Credential("hsm-pin".into()));
    assert!(!config.hsm.single_threaded);
}

#[test]
fn every_error_is_reported_in_one_run_with_place_and_remedy() {
    let found = errors(
        r#"{ "polcy": "x", "admin": "0.0.0.0:1",
            "socket": { "allow_uids": [] },
            "hsm": { "token_label": "a", "token_serial": "b", "sessions": 0, "pin_file": 7 } }"#,
    );
    let all = found.join("\n");
    for part in [
        "polcy: unknown field; did you mean \"policy\"?",
        "admin: 0.0.0.0:1 can be reached from other machines",
        "socket.allow_uids: expected the user ids",
        "hsm.module: missing",
        "hsm.token_label: and token_serial are both there: keep one",
        "hsm.sessions: expected a whole number from 1 to 32, found 0",
        "hsm.pin_file: expected a string, found a number",
    ] {
        assert!(all.contains(part), "{part} is not in:\n{all}");
    }
    assert_eq!(found.len(), 7, "{all}");
}

#[test]
fn broken_json_says_where() {
    assert!(errors("{\n  \"policy\": ,\n}")[0].contains("line 2"));
    assert!(errors("[]")[0].contains("expected an object, found a list"));
}

#[test]
fn alerts_go_over_tls_or_stay_on_the_machine_and_no_url_is_repeated() {
    let with = |url: &str| {
        let webhook =
            format!(r#""alerts": {{ "webhook": {{ "url": "{url}", "secret_file": "w" }} }}"#);
        GOOD.replacen('{', &format!("{{ {webhook},"), 1)
    };
    for url in ["https://hooks.example/T0/s3cret", "http://127.0.0.1:8080/", "http://[::1]:1/x"] {
        let config = Config::parse(with(url).as_bytes(), Path::new("/e")).unwrap();
        let webhook = config.webhook.unwrap();
        assert_eq!(webhook.url.to_string(), url);
        assert_eq!(webhook.secret_file, Path::new("/e/w"));
    }
    for url in ["http://hooks.example/T0/s3cret", "s3cret", "ftp://localhost/s3cret"] {
        let found = errors(&with(url)).join("\n");
        assert!(found.contains("alerts.webhook.url: expected an https://"), "{found}");
        assert!(!found.contains("s3cret"), "{found}");
    }
}

#[test]
fn administrators_can_be_named() {
    let text = GOOD.replacen('{', r#"{ "admin_socket": "a.sock", "admin_uids": [0, 1000],"#, 1);
    let config = Config::parse(text.as_bytes(), Path::new("/e")).unwrap();
    let expected = AdminConfig { socket: "/e/a.sock".into(), uids: Some(vec![0, 1000]) };
    assert_eq!(config.administration, expected);
    let text = GOOD.replacen('{', r#"{ "admin_uids": ["root"],"#, 1);
    assert!(errors(&text)[0].starts_with("admin_uids: expected user ids"));
}
