//! `spend correct` against a service that is played by the test: what is asked, and what is printed.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;

use serde_json::{Value, json};

use crate::books::policy;
use crate::desk::Desk;

/// Reads one request and answers it; gives back what was asked.
fn answer(stream: UnixStream, status: &str, answer: &Value) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let answer = answer.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", answer.len());
    reader.get_mut().write_all((head + &answer).as_bytes()).unwrap();
    (first.trim().to_owned(), serde_json::from_slice(&body).unwrap())
}

/// Runs the command while the answers are given one after the other.
fn ask(
    desk: &Desk,
    answers: Vec<(&'static str, Value)>,
) -> thread::JoinHandle<Vec<(String, Value)>> {
    let listener = UnixListener::bind(desk.path("admin.sock")).unwrap();
    thread::spawn(move || {
        let one = |(status, said): (&str, Value)| {
            let (stream, _) = listener.accept().unwrap();
            answer(stream, status, &said)
        };
        answers.into_iter().map(one).collect()
    })
}

#[test]
fn a_repetition_asks_for_the_same_and_prints_the_same_entry() {
    let desk = Desk::new(&policy());
    let booked = json!({ "entry": 41, "who": "ada (uid 1000)" });
    let service = ask(&desk, vec![("200 OK", booked.clone()), ("200 OK", booked)]);
    let arguments = [
        "spend",
        "correct",
        "--budget",
        "search-team",
        "--period",
        "2026-11",
        "--amount",
        "-12.50",
        "--why",
        "refund, invoice 7",
        "--yes",
        "--id",
        "refund-7",
    ];
    let first = desk.run(&arguments).ok();
    assert_eq!(first.out, "entry 41, by ada (uid 1000)\n");
    assert_eq!(desk.run(&arguments).ok().out, first.out);
    let asked = service.join().unwrap();
    assert_eq!(asked[0], asked[1]);
    assert_eq!(asked[0].0, "POST /v1/spend/correct HTTP/1.1");
    assert_eq!(
        asked[0].1,
        json!({
            "id": "refund-7", "budget": "search-team", "period": "2026-11", "amount": "-12.50",
            "why": "refund, invoice 7",
        })
    );
}

#[test]
fn each_correction_has_an_id_of_its_own_and_a_refusal_is_told() {
    let desk = Desk::new(&policy());
    let refused = json!({ "code": "no_budget", "error": "there is no budget \"x\"" });
    let booked = json!({ "entry": 1, "who": "ada (uid 1000)" });
    let service = ask(&desk, vec![("200 OK", booked), ("404 Not Found", refused)]);
    let arguments =
        ["spend", "correct", "--budget", "x", "--amount", "0.01", "--why", "w", "--yes", "--json"];
    let first = desk.run(&arguments).ok();
    desk.run(&arguments).fails(1, "there is no budget \"x\"");
    let asked = service.join().unwrap();
    assert_eq!(first.json()["id"], asked[0].1["id"]);
    assert_ne!(asked[0].1["id"], asked[1].1["id"]);
    assert!(first.err.contains(asked[0].1["id"].as_str().unwrap()), "{}", first.err);
}
