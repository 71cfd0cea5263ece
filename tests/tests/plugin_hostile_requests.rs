//! Can any request break the filter, pass without the mark, or carry more than one credential?
//!
//! Whatever is sent, one oracle judges what became of it: see `judge`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_hostile_requests/judge.rs"]
mod judge;
#[path = "plugin_hostile_requests/random.rs"]
mod random;
#[path = "plugin_world/world.rs"]
mod world;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use judge::{SERVICES, Verdict, judge, ready};
use world::{key, to};

/// The headers that the filter reads, and one that it does not.
const READ: [&str; 11] = [
    ":method",
    ":path",
    ":authority",
    "authorization",
    "x-api-key",
    "api-key",
    "x-goog-api-key",
    "x-own-key",
    "proxy-authorization",
    "cookie",
    "x-anything",
];

#[test]
fn every_byte_in_every_value_is_answered() {
    let mut world = ready();
    for name in READ {
        for byte in 0..=255_u8 {
            for value in [vec![byte], [b"/openai/v1/models", [byte].as_slice(), b"x"].concat()] {
                let mut headers = to("/openai/v1/models", &[("x-api-key", &key(1))]);
                headers.retain(|(own, _)| own != name);
                headers.push((name.to_owned(), value));
                judge(&mut world, &headers);
            }
        }
    }
}

#[test]
fn every_byte_in_a_name_is_answered() {
    let mut world = ready();
    for byte in 0..=255_u8 {
        for name in [vec![byte], [b"x-api", [byte].as_slice(), b"key"].concat()] {
            let mut headers: Vec<(Vec<u8>, Vec<u8>)> =
                to("/openai/v1/models", &[("authorization", &format!("Bearer {}", key(1)))])
                    .into_iter()
                    .map(|(name, value)| (name.into_bytes(), value))
                    .collect();
            headers.push((name, b"x".to_vec()));
            judge(&mut world, &headers);
        }
    }
}

#[test]
fn a_key_header_that_comes_twice_is_refused_whatever_it_holds() {
    let mut world = ready();
    for (name, service) in [
        ("authorization", "openai"),
        ("x-api-key", "openai"),
        ("api-key", "openai"),
        ("x-goog-api-key", "openai"),
        ("x-own-key", "own"),
    ] {
        let own = key(1);
        for (first, second) in [(own.as_str(), own.as_str()), (&own, ""), ("", &own), ("", "")] {
            let path = format!("/{service}/v1/models");
            let verdict = judge(&mut world, &to(&path, &[(name, first), (name, second)]));
            let expected = Verdict::Refused(400, "client_key_repeated".to_owned());
            assert_eq!(verdict, expected, "{name}: {first:?} {second:?}");
        }
    }
}

#[test]
fn two_different_keys_are_refused_wherever_they_stand() {
    let mut world = ready();
    let (one, two) = (key(1), key(2));
    let basic = format!("Basic {}", STANDARD.encode(format!("{two}:x")));
    let bearer = format!("bearer {two}");
    let places = [
        ("authorization", bearer.as_str()),
        ("authorization", &basic),
        ("x-api-key", &two),
        ("x-goog-api-key", &two),
    ];
    for (name, value) in places {
        let verdict =
            judge(&mut world, &to("/openai/v1/models", &[("api-key", &one), (name, value)]));
        assert_eq!(verdict, Verdict::Refused(400, "client_keys_differ".to_owned()), "{name}");
    }
    let path = format!("/query/v1/models?key={two}");
    let verdict = judge(&mut world, &to(&path, &[("api-key", &one)]));
    assert_eq!(verdict, Verdict::Refused(400, "client_keys_differ".to_owned()));
}

