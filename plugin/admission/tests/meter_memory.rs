//! One stream's meter keeps at most 64 KiB, whatever comes: counted by the allocator itself.
//!
//! A test of its own, because other tests would allocate in between.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test stops where it fails"
)]

use std::alloc::System;
use std::sync::Arc;

use admission::ask::Asked;
use admission::meter::Meter;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use wire::money::Nanos;
use wire::tariff::Tariff;
use wire::usage::Profile;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const BOUND: usize = 64 * 1024;

fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

/// Feeds `piece` so often, and returns the most that was held besides what was there before.
fn most(
    profile: Profile,
    headers: &[(&str, &str)],
    start: &[u8],
    piece: &[u8],
    times: u32,
) -> usize {
    let tariff: Tariff = serde_json::from_value(serde_json::json!(
        {"usage": {"api": profile.as_str()}, "hold": {"amount": 1}}
    ))
    .unwrap();
    let tariff = Arc::new(tariff);
    // What a profile's streams share is made by the first of them.
    let shared = |tariff: &Arc<Tariff>| {
        let mut meter = Meter::new(Arc::clone(tariff), None, Asked::default(), Nanos(1));
        meter.headers([(&b":status"[..], &b"200"[..])].into_iter());
    };
    shared(&tariff);
    let before = held();
    let mut meter = Meter::new(tariff, None, Asked::default(), Nanos(1));
    meter.headers(headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
    meter.body(start);
    let mut most = held() - before;
    for _ in 0..times {
        meter.body(piece);
        most = most.max(held() - before);
    }
    drop(meter);
    most + size_of::<Meter>()
}

#[test]
fn no_stream_holds_more_than_its_bound() {
    let gzip = [(":status", "200"), ("content-encoding", "gzip")];
    let plain = [(":status", "200"), ("content-type", "text/event-stream")];
    let aws = [(":status", "200"), ("content-type", "application/vnd.amazon.eventstream")];
    let gzip_head: &[u8] = b"\x1f\x8b\x08\x08\0\0\0\0\0\0";
    // A stored block of DEFLATE, with a body that never ends a string.
    let stored: Vec<u8> = {
        let text = b"{\"model\":\"".iter().copied().chain(std::iter::repeat_n(b'x', 65_525));
        [0, 0xFF, 0xFF, 0, 0].into_iter().chain(text).collect()
    };
    let gzip_body = [&gzip_head[..3], b"\0\0\0\0\0\0\0"].concat();
    let mut events = b"data: {\"usage\":{\"prompt_tokens\":".to_vec();
    events.resize(60_000, b'1');
    // A prelude of 2 GiB of headers.
    let mut prelude = b"\xFF\xFF\xFF\xFF\x7F\xFF\xFF\xFF".to_vec();
    prelude.extend(crc32fast::hash(&prelude).to_be_bytes());
    for profile in Profile::ALL {
        for (headers, start, piece) in [
            (&gzip[..], gzip_head, &[b'n'; 60_000][..]),
            (&gzip[..], &gzip_body, &stored),
            (&plain[..], b"data: {\"model\":\"", &[b'm'; 60_000]),
            (&plain[..], b"", &events),
            (&plain[..], b"{\"a\":", &[b'['; 60_000]),
            (&plain[..], b"", &[b'x'; 60_000]),
            (&aws[..], &prelude, &[1; 60_000]),
        ] {
            let most = most(*profile, headers, start, piece, 12);
            assert!(most <= BOUND, "{profile}: {most} bytes");
        }
    }
}
