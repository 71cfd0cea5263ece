//! Is a limit kept at every instant over eight workers of two Envoys, and is it used up?
//!
//! The built filter against the real ledger, in virtual time. Every admission is judged where it
//! happens, by an auditor that knows the limit's own words and nothing of leases.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of a test stops where the test would"
)]

#[path = "plugin_limits_over_many_workers/auditor.rs"]
mod auditor;
#[path = "plugin_limits_over_many_workers/crowd.rs"]
mod crowd;
#[path = "plugin_world/world.rs"]
mod world;

use crowd::{Crowd, Report};

const WORKERS: usize = 8;

const FIFTY_A_SECOND: &str = r#"{"requests": 50, "per": "second", "burst": 50}"#;
const FIVE_A_MINUTE: &str = r#"{"requests": 5, "per": "minute", "burst": 5}"#;
const FOUR_AT_ONCE: &str = r#"{"concurrent": 4}"#;

#[test]
fn fifty_a_second_are_kept_and_used() {
    let report = told(Crowd::new(WORKERS, FIFTY_A_SECOND).offer(500).run(10_000));
    assert_eq!(report.over, 0, "{report:?}");
    assert!(report.use_per_mille >= 980, "{report:?}");
    assert!(report.syncs_in_any_second <= 20, "{report:?}");
}

#[test]
fn five_a_minute_are_kept_and_used() {
    // The last unit comes with the second minute's last millisecond; a second to fetch it.
    let report = told(Crowd::new(WORKERS, FIVE_A_MINUTE).offer(8).run(121_000));
    assert_eq!(report.over, 0, "{report:?}");
    assert!(report.use_per_mille >= 980, "{report:?}");
}

#[test]
fn four_at_once_are_kept_and_used() {
    let report = told(Crowd::new(WORKERS, FOUR_AT_ONCE).offer(364).run(10_000));
    assert_eq!(report.over, 0, "{report:?}");
    assert!(report.use_per_mille >= 980, "{report:?}");
    assert!(report.syncs_in_any_second <= 20, "{report:?}");
}

#[test]
fn lost_syncs_give_nothing_away() {
    for limit in [FIFTY_A_SECOND, FOUR_AT_ONCE] {
        let mut crowd = Crowd::new(WORKERS, limit).offer(400);
        crowd.world.network.lost_per_mille = 100;
        let report = told(crowd.run(10_000));
        assert_eq!(report.over, 0, "{limit}: {report:?}");
        assert!(report.use_per_mille >= 600, "{limit}: {report:?}");
    }
}

#[test]
fn a_worker_that_dies_gives_nothing_away() {
    for limit in [FIFTY_A_SECOND, FOUR_AT_ONCE] {
        let mut crowd = Crowd::new(WORKERS, limit).offer(400);
        let report = told(run_with(&mut crowd, |crowd| crowd.kill(3)));
        assert_eq!(report.over, 0, "{limit}: {report:?}");
        assert!(report.use_per_mille >= 700, "{limit}: {report:?}");
    }
}

#[test]
fn a_sidecar_that_restarts_gives_nothing_away() {
    for limit in [FIFTY_A_SECOND, FOUR_AT_ONCE] {
        for clean in [true, false] {
            let mut crowd = Crowd::new(WORKERS, limit).offer(400);
            let report = told(run_with(&mut crowd, |crowd| crowd.restart_sidecar(clean)));
            assert_eq!(report.over, 0, "{limit}, clean {clean}: {report:?}");
            assert!(report.use_per_mille >= 500, "{limit}, clean {clean}: {report:?}");
        }
    }
}

/// Prints the figures, for `--nocapture`.
fn told(report: Report) -> Report {
    println!("{report:?}");
    report
}

/// Four seconds, an event, and six more.
fn run_with(crowd: &mut Crowd, event: impl FnOnce(&mut Crowd)) -> Report {
    crowd.run(4_000);
    event(crowd);
    crowd.run(6_000)
}
