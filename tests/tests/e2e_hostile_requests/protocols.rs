//! Requests that are none, or of another protocol, or several at once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use tollkeeper_tests::client::{ask, exchange};
use tollkeeper_tests::world::MODELS;

use crate::{CALLER, Scene, plenty};

#[test]
fn old_broken_and_foreign_protocols() {
    let scene = Scene::open("protocols", &plenty());
    let key = format!("x-api-key: {}\r\nconnection: close\r\n\r\n", scene.key);
    for (head, statuses) in [
        ("GET /openai/v1/models HTTP/1.0\r\nhost: gate\r\n", &[426][..]),
        ("GET /openai/v1/models HTTP/1.1\r\n", &[400]),
        ("GET /openai/v1/models HTTP/9.9\r\nhost: gate\r\n", &[400, 426]),
        ("CONNECT api.openai.com:443 HTTP/1.1\r\nhost: api.openai.com:443\r\n", &[400, 403, 404]),
        ("OPTIONS * HTTP/1.1\r\nhost: gate\r\n", &[400, 404]),
        ("GET openai/v1/models HTTP/1.1\r\nhost: gate\r\n", &[400, 404]),
        (
            "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: gate\r\ncontent-length: 1\r\n\
             transfer-encoding: chunked\r\n",
            &[400],
        ),
        ("GET /openai/v1/models HTTP/1.1\r\nhost: gate\r\ncontent-length: -1\r\n", &[400]),
    ] {
        let answer = ask(scene.gate(), format!("{head}{CALLER}: protocols\r\n{key}").as_bytes());
        let answer = answer.unwrap_or_else(|error| panic!("{head}: {error}"));
        assert!(statuses.contains(&answer.status), "{head}: {} {}", answer.status, answer.text());
    }
    assert!(scene.seen().is_empty());
    scene.close();
}

#[test]
fn an_upgrade_is_no_way_round() {
    let scene = Scene::open("upgrade", &plenty());
    for protocol in ["websocket", "h2c"] {
        let head = format!(
            "GET /openai/v1/models HTTP/1.1\r\nhost: gate\r\n{CALLER}: upgrade\r\n\
             connection: upgrade\r\nupgrade: {protocol}\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        let answer = ask(scene.gate(), head.as_bytes()).unwrap();
        assert!(
            matches!(answer.status, 401 | 403),
            "{protocol}: {} {}",
            answer.status,
            answer.text()
        );
    }
    assert!(scene.seen().is_empty());
    scene.close();
}

#[test]
fn two_requests_in_one_piece_are_two() {
    let scene = Scene::open("pipelined", &plenty());
    let kept = format!(
        "GET {MODELS} HTTP/1.1\r\nhost: gate\r\n{CALLER}: pipelined\r\nx-api-key: {}\r\n\r\n",
        scene.key
    );
    let keyless = format!(
        "GET {MODELS} HTTP/1.1\r\nhost: gate\r\n{CALLER}: pipelined\r\nconnection: close\r\n\r\n"
    );
    let both = exchange(scene.gate(), (kept + &keyless).as_bytes()).unwrap();
    let text = String::from_utf8_lossy(&both);
    let statuses: Vec<_> =
        text.match_indices("HTTP/1.1 ").map(|(at, _)| &text[at + 9..at + 12]).collect();
    assert_eq!(statuses, ["200", "401"]);
    assert_eq!(scene.seen().len(), 1);
    scene.close();
}

#[test]
fn any_change_of_any_byte_is_survived() {
    let scene = Scene::open("changed", &plenty());
    let good = scene
        .with_key("POST", "/openai/v1/chat/completions?key=&a=%41")
        .header("content-length", "2")
        .body("{}")
        .bytes(scene.gate());
    assert_eq!(ask(scene.gate(), &good).unwrap().status, 200);
    let mut random = fastrand::Rng::with_seed(5);
    for round in 0..400 {
        let mut bytes = good.clone();
        for _ in 0..random.usize(1..6) {
            let place = random.usize(0..bytes.len());
            match random.u8(0..3) {
                0 => bytes[place] = random.u8(..),
                1 => drop(bytes.remove(place)),
                _ => bytes.insert(place, *random.choice(b"\0\r\n :/?%&=\xff\"\\").unwrap()),
            }
        }
        let mut stream = TcpStream::connect(scene.gate()).unwrap();
        // Envoy may close while this is being written.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = [0; 16];
        let first = stream.read(&mut answer).unwrap_or_default();
        let alive = first == 0 || answer.starts_with(b"HTTP/1.1 ");
        assert!(alive, "round {round}: {:?}", &answer[..first]);
        assert!(!answer.starts_with(b"HTTP/1.1 503"), "round {round}: {bytes:?}");
    }
    scene.close();
}
