//! What may not have happened, looked for in every round and at the end.
//!
//! The upstream's own record says what was let through; the kernel, what the processes hold; logs and
//! admin pages, what was said.

use std::fs;
use std::time::Instant;

use tollkeeper_tests::load::{Shot, summary};
use tollkeeper_tests::rate::{self, Rate, worst_excess};
use tollkeeper_tests::upstream::Seen;
use tollkeeper_tests::wait;
use tollkeeper_tests::world::{SECRET, World};

use crate::{CALLER, LIMITED_CALLER};

/// What the limited client may do.
pub(crate) const LIMITED: Rate = Rate { per_second: 20, burst: 30 };

/// By how much a process may grow from the first third of a run to its last, in KiB. In five minutes
/// there are tens of thousands of calls, so that a leak of one header a call would be more.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

/// Calls that are compared with each other at once; the comparison is quadratic.
const WINDOW: usize = 400;

/// The record of a run.
pub(crate) struct Judge {
    client_keys: Vec<String>,
    limited: Vec<rate::Call>,
    upstream: u64,
    envoy_kib: Vec<u64>,
    sidecar_kib: Vec<u64>,
}

impl Judge {
    /// Nothing has happened yet.
    pub(crate) fn new(client_keys: [&str; 4]) -> Self {
        Self {
            client_keys: client_keys.map(str::to_owned).to_vec(),
            limited: Vec::new(),
            upstream: 0,
            envoy_kib: Vec::new(),
            sidecar_kib: Vec::new(),
        }
    }

    /// Takes down what the upstream saw in a round; `shots` are the limited client's.
    pub(crate) fn has_seen(&mut self, seen: &[Seen], shots: &[Shot]) {
        self.upstream += seen.len() as u64;
        for request in seen {
            let authorization = request.header("authorization");
            assert_eq!(
                authorization,
                [format!("Bearer {SECRET}").as_bytes()],
                "of {}",
                request.target
            );
            let shown = self.client_keys.iter().find(|key| request.has(key));
            assert!(shown.is_none(), "a client key went upstream with {}", request.target);
        }
        let arrivals: Vec<(u32, Instant)> = seen
            .iter()
            .filter(|request| request.text(CALLER) == Some(LIMITED_CALLER))
            .map(|request| (shot_number(request), request.arrived))
            .collect();
        for (number, arrived) in &arrivals {
            let mut sent = shots.iter().filter(|shot| shot.number == *number);
            let shot = sent.next().unwrap_or_else(|| panic!("nobody sent {number}"));
            self.limited.push((shot.sent, *arrived));
        }
        let admitted = shots.iter().filter(|shot| shot.status() == 200).count();
        assert_eq!(admitted, arrivals.len(), "admitted and arrived: {}", summary(shots));
    }

    /// Takes down what the processes hold.
    pub(crate) fn weighs(&mut self, world: &World) {
        self.envoy_kib.push(resident_kib(world.envoys[0].id()));
        self.sidecar_kib.extend(world.sidecar.id().map(resident_kib));
    }

    /// Passes judgement.
    pub(crate) fn concludes(self, mut world: World) {
        no_vm_died(&world);
        self.nobody_passed_uncounted(&world);
        self.the_limit_was_kept();
        is_flat("Envoy", &self.envoy_kib);
        is_flat("the sidecar", &self.sidecar_kib);

        let envoy = &mut world.envoys[0];
        let pages =
            ["/config_dump?include_eds", "/stats", "/clusters"].map(|path| envoy.admin_page(path));
        self.is_silent("an admin page of Envoy's", &pages.concat());
        self.is_silent("Envoy's log", &envoy.stop());
        self.is_silent("the sidecar's log", &world.sidecar.log());
    }

    /// Every request that the upstream saw is in the filter's own count of what it admitted.
    fn nobody_passed_uncounted(&self, world: &World) {
        let counted = wait::until(wait::PATIENCE, || {
            let admitted = world.envoys[0].stat("wasmcustom.tollkeeper.admitted");
            if admitted >= self.upstream {
                Ok(admitted)
            } else {
                Err(format!("{} went upstream, {admitted} were admitted", self.upstream))
            }
        });
        println!("{} went upstream, {counted:?} were admitted", self.upstream);
        assert!(counted.is_ok(), "{counted:?}");
    }

    fn the_limit_was_kept(&self) {
        let calls = &self.limited;
        let (Some((first, _)), Some(last)) = (calls.first(), calls.iter().map(|call| call.1).max())
        else {
            panic!("the limited client was never admitted");
        };
        let windows = (0..calls.len()).step_by(WINDOW / 2);
        let excess = windows
            .map(|begin| worst_excess(&calls[begin..calls.len().min(begin + WINDOW)], LIMITED))
            .max();
        println!("{} calls of the limited client, worst excess {excess:?}", calls.len());
        assert!(excess.is_some_and(|excess| excess <= 0), "over the limit by {excess:?}");
        let millis = (last - *first).as_millis() + 1;
        let given = u128::from(LIMITED.burst) + u128::from(LIMITED.per_second) * millis / 1_000;
        assert!(calls.len() as u128 <= given, "{} calls, {given} given out", calls.len());
    }

    fn is_silent(&self, place: &str, text: &str) {
        assert!(!text.is_empty(), "{place} is empty");
        let secrets = self.client_keys.iter().map(String::as_str).chain([SECRET]);
        // Not which: the words of a failed test are in logs, too.
        let found = secrets.filter(|secret| text.contains(secret)).count();
        assert_eq!(found, 0, "secrets in {place}");
    }
}

fn no_vm_died(world: &World) {
    let reloads = world.envoys[0].stats("wasm.tollkeeper.*vm_reload");
    println!("{reloads:?}");
    assert!(!reloads.is_empty(), "Envoy does not count reloads");
    assert_eq!(world.vm_reloads(), 0, "{reloads:?}");
}

/// The most that was held in the first third of a run, and in the last.
fn is_flat(who: &str, kib: &[u64]) {
    let third = kib.len().div_ceil(3);
    let most = |part: &[u64]| part.iter().copied().max().unwrap_or_default();
    let (first, last) = (most(&kib[..third]), most(&kib[kib.len() - third..]));
    println!("{who} held {first} KiB at first, {last} KiB at last");
    assert!(last <= first + GROWTH_MAX_KIB, "{who} grew from {first} to {last} KiB");
}

fn resident_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn shot_number(seen: &Seen) -> u32 {
    seen.text(tollkeeper_tests::load::SHOT).unwrap().parse().unwrap()
}
