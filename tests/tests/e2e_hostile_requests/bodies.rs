//! Bodies that come slowly, all at once, or never; callers who hang up.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;
use serde_json::json;
use tollkeeper_tests::client::Answer;
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{MODELS, models, until_answered};

use crate::{HOLD_MS, Scene, plenty};

#[test]
fn a_slow_body_arrives_whole() {
    let scene = Scene::open("slow", &plenty());
    let body = json!({ "model": "gpt-5-mini", "input": "slow ".repeat(80) }).to_string();
    let call = scene.with_key("POST", "/openai/v1/chat/completions");
    let head = call.header("content-length", body.len().to_string()).bytes(scene.gate());
    let mut stream = TcpStream::connect(scene.gate()).unwrap();
    stream.write_all(&head).unwrap();
    for piece in body.as_bytes().chunks(20) {
        wait::pass(Duration::from_millis(15));
        stream.write_all(piece).unwrap();
    }
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::parse(&answer).unwrap().status, 200);
    assert_eq!(scene.seen()[0].body, body.as_bytes());
    scene.close();
}

#[test]
fn a_large_body_of_a_first_call_waits_and_arrives_whole() {
    let scene = Scene::open("first", &plenty());
    let body = json!({ "model": "gpt-5-mini", "input": "x".repeat(1 << 20) }).to_string();
    let mut chunked = Vec::new();
    for piece in body.as_bytes().chunks(10_000) {
        write!(chunked, "{:x}\r\n", piece.len()).unwrap();
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let call = scene.with_key("POST", "/openai/v1/chat/completions");
    let answer =
        call.header("transfer-encoding", "chunked").body(chunked).send(scene.gate()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert!(scene.seen()[0].body == body.as_bytes(), "{} bytes", scene.seen()[0].body.len());
    scene.close();
}

#[test]
fn a_caller_who_hangs_up_gives_its_place_back() {
    let scene = Scene::open("hangs-up", &json!([{ "concurrent": 1 }]));
    let chat = |framing: &str, hold: u32| {
        format!(
            "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: gate\r\nx-api-key: {}\r\n\
             {HOLD_MS}: {hold}\r\n{framing}\r\n\r\n",
            scene.key
        )
    };
    for begun in [
        chat("content-length: 1000", 0) + "{\"model\"",
        chat("transfer-encoding: chunked", 0) + "5\r\nabcde\r\n",
        chat("transfer-encoding: chunked", 0) + "zz\r\n",
        chat("content-length: 2", 60_000) + "{}",
    ] {
        let mut stream = TcpStream::connect(scene.gate()).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        // It has its place: nobody else does.
        until_answered(
            scene.gate(),
            &models(&scene.key),
            if begun.contains("zz") { 200 } else { 429 },
        );
        reset(stream);
        until_answered(scene.gate(), &models(&scene.key), 200);
    }
    scene.close();
}

#[test]
fn callers_who_hang_up_while_they_wait_leave_nothing_behind() {
    let scene = Scene::open("impatient", &json!([{ "concurrent": 1 }]));
    let call = models(&scene.key).bytes(scene.gate());
    let mut held = TcpStream::connect(scene.gate()).unwrap();
    let long = scene.with_key("GET", MODELS).header(HOLD_MS, "1500");
    held.write_all(&long.bytes(scene.gate())).unwrap();
    let upstream = wait::until(wait::PATIENCE, || match scene.seen().len() {
        0 => Err("not upstream yet".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(upstream, Ok(()));
    until_answered(scene.gate(), &models(&scene.key), 429);
    for _ in 0..40 {
        let mut stream = TcpStream::connect(scene.gate()).unwrap();
        stream.write_all(&call).unwrap();
        reset(stream);
    }
    // Keys that nobody has seen are asked for, so those callers wait for the sidecar.
    for number in 0..40_u8 {
        let key = wire::client_key::issue(&[number; 32]);
        let mut stream = TcpStream::connect(scene.gate()).unwrap();
        stream.write_all(&models(&key).bytes(scene.gate())).unwrap();
        reset(stream);
    }
    let mut answer = Vec::new();
    held.read_to_end(&mut answer).unwrap();
    assert_eq!(Answer::parse(&answer).unwrap().status, 200);
    scene.close();
}

/// Ends a connection as a crash does, by a reset.
fn reset(stream: TcpStream) {
    set_socket_linger(&stream, Some(Duration::ZERO)).unwrap();
    drop(stream);
}
