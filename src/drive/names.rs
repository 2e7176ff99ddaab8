//! inproc names: the socket that has bound one, the links that wait for it, and which of them are to be
//! tried again.

use std::sync::{Arc, Weak};

use super::core::Core;
use crate::context::Member;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::reactor::ConnectionId;

impl Core {
    /// Takes a name, and connects the links that wait for it.
    pub(super) fn bind_inproc(&self, name: &str) -> Result<(), Error> {
        let Some(me) = self.me.upgrade() else {
            return Err(Error::Closed);
        };
        let me: Arc<dyn Member> = me;
        let waiting = {
            let mut names = self.context.names.lock();
            let entry = names.entry(name.to_owned()).or_default();
            if entry
                .binder
                .as_ref()
                .is_some_and(|binder| binder.strong_count() > 0)
            {
                return Err(Error::InUse(format!(
                    "cannot bind inproc://{name}: another socket of this context has the name; \
                     unbind it first, or choose another"
                )));
            }
            entry.binder = Some(Arc::downgrade(&me));
            std::mem::take(&mut entry.waiting)
        };
        for (connecter, id) in waiting {
            if let Some(connecter) = connecter.upgrade() {
                connecter.connect_inproc(&me, id);
            }
        }
        Ok(())
    }

    /// Gives a name back; links that were connected by it stay.
    pub(super) fn unbind_inproc(&self, name: &str) {
        let mut names = self.context.names.lock();
        if let Some(entry) = names.get_mut(name) {
            entry.binder = None;
            if entry.waiting.is_empty() {
                names.remove(name);
            }
        }
    }

    /// Connects a link to the socket that has the name, or has the link wait for one.
    pub(super) fn seek(&self, endpoint: &Arc<Endpoint>, id: ConnectionId) {
        self.seek_another(endpoint, id, None);
    }

    /// The same, unless it is `refused` that has the name: that one has refused this link.
    pub(super) fn seek_another(
        &self,
        endpoint: &Arc<Endpoint>,
        id: ConnectionId,
        refused: Option<&Arc<dyn Member>>,
    ) {
        let Endpoint::Inproc(name) = &**endpoint else {
            return;
        };
        let Some(me) = self.me.upgrade() else { return };
        let me: Arc<dyn Member> = me;
        // The binder outlives the lock of the names: it may be the last to hold that socket.
        let (binder, waits) = {
            let mut names = self.context.names.lock();
            let entry = names.entry(name.name().to_owned()).or_default();
            let binder = entry.binder.as_ref().and_then(Weak::upgrade);
            let waits = binder.as_ref().is_none_or(|binder| {
                refused.is_some_and(|refused| std::ptr::addr_eq(&**refused, &**binder))
            });
            if waits {
                entry.waiting.push((Arc::downgrade(&me), id));
            }
            (binder, waits)
        };
        let binder = binder.filter(|_| !waits);
        match binder {
            Some(binder) => self.connect_inproc(&binder, id),
            // Disconnected in the meantime.
            None if !self.lock().engine().has_link(id) => self.stop_seeking(endpoint, id),
            None => {}
        }
    }

    /// Has a link wait that was refused, or whose peer this socket would refuse, until the name has
    /// another binder or there is a place for it.
    pub(super) fn seek_later(
        &self,
        endpoint: &Arc<Endpoint>,
        id: ConnectionId,
        binder: &Arc<dyn Member>,
    ) {
        self.seek_another(endpoint, id, Some(binder));
        // It is called when a place becomes free. One may have become free since it was refused and
        // before it was on the list.
        let info = binder.info();
        let free = binder.has_place(&self.my_info(&self.options()));
        if free && self.lock().engine().seeks(id, &info) {
            self.stop_seeking(endpoint, id);
            self.seek(endpoint, id);
        }
    }

    /// There is a place for a peer again: tries the inproc links of this socket that have none, and
    /// those of others that wait for a name of this one.
    pub(super) fn try_refused(&self) {
        let Some(me) = self.me.upgrade() else { return };
        let me: Arc<dyn Member> = me;
        let Some(own) = self.lock().engine().seekers() else {
            return;
        };
        for (endpoint, id) in own {
            self.stop_seeking(&endpoint, id);
            self.seek(&endpoint, id);
        }
        let mut callers = Vec::new();
        for name in self.context.names.lock().values_mut() {
            let binder = name.binder.as_ref();
            if binder.is_some_and(|binder| std::ptr::addr_eq(binder.as_ptr(), self.me.as_ptr())) {
                callers.append(&mut name.waiting);
            }
        }
        for (connecter, id) in callers {
            if let Some(connecter) = connecter.upgrade() {
                connecter.connect_inproc(&me, id);
            }
        }
    }

    /// A link that waited for a name to be bound is gone.
    pub(super) fn stop_seeking(&self, endpoint: &Endpoint, id: ConnectionId) {
        let Endpoint::Inproc(name) = endpoint else {
            return;
        };
        let mut names = self.context.names.lock();
        let Some(entry) = names.get_mut(name.name()) else {
            return;
        };
        entry.waiting.retain(|(connecter, waiting)| {
            *waiting != id || !std::ptr::addr_eq(connecter.as_ptr(), self.me.as_ptr())
        });
        if entry.waiting.is_empty() && entry.binder.is_none() {
            names.remove(name.name());
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::{Context, Push};

    #[test]
    fn a_link_that_no_longer_waits_for_a_name_is_forgotten() {
        let ctx = Context::new();
        let names = || ctx.inner.names.lock().len();
        let push = ctx.socket(Push).open().unwrap();
        for _ in 0..3 {
            push.connect("inproc://nobody").unwrap();
            assert_eq!(names(), 1);
            push.disconnect("inproc://nobody").unwrap();
            assert_eq!(names(), 0);
        }
        push.connect("inproc://nobody").unwrap();
        let _ = push.close();
        assert_eq!(names(), 0);
    }
}
