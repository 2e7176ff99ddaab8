//! Settings that are read and changed while the socket lives.

use std::sync::Arc;

use super::core::Core;
use crate::error::Error;
use crate::options::Options;

impl Core {
    /// The settings at this moment.
    pub(crate) fn options(&self) -> Arc<Options> {
        Arc::clone(self.lock().engine().options())
    }

    /// Changes the settings to what `change` makes of them, all or none. Code of the user's, it runs
    /// without the lock, and again if the settings were changed by another thread meanwhile.
    pub(crate) fn set_options(&self, change: impl Fn(Options) -> Options) -> Result<(), Error> {
        loop {
            let before = self.options();
            let after = change(Options::clone(&before));
            if let Some(fault) = after
                .fault()
                .or_else(|| after.fault_for(self.socket_type))
                .or_else(|| after.change_fault(&before))
            {
                return Err(Error::Option(fault));
            }
            let mut locked = self.lock_for_call();
            let engine = locked.engine();
            engine.check_open()?;
            if Arc::ptr_eq(engine.options(), &before) {
                engine.set_options(Arc::new(after.without_peers()));
                return Ok(());
            }
        }
    }
}
