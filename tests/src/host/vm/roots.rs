//! Root contexts: configuration, ticks, and the end of an old one.

use std::time::Duration;

use super::Vm;
use crate::host::broken::Broken;
use crate::host::stream::Root;

/// A root context of a VM.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct RootId(pub(super) u32);

impl Vm {
    /// A new configuration: a new root context, to which new streams belong. The old one keeps its
    /// streams and goes on ticking until it is drained.
    ///
    /// # Errors
    /// [`Broken`]: a trap, or a callback returned false; new streams then stay with the old one.
    pub fn reconfigure(&mut self, config: impl AsRef<[u8]>) -> Result<RootId, Broken> {
        let config = config.as_ref().to_vec();
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let (config_len, vm_config_len) = (length(&config), length(&self.host().vm_config));
        let id = self.next_context();
        let root = Root { config, ..Root::default() };
        self.host_mut().roots.insert(id, root);
        self.enter::<_, ()>("proxy_on_context_create", id, (id, 0_u32))?;
        self.agreed("proxy_on_vm_start", id, vm_config_len)?;
        self.agreed("proxy_on_configure", id, config_len)?;
        self.after_callback()?;
        self.root = RootId(id);
        Ok(self.root)
    }

    /// The newest root context.
    #[must_use]
    pub fn root(&self) -> RootId {
        self.root
    }

    /// How often the newest root context wants a tick.
    #[must_use]
    pub fn tick_period(&self) -> Option<Duration> {
        let root = self.host().roots.get(&self.root.0);
        root.and_then(|root| root.tick_period)
    }

    /// One tick, now, for every root context that wants ticks. Returns for how many.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn tick(&mut self) -> Result<usize, Broken> {
        let wanting = self.ticking(|_| true);
        for id in &wanting {
            self.tick_root(*id)?;
        }
        Ok(wanting.len())
    }

    /// Time goes by, with every tick at its moment.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn advance(&mut self, by: Duration) -> Result<(), Broken> {
        let end = self.clock().monotonic().saturating_add(by);
        while let Some(due) = self.next_tick().filter(|due| *due <= end) {
            let now = self.clock().monotonic();
            self.clock().advance(due.saturating_sub(now));
            self.tick_due()?;
        }
        let now = self.clock().monotonic();
        self.clock().advance(end.saturating_sub(now));
        Ok(())
    }

    /// Ends an old root context, as Envoy does when its streams are gone. False: it asked for time,
    /// keeps ticking, and ends with `proxy_done`.
    ///
    /// # Errors
    /// [`Broken`]: a trap.
    pub fn drain(&mut self, root: RootId) -> Result<bool, Broken> {
        let RootId(id) = root;
        if let Some(root) = self.host_mut().roots.get_mut(&id) {
            root.draining = true;
        }
        let agreed = self.enter::<_, u32>("proxy_on_done", id, id)?;
        if agreed != Some(0)
            && let Some(root) = self.host_mut().roots.get_mut(&id)
        {
            root.done = true;
        }
        self.after_callback()?;
        Ok(!self.host().roots.contains_key(&id))
    }

    /// When the next tick is due, on the monotonic clock.
    pub(in crate::host) fn next_tick(&self) -> Option<Duration> {
        let roots = self.host().roots.values();
        let ticking = roots.filter(|root| root.tick_period.is_some());
        ticking.map(|root| root.next_tick).min()
    }

    pub(in crate::host) fn tick_due(&mut self) -> Result<(), Broken> {
        let now = self.clock().monotonic();
        for id in self.ticking(|root| root.next_tick <= now) {
            self.tick_root(id)?;
        }
        Ok(())
    }

    fn ticking(&self, wanted: impl Fn(&Root) -> bool) -> Vec<u32> {
        let roots = self.host().roots.iter();
        roots
            .filter(|(_, root)| root.tick_period.is_some() && wanted(root))
            .map(|(id, _)| *id)
            .collect()
    }

    fn tick_root(&mut self, id: u32) -> Result<(), Broken> {
        let now = self.clock().monotonic();
        if let Some(root) = self.host_mut().roots.get_mut(&id) {
            root.next_tick = now.saturating_add(root.tick_period.unwrap_or(Duration::MAX));
        }
        self.enter::<_, ()>("proxy_on_tick", id, id)?;
        self.after_callback()
    }

    fn agreed(&mut self, callback: &'static str, id: u32, len: u32) -> Result<(), Broken> {
        match self.enter::<_, u32>(callback, id, (id, len))? {
            Some(0) => Err(Broken::Refused { callback }),
            _ => Ok(()),
        }
    }

    /// Deletes the root contexts that are done.
    pub(super) fn bury_roots(&mut self) -> Result<(), Broken> {
        let roots = self.host().roots.iter();
        let done: Vec<u32> = roots.filter(|(_, r)| r.done).map(|(id, _)| *id).collect();
        for id in done {
            self.enter::<_, ()>("proxy_on_log", id, id)?;
            self.enter::<_, ()>("proxy_on_delete", id, id)?;
            self.host_mut().roots.remove(&id);
            self.host_mut().callouts.retain(|_, call| call.context != id);
        }
        Ok(())
    }
}
