//! The module's side of a host call: its memory, and what becomes of the call.

use wasmtime::Caller;

use super::abi::Status;
use super::state::HostState;

/// A host call in progress.
pub(super) struct Guest<'a> {
    caller: Caller<'a, HostState>,
}

/// Why a host call was not done.
pub(super) enum Refusal {
    /// The module is told so.
    Status(Status),
    /// The VM ends here.
    Trap(wasmtime::Error),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::Status(status)
    }
}

impl<'a> Guest<'a> {
    /// Notes the call, lets a fault strike it, or does it.
    pub(super) fn enter(
        mut caller: Caller<'a, HostState>,
        call: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), Refusal>,
    ) -> wasmtime::Result<u32> {
        caller.data_mut().note(call);
        if let Some(status) = caller.data_mut().faults.strike(call) {
            return Ok(status.0);
        }
        match work(&mut Self { caller }) {
            Ok(()) => Ok(Status::OK.0),
            Err(Refusal::Status(status)) => Ok(status.0),
            Err(Refusal::Trap(error)) => Err(error),
        }
    }

    pub(super) fn host(&mut self) -> &mut HostState {
        self.caller.data_mut()
    }

    pub(super) fn bytes(&mut self, at: u32, len: u32) -> Result<Vec<u8>, Refusal> {
        let (memory, _) = self.memory()?;
        let range = range(at, len);
        Ok(memory.get(range).ok_or(Status::INVALID_MEMORY_ACCESS)?.to_vec())
    }

    pub(super) fn text(&mut self, at: u32, len: u32) -> Result<String, Refusal> {
        let bytes = self.bytes(at, len)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), Refusal> {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let (memory, _) = self.memory()?;
        let place = memory.get_mut(range(at, len));
        place.ok_or(Status::INVALID_MEMORY_ACCESS)?.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_u32(&mut self, at: u32, value: u32) -> Result<(), Refusal> {
        self.write(at, &value.to_le_bytes())
    }

    pub(super) fn write_u64(&mut self, at: u32, value: u64) -> Result<(), Refusal> {
        self.write(at, &value.to_le_bytes())
    }

    /// Puts `bytes` into memory that the module allocates, and their place and size where it wants
    /// them. Nothing is a null pointer and a size of 0, as Envoy does it.
    pub(super) fn give(&mut self, bytes: &[u8], at: u32, size_at: u32) -> Result<(), Refusal> {
        let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let place = if bytes.is_empty() { 0 } else { self.allocate(len)? };
        self.write(place, bytes)?;
        self.write_u32(at, place)?;
        self.write_u32(size_at, len)
    }

    fn allocate(&mut self, len: u32) -> Result<u32, Refusal> {
        let allocate = self.host().allocate.clone();
        let allocate = allocate.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        allocate.call(&mut self.caller, len).map_err(Refusal::Trap)
    }

    fn memory(&mut self) -> Result<(&mut [u8], &mut HostState), Refusal> {
        let memory = self.host().memory.ok_or(Status::INVALID_MEMORY_ACCESS)?;
        Ok(memory.data_and_store_mut(&mut self.caller))
    }
}

fn range(at: u32, len: u32) -> std::ops::Range<usize> {
    let at = at as usize;
    at..at.saturating_add(len as usize)
}
