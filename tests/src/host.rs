//! A proxy-wasm host: ABI 0.2.1 on wasmtime, for tests that drive the built `.wasm`.
//!
//! It behaves as Envoy 1.40 was seen to behave, down to its oddities: maps that vanish when a request
//! is let go, second local replies that do nothing, counters that refuse a zero. `tests/host_abi.rs`
//! holds it to that. Time, randomness, callouts and failures are the test's to decide.
//!
//! A test reads like this:
//! ```no_run
//! use tollkeeper_tests::host::{Answer, Module, Vm};
//! # fn main() -> Result<(), tollkeeper_tests::host::Broken> {
//! let mut vm = Vm::start(Module::tollkeeper(), "")?;
//! let stream = vm.call(&[(":method", "GET"), (":path", "/v1/models"), (":authority", "gate")])?;
//! vm.tick()?;
//! for callout in vm.callouts() {
//!     vm.answer(callout.token, Answer::unreachable())?;
//! }
//! assert_eq!(vm.reply(stream).map(|reply| reply.status), Some(503));
//! # Ok(())
//! # }
//! ```

mod abi;
mod broken;
mod callout;
mod calls;
mod clock;
mod faults;
mod guest;
mod headers;
mod matrix;
mod metrics;
mod module;
mod setup;
mod shared;
mod state;
mod stream;
mod vm;
mod wasi;
mod workers;

pub use abi::{Action, Status};
pub use broken::Broken;
pub use callout::{Answer, Callout};
pub use clock::Clock;
pub use faults::When;
pub use headers::Headers;
pub use matrix::{Finding, Matrix, every_status};
pub use metrics::Metrics;
pub use module::Module;
pub use setup::Setup;
pub use shared::SharedData;
pub use state::LogLine;
pub use stream::{LocalReply, Phase, Stream};
pub use vm::{Fuel, RootId, StreamId, Vm};
pub use workers::Workers;