#[test]
fn every_place_of_a_key_is_emptied() {
    let mut world = ready();
    let own = key(1);
    for service in SERVICES {
        let path = format!("/{service}/v1/models");
        let basic = format!("bAsIc  {}", STANDARD.encode(format!("user:{own}")));
        let bearer = format!("BEARER\t {own} ");
        for (name, value) in [
            ("authorization", bearer.as_str()),
            ("authorization", &basic),
            ("authorization", &own),
            ("x-api-key", &own),
            ("api-key", &own),
            ("x-goog-api-key", &own),
        ] {
            let with = [(name, value), ("cookie", "a=1"), ("proxy-authorization", "Basic eDp5")];
            let verdict = judge(&mut world, &to(&path, &with));
            assert_eq!(verdict, Verdict::Passed, "{service}: {name}: {value}");
        }
        let escaped: String = own.bytes().map(|byte| format!("%{byte:02x}")).collect();
        for query in [
            format!("key={own}"),
            format!("a=1&api_key={own}&b=2"),
            format!("api-key={escaped}"),
            format!("%6b%65%79={own}"),
        ] {
            let verdict = judge(&mut world, &to(&format!("{path}?{query}"), &[]));
            assert_eq!(verdict, Verdict::Passed, "{service}: {query}");
        }
    }
}

#[test]
fn targets_that_can_be_read_in_two_ways_are_refused() {
    let mut world = ready();
    for target in [
        "",
        "*",
        "openai/v1/models",
        "https://api.openai.com/v1/models",
        "api.openai.com:443",
        "/openai/v1/../v1/models",
        "/openai/v1/%2e%2e/models",
        "/openai/v1%2fmodels",
        "/openai/v1%5Cmodels",
        "/openai\\v1/models",
        "/openai/v1/models%00",
        "/openai/v1/models%",
        "/openai/v1/models%g0",
        "/openai/v1/models#x",
        "/openai/v1/mod els",
    ] {
        let verdict = judge(&mut world, &to(target, &[("x-api-key", &key(1))]));
        assert_eq!(verdict, Verdict::Refused(400, "path_ambiguous".to_owned()), "{target:?}");
    }
}

#[test]
fn heads_that_lack_what_a_request_has_are_refused() {
    let mut world = ready();
    for missing in [":path", ":authority", ":method"] {
        let mut headers = to("/openai/v1/models", &[("x-api-key", &key(1))]);
        headers.retain(|(name, _)| name != missing);
        let verdict = judge(&mut world, &headers);
        // The host is not needed where the path names the service.
        let passes = missing == ":authority";
        assert_eq!(verdict == Verdict::Passed, passes, "without {missing}: {verdict:?}");
    }
    assert!(matches!(judge::<&str>(&mut world, &[]), Verdict::Refused(..)));
    let connect =
        [(":method", "CONNECT"), (":authority", "api.openai.com:443"), ("x-api-key", &key(1))]
            .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    assert!(matches!(judge(&mut world, &connect), Verdict::Refused(..)));
}

#[test]
fn a_mark_of_the_clients_own_counts_for_nothing() {
    let mut world = ready();
    let headers = to(
        "/openai/v1/models",
        &[("x-api-key", &key(1)), ("x-tollkeeper-service", "own"), ("x-tollkeeper-service", "own")],
    );
    assert_eq!(judge(&mut world, &headers), Verdict::Passed);
    let stranger = to("/openai/v1/models", &[("x-tollkeeper-service", "openai")]);
    assert!(matches!(judge(&mut world, &stranger), Verdict::Refused(401, _)));
}

#[test]
fn huge_heads_are_answered() {
    let mut world = ready();
    let many: Vec<(String, Vec<u8>)> = to("/openai/v1/models", &[("x-api-key", &key(1))])
        .into_iter()
        .chain((0..1_000).map(|number| (format!("x-{number}"), b"value".to_vec())))
        .collect();
    assert_eq!(judge(&mut world, &many), Verdict::Passed);
    let mut key_last = many.clone();
    key_last.rotate_left(5);
    assert_eq!(judge(&mut world, &key_last), Verdict::Passed);
    for name in READ {
        let mut headers = to("/openai/v1/models", &[]);
        headers.retain(|(own, _)| own != name);
        headers.push((name.to_owned(), vec![b'A'; 1 << 20]));
        judge(&mut world, &headers);
    }
}

#[test]
fn random_heads_are_answered() {
    let mut world = ready();
    let mut passed = 0;
    random::heads(3_000, |headers| {
        passed += u32::from(judge(&mut world, headers) == Verdict::Passed);
    });
    println!("{passed} of 3,000 passed");
    assert!(passed >= 100, "{passed} passed: the heads are too strange to show anything");
}
