//! One root context: the gate of this VM, its ticks and its conversation with the sidecar.
//!
//! All calls to the sidecar leave from here and not from a stream: a call that belongs to a stream dies
//! with it, unanswered. A stream that must wait only sets the tick forward.

mod wake;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use admission::admit::{Attempt, Decision};
use admission::conversation::{DEADLINE, Failure};
use admission::counters::Counter;
use admission::denial::{Denial, Reason};
use admission::gate::Gate;
use admission::inject::Admission;
use admission::money::toll::End;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;
use wire::sync::PROTOCOL;
use wire::units::Millis;
use wire::{PROTOCOL_HEADER, SYNC_PATH};
use zeroize::Zeroizing;

use crate::configuration::{self, Configuration};
use crate::host::{self, Level, Map};
use crate::metrics::Metrics;
use crate::seat::Place;
use crate::stream::Stream;
use crate::waiting::Waiting;

/// The pace of a gate in use, as long as nothing is urgent.
const TICK: Millis = Millis(100);

/// The pace of a gate that nobody calls.
const TICK_DORMANT: Millis = Millis(1_000);

/// The shortest tick, for a request that waits.
const TICK_NOW: Millis = Millis(1);

/// What a root context and its streams share.
pub(crate) struct Shared {
    id: u32,
    gate: RefCell<Gate>,
    waiting: RefCell<Waiting>,
    /// `None` before the configuration came, or if it was bad: everything is refused.
    configuration: RefCell<Option<Configuration>>,
    period: Cell<Millis>,
    /// A place came free while requests wait.
    freed: Cell<bool>,
    /// Envoy has shown the body of a request whose head was held: its config is as it must be.
    bodies_come: Cell<bool>,
}

impl Shared {
    /// Decides on the request of the effective context.
    pub(crate) fn decide(&self, attempt: &mut Attempt) -> Decision {
        let failed = || Decision::Deny(Denial::new(Reason::HostFailure));
        let (Ok(mut gate), Ok(packed)) = (self.gate.try_borrow_mut(), host::headers(Map::Request))
        else {
            return failed();
        };
        if self.configuration.borrow().is_none() {
            return Decision::Deny(Denial::new(Reason::Misconfigured));
        }
        if gate.is_dormant() {
            gate.set_now(host::monotonic());
        }
        let decision = gate.decide(host::pairs(&packed), attempt);
        if gate.hurries() {
            self.tick_in(gate.sync_possible_in(gate.now()));
        }
        decision
    }

    /// Sets the next tick forward. Never back, or a busy gate would not tick at all: the period only
    /// shrinks between two ticks.
    fn tick_in(&self, delay: Millis) {
        let period = delay.clamp(TICK_NOW, TICK);
        if period < self.period.get() {
            self.set_period(period);
        }
    }

    /// Sets the next tick as the gate needs it after a sync has left or was answered.
    fn tick_when_useful(&self) {
        if let Ok(Some(delay)) = self.gate.try_borrow_mut().map(|mut gate| gate.sync_useful_in()) {
            self.tick_in(delay);
        }
    }

    /// Makes a held stream wait and the root tick soon. False if too many wait.
    pub(crate) fn wait(&self, stream: u32, place: &Place) -> bool {
        self.count(Counter::Awaited);
        let now = host::monotonic();
        let waits = self.waiting.try_borrow_mut().is_ok_and(|mut all| all.add(stream, place, now));
        self.tick_in(self.gate.try_borrow().map_or(TICK, |gate| gate.sync_possible_in(now)));
        waits
    }

    /// Makes a held stream wait for its body: for ever, once bodies have been seen to come. False if too
    /// many wait.
    pub(crate) fn wait_for_body(&self, stream: u32, place: &Place) -> bool {
        let now = host::monotonic();
        self.bodies_come.get()
            || self.waiting.try_borrow_mut().is_ok_and(|mut all| all.add(stream, place, now))
    }

    /// Notes that Envoy shows bodies while heads are held.
    pub(crate) fn body_came(&self) {
        self.bodies_come.set(true);
    }

    pub(crate) fn forget_waiter(&self, stream: u32) {
        if let Ok(mut waiting) = self.waiting.try_borrow_mut() {
            waiting.remove(stream);
        }
    }

    /// Sends a refusal on the effective context.
    pub(crate) fn answer(&self, denial: &Denial) {
        self.count(denial.counter());
        let now = self.gate.try_borrow().map_or(Millis::ZERO, |gate| gate.now());
        let reply = denial.reply(now);
        let details = "tollkeeper_refusal";
        if host::send_local_response(reply.status, details, &reply.headers, &reply.body).is_err() {
            // Nothing was forwarded and nothing will be: the request stays paused and Envoy ends it.
            self.count(Counter::HostFailures);
        }
    }

    /// Gives back the places of a request that is over, and settles what it still owes.
    pub(crate) fn release(&self, admission: &mut Admission, end: End) {
        self.with_freed(|gate| {
            gate.release(&mut admission.places);
            if let Some(toll) = admission.toll.take() {
                gate.settle(*toll, end);
            }
        });
    }

    /// Settles what a request owes, if it still does.
    pub(crate) fn settle(&self, admission: &mut Admission, end: End) {
        if let Some(toll) = admission.toll.take() {
            self.with_freed(|gate| gate.settle(*toll, end));
        }
    }

    fn with_freed(&self, work: impl FnOnce(&mut Gate)) {
        if let Ok(mut gate) = self.gate.try_borrow_mut() {
            work(&mut gate);
            if gate.hurries() {
                self.tick_in(gate.sync_possible_in(gate.now()));
            }
        }
        if self.waiting.try_borrow().is_ok_and(|waiting| !waiting.is_empty()) {
            // Somebody may have waited for just this place, or this money.
            self.freed.set(true);
            self.tick_in(TICK_NOW);
        }
    }

