//! Heads of requests as nobody would write them, mostly of parts that mean something.

use std::cell::RefCell;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::judge::SERVICES;
use crate::world::key;

type Head = Vec<(String, Vec<u8>)>;

/// Tries so many heads, always the same ones; a failure is shrunk and shown.
pub(crate) fn heads(cases: u32, test: impl FnMut(&Head)) {
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 500, ..Config::default() };
    let random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let test = RefCell::new(test);
    let outcome = TestRunner::new_with_rng(config, random).run(&head(), |head| {
        (test.borrow_mut())(&head);
        Ok(())
    });
    outcome.unwrap();
}

/// A head that is one, or nearly: what is needed, then anything, in any order.
fn head() -> impl Strategy<Value = Head> {
    let needed = (
        prop_oneof![9 => Just(b"GET".to_vec()), 1 => value()],
        prop_oneof![4 => target(), 1 => value()],
        prop_oneof![4 => authority(), 1 => value()],
    );
    (needed, vec(prop_oneof![8 => (key_header(), value()), 2 => (name(), noise())], 0..6))
        .prop_flat_map(|((method, path, authority), more)| {
            let pseudo = [(":method", method), (":path", path), (":authority", authority)];
            let mut all: Head =
                pseudo.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            all.extend(more);
            Just(all).prop_shuffle()
        })
}

/// A header in which a key may stand.
fn key_header() -> impl Strategy<Value = String> {
    select(vec![
        "authorization",
        "Authorization",
        "x-api-key",
        "X-API-KEY",
        "api-key",
        "x-goog-api-key",
        "proxy-authorization",
        "cookie",
        "x-tollkeeper-service",
    ])
    .prop_map(ToOwned::to_owned)
}

/// A header in which none belongs: whoever puts one there has it sent.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => select(vec![":path", ":authority", ":method", "host", ""]).prop_map(ToOwned::to_owned),
        1 => "\\PC{0,12}",
    ]
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..80)
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => credential(),
        1 => Just(Vec::new()),
        1 => noise(),
        1 => target(),
    ]
}

/// Right keys in all their dresses, wrong ones, and no ones.
fn credential() -> impl Strategy<Value = Vec<u8>> {
    let scheme = select(vec!["", "Bearer ", "bearer\t", "BASIC ", "Token  ", " "]);
    let one = prop_oneof![
        4 => Just(key(1)),
        1 => Just(key(2)),
        1 => Just(key(9)),
        1 => "tk_[A-Za-z0-9_-]{0,50}",
        1 => "\\PC{0,20}",
    ];
    (scheme, one, any::<bool>()).prop_map(|(scheme, one, pair)| {
        let text = match (scheme, pair) {
            ("BASIC ", true) => format!("{scheme}{}", STANDARD.encode(format!("{one}:"))),
            ("BASIC ", false) => format!("{scheme}{}", STANDARD.encode(format!("me:{one}"))),
            _ => format!("{scheme}{one}"),
        };
        text.into_bytes()
    })
}

fn target() -> impl Strategy<Value = Vec<u8>> {
    let path = prop_oneof![
        6 => select(SERVICES.to_vec()).prop_map(|name| format!("/{name}/v1/models")),
        1 => Just("/v1/models".to_owned()),
        1 => "[/a-z%.*]{0,20}",
    ];
    (path, vec(parameter(), 0..4)).prop_map(|(path, query)| {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{path}{mark}{}", query.join("&")).into_bytes()
    })
}

fn parameter() -> impl Strategy<Value = String> {
    let name = select(vec!["key", "api_key", "api-key", "%6bey", "KEY", "a", "", "k%65y"]);
    let value = prop_oneof![
        2 => Just(key(1)),
        1 => Just(key(1).bytes().map(|byte| format!("%{byte:02X}")).collect::<String>()),
        1 => Just(key(2)),
        2 => "[a-z%=]{0,8}",
    ];
    // A key under a name that is nobody's is the client's own affair, and stays.
    (name, value).prop_map(|(name, value)| match name {
        "KEY" | "a" | "" => format!("{name}=1"),
        _ => format!("{name}={value}"),
    })
}

fn authority() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just("gate".to_owned()),
        select(SERVICES.to_vec()).prop_map(|name| format!("API.{name}.com:443")),
        "[a-z.:@\\[\\]]{0,20}",
    ]
    .prop_map(String::into_bytes)
}
