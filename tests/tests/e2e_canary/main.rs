//! Where can a secret be found, after a day in the life of a gate?
//!
//! One credential and one client key are the canaries. Whatever was written, logged, shown or sent is
//! searched for them, as they are and encoded. The credential may be upstream, the client key nowhere
//! but with who was given it.

#![expect(clippy::unwrap_used, reason = "a helper of a test stops where the test would")]

mod day;
mod evidence;

use day::Day;
use evidence::{Canaries, Evidence};
use tollkeeper_tests::wait;

#[test]
fn a_credential_is_found_upstream_and_a_client_key_nowhere() {
    let mut day = Day::begin();
    day.live();
    let canaries = day.canaries();
    let seen = day.world.upstream.seen();
    assert!(seen.iter().any(|seen| seen.has(day::SECRET)), "the credential reached the upstream");
    for key in &day.keys {
        assert!(!seen.iter().any(|seen| seen.has(key)), "no client key reached the upstream");
    }
    let evidence = day.end();
    evidence.is_what_it_should_be();
    assert_eq!(canaries.places_in(&evidence), Vec::<String>::new());
    the_search_finds_what_is_planted(&canaries);
}

/// A search that finds nothing proves something only if it would find it: in a file, in what a process
/// was started with, in each encoding.
fn the_search_finds_what_is_planted(canaries: &Canaries) {
    let dir = tempfile::tempdir().unwrap();
    let planted = dir.path().join("deep/down/planted");
    std::fs::create_dir_all(planted.parent().unwrap()).unwrap();
    for needle in canaries.needles() {
        std::fs::write(&planted, [b"\0\xff before ", needle, b" after"].concat()).unwrap();
        let mut evidence = Evidence::default();
        evidence.add_files_below(dir.path());
        assert_eq!(canaries.places_in(&evidence), [planted.display().to_string()]);
    }
    let mut child =
        std::process::Command::new("sleep").arg("60").env("PLANTED", day::SECRET).spawn().unwrap();
    let place = format!("/proc/{}/environ", child.id());
    // The kernel shows it when the program has begun.
    let found = wait::until(wait::PATIENCE, || {
        let mut evidence = Evidence::default();
        evidence.add_processes();
        match canaries.places_in(&evidence) {
            places if places.contains(&place) => Ok(()),
            places => Err(format!("{place} is not among {places:?}")),
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(found, Ok(()));
}
