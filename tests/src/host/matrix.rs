//! Every host call that a scenario makes, with every status that the ABI has.
//!
//! The SDK panics on statuses that it does not expect, and a panic ends the VM: a worker's outage. So
//! a scenario is run once as it is, to learn which calls it makes, and then once for each pair of a
//! call and a status, always failing and failing at one occurrence only.

use std::collections::BTreeMap;
use std::fmt;

use super::abi::Status;
use super::broken::Broken;
use super::faults::When;
use super::module::Module;
use super::setup::Setup;
use super::vm::Vm;

/// A fault that broke the VM.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The host call.
    pub call: &'static str,
    /// What it returned.
    pub status: Status,
    /// Which occurrences.
    pub when: When,
    /// What came of it.
    pub broken: Broken,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, status, when, broken } = self;
        write!(out, "{call} returns {status:?} ({when:?}): {broken}")
    }
}

/// What [`every_status`] did and found.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// Which calls the scenario makes, the start of the VM included, and how often.
    pub calls: BTreeMap<&'static str, u64>,
    /// How many runs there were.
    pub runs: usize,
    /// What broke.
    pub findings: Vec<Finding>,
}

impl Matrix {
    /// Fails the test, with every finding, if there is one.
    ///
    /// # Panics
    /// On findings, and if the scenario made no host call at all: then it has shown nothing.
    pub fn assert_unbroken(&self) {
        let text: Vec<String> = self.findings.iter().map(ToString::to_string).collect();
        let first_trace = match self.findings.first().map(|finding| &finding.broken) {
            Some(Broken::Trap { trace, .. }) => trace.as_str(),
            _ => "",
        };
        assert!(
            text.is_empty(),
            "{} of {} runs broke the VM:\n{}\nthe first: {first_trace}",
            text.len(),
            self.runs,
            text.join("\n")
        );
        assert!(self.runs > 0, "the scenario makes no host call");
    }
}

/// Runs `scenario` with every fault. It must cope with every turn that the streams then take: ask
/// [`Vm::is_upstream`] before an answer, and give `?` to what a callback returns.
///
/// # Errors
/// [`Broken`]: the scenario breaks the VM without any fault.
pub fn every_status(
    module: &Module,
    setup: &Setup,
    scenario: impl Fn(&mut Vm) -> Result<(), Broken>,
) -> Result<Matrix, Broken> {
    let mut healthy = setup.start(module)?;
    scenario(&mut healthy)?;
    let calls: BTreeMap<&'static str, u64> = healthy
        .counts()
        .iter()
        .filter(|(call, _)| call.starts_with("proxy_"))
        .map(|(call, times)| (*call, *times))
        .collect();
    let mut matrix = Matrix { calls, ..Matrix::default() };
    for (call, when) in occurrences(&matrix.calls) {
        for status in Status::all() {
            matrix.runs += 1;
            let setup = setup.clone().failing(call, status, when);
            // A refused configuration is an answer, not a crash; whether it is a good one is for the
            // test of the configuration to say.
            match setup.start(module).and_then(|mut vm| scenario(&mut vm)) {
                Ok(()) | Err(Broken::Refused { .. }) => {}
                Err(broken) => matrix.findings.push(Finding { call, status, when, broken }),
            }
        }
    }
    Ok(matrix)
}

fn occurrences(calls: &BTreeMap<&'static str, u64>) -> Vec<(&'static str, When)> {
    let mut all = Vec::new();
    for (call, times) in calls {
        all.push((*call, When::Always));
        let single = 1..=(*times).min(OCCURRENCES_MAX);
        all.extend(single.map(|n| (*call, When::Nth(n))));
    }
    all
}

/// How many occurrences of one call fail alone: enough for each place in the code that makes it.
const OCCURRENCES_MAX: u64 = 16;