    pub(crate) fn count(&self, counter: Counter) {
        if let Ok(gate) = self.gate.try_borrow() {
            gate.counters.add(counter);
        }
    }

    fn set_period(&self, period: Millis) {
        if self.period.replace(period) != period {
            let _ = host::set_tick_period(period);
        }
    }
}

/// A root context of Envoy's: one for each worker and configuration.
pub(crate) struct Root {
    shared: Rc<Shared>,
    metrics: Option<Metrics>,
    /// Whether the last sync failed: only the change is logged.
    failing: bool,
}

impl Root {
    pub(crate) fn new(id: u32) -> Self {
        let shared = Shared {
            id,
            gate: RefCell::new(Gate::new(host::random())),
            waiting: RefCell::default(),
            configuration: RefCell::default(),
            period: Cell::default(),
            freed: Cell::default(),
            bodies_come: Cell::default(),
        };
        Self { shared: Rc::new(shared), metrics: None, failing: false }
    }

    fn sync_if_due(&mut self) {
        let Ok(waits) = self.shared.waiting.try_borrow().map(|waiting| !waiting.is_empty()) else {
            return;
        };
        let cluster = match self.shared.configuration.borrow().as_ref() {
            Some(configuration) => configuration.sidecar_cluster.clone(),
            None => return,
        };
        let sent = {
            let Ok(mut gate) = self.shared.gate.try_borrow_mut() else {
                return;
            };
            gate.sync_due(waits).map(|body| host::post(&cluster, SYNC_PATH, body, DEADLINE))
        };
        if let Some(Err(_)) = sent {
            self.failed(&Failure::Unreachable);
        }
    }

    fn failed(&mut self, failure: &Failure) {
        if let Ok(mut gate) = self.shared.gate.try_borrow_mut() {
            gate.sync_failed();
        }
        if !std::mem::replace(&mut self.failing, true) {
            host::log(Level::Warn, &format!("tollkeeper: sync failed: {failure}"));
        }
        self.shared.wake();
    }

    fn answered(&mut self, body: &[u8]) {
        let answered = match self.shared.gate.try_borrow_mut() {
            Ok(mut gate) => gate.sync_answered(body),
            Err(_) => return,
        };
        match answered {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    host::log(Level::Info, "tollkeeper: sync works again");
                }
                self.shared.wake();
            }
            Err(failure) => self.failed(&failure),
        }
    }

    fn read_answer(&self, headers: usize, size: usize) -> Result<Zeroizing<Vec<u8>>, Failure> {
        if headers == 0 {
            return Err(Failure::Unreachable);
        }
        let packed = host::headers(Map::CalloutResponse).map_err(|_| Failure::Unreachable)?;
        let mut ok = false;
        let mut version = None;
        for (name, value) in host::pairs(&packed) {
            ok |= name == b":status" && value == b"200";
            if name == PROTOCOL_HEADER.as_bytes() {
                version = Some(value);
            }
        }
        match version {
            _ if !ok => Err(Failure::Unreachable),
            Some(version) if version == PROTOCOL.to_string().as_bytes() => {
                let body = host::callout_body(size).map_err(|_| Failure::Unreachable)?;
                // It holds credentials.
                Ok(Zeroizing::new(body))
            }
            _ => Err(Failure::NotASidecar),
        }
    }
}

impl Context for Root {
    fn on_http_call_response(
        &mut self,
        _token: u32,
        headers: usize,
        size: usize,
        _trailers: usize,
    ) {
        if let Ok(mut gate) = self.shared.gate.try_borrow_mut() {
            gate.set_now(host::monotonic());
        }
        match self.read_answer(headers, size) {
            Ok(body) => self.answered(&body),
            Err(failure) => self.failed(&failure),
        }
        self.shared.tick_when_useful();
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, size: usize) -> bool {
        let bytes = if size == 0 { Ok(Vec::new()) } else { host::configuration(size) };
        let parsed = match bytes {
            Ok(bytes) => configuration::parse(&bytes),
            Err(_) => Err("Envoy did not hand over the filter's configuration".to_owned()),
        };
        match parsed {
            Ok(configuration) => {
                if let Ok(mut gate) = self.shared.gate.try_borrow_mut() {
                    gate.set_body_bytes_max(configuration.body_bytes_max);
                }
                *self.shared.configuration.borrow_mut() = Some(configuration);
            }
            Err(text) => {
                let text = format!("tollkeeper refuses all requests: {text}");
                host::log(Level::Error, &text);
            }
        }
        self.shared.set_period(TICK);
        true
    }

    fn on_tick(&mut self) {
        self.metrics.get_or_insert_with(Metrics::define);
        let now = host::monotonic();
        let Ok(dormant) = self.shared.gate.try_borrow_mut().map(|mut gate| {
            gate.set_now(now);
            gate.is_dormant()
        }) else {
            return;
        };
        let overdue = self.shared.waiting.try_borrow().is_ok_and(|all| all.any_overdue(now));
        if overdue || self.shared.freed.take() {
            self.shared.wake();
        }
        self.sync_if_due();
        if let (Some(metrics), Ok(gate)) = (&self.metrics, self.shared.gate.try_borrow()) {
            metrics.flush(&gate.counters);
        }
        self.shared.set_period(if dormant { TICK_DORMANT } else { TICK });
        self.shared.tick_when_useful();
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream::new(id, Rc::clone(&self.shared))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
