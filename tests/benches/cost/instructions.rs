//! Instructions per request, counted by callgrind: steady where clocks are not.
//!
//! Valgrind slows requests fifty-fold while Envoy's and the filter's timers go on by the clock, so a
//! plain count blames requests for ticks. Two loads are counted: many requests at full speed, and a
//! trickle. Both are requests times their cost plus seconds times upkeep, which gives both numbers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tollkeeper_tests::envoy::Envoy;
use tollkeeper_tests::wait;

use crate::calls::Call;
use crate::configuration::Kind;
use crate::load::Load;
use crate::stand::Stand;

/// Connections and pools are made, the client is known, its leases have grown.
const WARM_UP: Load = Load { requests: 300, connections: 2, pace: None };
const FULL_SPEED: Load = Load { requests: 500, connections: 2, pace: None };
/// Enough that the filter counts as in use, few enough to be next to nothing.
const TRICKLE: Load = Load { requests: 20, connections: 1, pace: Some(5) };

/// For a load to go well at last.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was counted.
pub(crate) struct Instructions {
    /// Per request, whatever they were spent on.
    pub(crate) raw: f64,
    /// Per request, without the upkeep.
    pub(crate) net: f64,
    /// Per second while in use, whatever the load.
    pub(crate) upkeep: f64,
}

struct Count {
    instructions: f64,
    requests: f64,
    seconds: f64,
}

/// Counts one configuration.
pub(crate) fn of(kind: Kind, stand: &Stand) -> Instructions {
    let dir = tempfile::tempdir().expect("the system has a directory for temporary files");
    let envoy = Envoy::start_as(valgrind(stand, &dir), &kind.configuration(stand), 1);
    let (call, key) = (kind.call(), &stand.client_keys()[0]);
    Counter { envoy: &envoy, dumps: 0, dir: &dir, call, key }.run()
}

fn valgrind(stand: &Stand, dir: &TempDir) -> Command {
    let mut valgrind = Command::new("valgrind");
    valgrind
        // The VM writes machine code as it goes.
        .args(["--tool=callgrind", "--smc-check=all-non-file", "--instr-atstart=no"])
        .arg(format!("--callgrind-out-file={}", dump_file(dir.path()).display()))
        .arg(stand.envoy_program());
    valgrind
}

struct Counter<'a> {
    envoy: &'a Envoy,
    dumps: u32,
    dir: &'a TempDir,
    call: Call,
    key: &'a str,
}

impl Counter<'_> {
    fn run(mut self) -> Instructions {
        self.send(WARM_UP);
        self.control(&["--instr=on"]);
        // What was translated while nothing was counted is translated again.
        self.send(TRICKLE);
        let full = self.count(FULL_SPEED);
        let trickle = self.count(TRICKLE);
        full.solved_with(&trickle)
    }

    fn count(&mut self, load: Load) -> Count {
        let took = self.send(load);
        Count {
            instructions: self.dump(),
            requests: f64::from(load.requests),
            seconds: took.as_secs_f64(),
        }
    }

    /// Valgrind translates code that runs for the first time, so slowly that a sync can miss its
    /// deadline; then the gate refuses, and the load is sent and counted anew.
    fn send(&self, load: Load) -> Duration {
        let sent = wait::until(PATIENCE, || {
            self.control(&["--zero"]);
            load.try_to_send(self.call, self.envoy.gate(), self.key)
        });
        sent.unwrap_or_else(|report| panic!("{report}"))
    }

    /// Everything counted since the load began.
    fn dump(&mut self) -> f64 {
        self.control(&["--dump"]);
        self.dumps += 1;
        let file = dump_file(self.dir.path()).with_extension(format!("out.{}", self.dumps));
        let total = wait::until(wait::PATIENCE, || {
            let text = fs::read_to_string(&file)
                .map_err(|error| format!("{}: {error}", file.display()))?;
            let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
            total.and_then(|total| total.trim().parse().ok()).ok_or_else(|| "no totals yet".into())
        });
        total.unwrap_or_else(|error| panic!("callgrind's dump: {error}"))
    }

    fn control(&self, arguments: &[&str]) {
        let output = Command::new("callgrind_control")
            .args(arguments)
            .arg(self.envoy.id().to_string())
            .output()
            .expect("callgrind_control can be started (apt-get install valgrind)");
        assert!(output.status.success(), "callgrind_control {arguments:?}: {output:?}");
    }
}

impl Count {
    fn solved_with(&self, trickle: &Self) -> Instructions {
        let determinant = self.requests * trickle.seconds - trickle.requests * self.seconds;
        let net = (self.instructions * trickle.seconds - trickle.instructions * self.seconds)
            / determinant;
        Instructions {
            raw: self.instructions / self.requests,
            net,
            upkeep: (self.instructions - self.requests * net) / self.seconds,
        }
    }
}

fn dump_file(dir: &Path) -> PathBuf {
    dir.join("callgrind.out")
}
