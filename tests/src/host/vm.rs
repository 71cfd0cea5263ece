//! One VM: enters callbacks one at a time, meters them, and is dead after a trap.
//!
//! What a test does to a VM is in `vm/drive.rs`, `vm/bodies.rs` and `vm/roots.rs`, what it may look at in
//! `vm/look.rs`.

mod bodies;
mod drive;
mod look;
mod roots;

use std::collections::BTreeMap;

use wasmtime::{Instance, Store, WasmParams, WasmResults};

use super::broken::Broken;
use super::module::Module;
use super::setup::Setup;
use super::state::HostState;
pub use drive::StreamId;
pub use look::Fuel;
pub use roots::RootId;

/// A running VM.
pub struct Vm {
    store: Store<HostState>,
    instance: Instance,
    dead_since: Option<&'static str>,
    fuel: BTreeMap<&'static str, Fuel>,
    last_context: u32,
    /// The newest root context: new streams are its.
    root: RootId,
}

impl Vm {
    /// Starts a VM with a plugin configuration and nothing special: see [`Setup`] for more.
    ///
    /// # Errors
    /// As [`Setup::start`].
    pub fn start(module: &Module, config: impl AsRef<[u8]>) -> Result<Self, Broken> {
        Setup::new(config).start(module)
    }

    pub(super) fn boot(module: &Module, setup: &Setup) -> Result<Self, Broken> {
        let trap = |error: wasmtime::Error| Broken::Trap {
            callback: "instantiation",
            reason: error.root_cause().to_string(),
            trace: error.to_string(),
        };
        let mut store = Store::new(module.prepared().module().engine(), setup.state());
        store.set_fuel(FUEL_MAX).map_err(trap)?;
        let instance = module.prepared().instantiate(&mut store).map_err(trap)?;
        let memory = instance.get_memory(&mut store, "memory");
        let allocate = ["proxy_on_memory_allocate", "malloc"]
            .iter()
            .find_map(|name| instance.get_typed_func(&mut store, name).ok());
        store.data_mut().memory = memory;
        store.data_mut().allocate = allocate;
        let mut vm = Self {
            store,
            instance,
            dead_since: None,
            fuel: BTreeMap::new(),
            last_context: 0,
            root: RootId(0),
        };
        vm.enter::<_, ()>("_initialize", 0, ())?;
        vm.reconfigure(&setup.config)?;
        Ok(vm)
    }

    /// Enters one callback; `None` if the module does not export it, and Envoy then does without.
    fn enter<P: WasmParams, R: WasmResults>(
        &mut self,
        callback: &'static str,
        context: u32,
        parameters: P,
    ) -> Result<Option<R>, Broken> {
        if let Some(since) = self.dead_since {
            return Err(Broken::Dead { since });
        }
        if self.instance.get_func(&mut self.store, callback).is_none() {
            return Ok(None);
        }
        self.speak_for(context);
        let returned = self.metered(callback, parameters);
        self.speak_for(0);
        returned.map(Some).map_err(|error| {
            self.dead_since = Some(callback);
            Broken::Trap { callback, reason: self.last_words(&error), trace: error.to_string() }
        })
    }

    fn metered<P: WasmParams, R: WasmResults>(
        &mut self,
        callback: &'static str,
        parameters: P,
    ) -> wasmtime::Result<R> {
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, callback)?;
        self.store.set_fuel(FUEL_MAX)?;
        let returned = function.call(&mut self.store, parameters);
        let used = FUEL_MAX - self.store.get_fuel()?;
        self.fuel.entry(callback).or_default().add(used);
        returned
    }

    fn speak_for(&mut self, context: u32) {
        let host = self.store.data_mut();
        host.current = context;
        host.effective = None;
    }

    fn last_words(&self, error: &wasmtime::Error) -> String {
        let host = self.store.data();
        let cause = error.root_cause();
        let logged = host.logs.last().map_or("", |line| line.text.as_str());
        let printed = String::from_utf8_lossy(&host.stderr);
        // A panic is two lines, the place and the message, and a hint that is of no use here.
        let mut printed: Vec<&str> =
            printed.lines().rev().filter(|line| !line.starts_with("note: ")).take(2).collect();
        printed.reverse();
        format!("{cause}; last logged {logged:?}, last printed {:?}", printed.join(" "))
    }
}

/// What a callback may use: a loop that does not end is a trap within seconds, not a test that hangs.
const FUEL_MAX: u64 = 2_000_000_000;
