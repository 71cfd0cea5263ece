//! A compiled module, ready to be started any number of times.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use wasmtime::{Config, Engine, InstancePre, Linker, OptLevel};

use super::state::HostState;
use super::{calls, wasi};
use crate::artifacts;

/// A compiled module. Copies share the code.
#[derive(Clone)]
pub struct Module(InstancePre<HostState>);

impl Module {
    /// The filter: `$TOLLKEEPER_WASM`, else what `make wasm` has built. Compiled once a process.
    ///
    /// # Panics
    /// If it is not there: there is nothing to test then.
    #[must_use]
    pub fn tollkeeper() -> &'static Self {
        static MODULE: OnceLock<Module> = OnceLock::new();
        MODULE.get_or_init(|| {
            #[expect(clippy::panic, reason = "a test without its subject fails, and says why")]
            Self::load(&artifacts::wasm()).unwrap_or_else(|why| panic!("{why}"))
        })
    }

    /// Reads and compiles a file.
    ///
    /// # Errors
    /// In words: the file cannot be read, or is no module.
    pub fn load(path: &Path) -> Result<Self, String> {
        let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::from_bytes(&bytes).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Compiles a module.
    ///
    /// # Errors
    /// In words: it is not valid, or imports what is neither ABI nor WASI.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        compile(bytes).map(Self).map_err(|error| format!("{error:#}"))
    }

    pub(super) fn prepared(&self) -> &InstancePre<HostState> {
        &self.0
    }
}

fn compile(bytes: &[u8]) -> wasmtime::Result<InstancePre<HostState>> {
    let mut config = Config::new();
    // Fuel counts WebAssembly's instructions, whatever becomes of them: compile fast, not well.
    config.consume_fuel(true).cranelift_opt_level(OptLevel::None);
    let engine = Engine::new(&config)?;
    let module = wasmtime::Module::new(&engine, bytes)?;
    let mut linker = Linker::new(&engine);
    calls::link(&mut linker)?;
    wasi::link(&mut linker)?;
    linker.define_unknown_imports_as_traps(&module)?;
    linker.instantiate_pre(&module)
}
