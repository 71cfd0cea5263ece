//! One Envoy: its workers' VMs and the main thread's, one clock, one sidecar.
//!
//! Time goes by from event to event: ticks at their moments, answers after the sidecar's latency. The
//! main thread's VM gets no streams, but ticks and calls like the others. A first VM, the canary,
//! only shows that the configuration is good; its calls are lost.

use std::collections::BTreeSet;
use std::time::Duration;

use super::broken::Broken;
use super::callout::{Answer, Callout};
use super::clock::Clock;
use super::module::Module;
use super::setup::Setup;
use super::vm::Vm;

/// The VMs of one Envoy.
pub struct Workers<'s> {
    vms: Vec<Vm>,
    clock: Clock,
    sidecar: Box<dyn FnMut(&Callout) -> Answer + 's>,
    latency: Duration,
    on_the_way: Vec<OnTheWay>,
    seen: BTreeSet<(usize, u32)>,
    syncs: Vec<u64>,
}

struct OnTheWay {
    due: Duration,
    vm: usize,
    token: u32,
    answer: Answer,
}

impl<'s> Workers<'s> {
    /// Starts `workers` VMs, and the main thread's behind them. `sidecar` answers every callout at
    /// the moment it is made; [`Answer::timeout`] and the like are for it to choose.
    ///
    /// # Errors
    /// [`Broken`]: a VM does not start.
    pub fn start(
        module: &Module,
        setup: &Setup,
        workers: usize,
        sidecar: impl FnMut(&Callout) -> Answer + 's,
    ) -> Result<Self, Broken> {
        let canary = setup.start(module)?;
        let clock = canary.clock();
        let vms: Result<Vec<Vm>, Broken> =
            (1..).take(workers + 1).map(|seed| setup.clone().seed(seed).start(module)).collect();
        Ok(Self {
            vms: vms?,
            clock,
            sidecar: Box::new(sidecar),
            latency: Duration::from_millis(1),
            on_the_way: Vec::new(),
            seen: BTreeSet::new(),
            syncs: vec![0; workers + 1],
        })
    }

    /// How long an answer of the sidecar takes; 1 ms if nothing else is said.
    pub fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// One VM, to send it streams.
    pub fn vm(&mut self, worker: usize) -> &mut Vm {
        &mut self.vms[worker]
    }

    /// All of them, the main thread's last.
    #[must_use]
    pub fn vms(&self) -> &[Vm] {
        &self.vms
    }

    /// How many callouts have been made, over all VMs.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.syncs.iter().sum()
    }

    /// How many callouts each VM has made, the main thread's last.
    #[must_use]
    pub fn syncs_by_vm(&self) -> &[u64] {
        &self.syncs
    }

    /// The clock of all.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// A counter or gauge, summed over all VMs.
    #[must_use]
    pub fn metric(&self, name: &str) -> u64 {
        self.vms.iter().map(|vm| vm.metrics().value(name)).sum()
    }

    /// Time goes by.
    ///
    /// # Errors
    /// [`Broken`]: a VM traps.
    pub fn run_for(&mut self, time: Duration) -> Result<(), Broken> {
        let end = self.clock.monotonic().saturating_add(time);
        self.ask_sidecar();
        while let Some(due) = self.next_event().filter(|due| *due <= end) {
            self.move_to(due);
            self.deliver()?;
            for vm in &mut self.vms {
                vm.tick_due()?;
            }
            self.ask_sidecar();
        }
        self.move_to(end);
        Ok(())
    }

    fn next_event(&self) -> Option<Duration> {
        let ticks = self.vms.iter().filter_map(Vm::next_tick);
        let answers = self.on_the_way.iter().map(|answer| answer.due);
        ticks.chain(answers).min()
    }

    fn move_to(&self, moment: Duration) {
        let now = self.clock.monotonic();
        self.clock.advance(moment.saturating_sub(now));
    }

    fn deliver(&mut self) -> Result<(), Broken> {
        let now = self.clock.monotonic();
        let (due, later) = self.on_the_way.drain(..).partition(|answer| answer.due <= now);
        self.on_the_way = later;
        let due: Vec<OnTheWay> = due;
        for OnTheWay { vm, token, answer, .. } in due {
            self.vms[vm].answer(token, answer)?;
        }
        Ok(())
    }

    fn ask_sidecar(&mut self) {
        let due = self.clock.monotonic().saturating_add(self.latency);
        for (vm, state) in self.vms.iter().enumerate() {
            for callout in state.callouts() {
                let token = callout.token;
                if !self.seen.insert((vm, token)) {
                    continue;
                }
                self.syncs[vm] += 1;
                let answer = (self.sidecar)(&callout);
                self.on_the_way.push(OnTheWay { due, vm, token, answer });
            }
        }
    }
}
