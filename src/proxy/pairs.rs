//! Which sockets a proxy can stand between.

use crate::peer::SocketType;
use crate::socket::{
    Channel, Dealer, Dish, Gather, Kind, Pair, Pub, Pull, Push, Radio, Router, Scatter, Sub, Xpub,
    Xsub,
};

/// Kinds that a [`Proxy`](crate::Proxy) can forward between, `Self` as its frontend and `B` as its backend.
/// Sealed.
///
/// | Frontend | Backend | Messages go |
/// |---|---|---|
/// | ROUTER | DEALER | both ways: requests out, replies back (a queue) |
/// | XSUB | XPUB | to the subscribers; subscriptions, and what XSUB peers send, back (a forwarder) |
/// | PULL | PUSH | one way (a streamer); as do GATHER to SCATTER, SUB to PUB, PULL to PUB, SUB to PUSH |
/// | DISH | RADIO | one way, each in its group: of the groups that the DISH has joined |
/// | PAIR, DEALER | PAIR, DEALER | both ways |
/// | CHANNEL | CHANNEL | both ways |
///
/// The two of a row may also change places. Between two [`DynSocket`](crate::DynSocket)s the same is checked
/// when the proxy is made.
pub trait Forwards<B: Kind>: Kind {}

/// In which directions a pair forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Directions {
    pub(super) to_backend: bool,
    pub(super) to_frontend: bool,
}

macro_rules! pairs {
    ($($frontend:ident $way:ident $backend:ident;)*) => {
        $(impl Forwards<$backend> for $frontend {})*

        /// `None`: there is no proxy between these.
        pub(super) fn directions(frontend: SocketType, backend: SocketType) -> Option<Directions> {
            match (frontend, backend) {
                $((SocketType::$frontend, SocketType::$backend) => Some($way),)*
                _ => None,
            }
        }
    };
}

#[allow(non_upper_case_globals, reason = "words of the table below")]
const both: Directions = Directions {
    to_backend: true,
    to_frontend: true,
};
#[allow(non_upper_case_globals, reason = "words of the table below")]
const to: Directions = Directions {
    to_backend: true,
    to_frontend: false,
};
#[allow(non_upper_case_globals, reason = "words of the table below")]
const from: Directions = Directions {
    to_backend: false,
    to_frontend: true,
};

pairs! {
    Router both Dealer;
    Dealer both Router;
    Xsub both Xpub;
    Xpub both Xsub;
    Pull to Push;
    Push from Pull;
    Gather to Scatter;
    Scatter from Gather;
    Sub to Pub;
    Pub from Sub;
    Pull to Pub;
    Pub from Pull;
    Sub to Push;
    Push from Sub;
    Dish to Radio;
    Radio from Dish;
    Pair both Pair;
    Pair both Dealer;
    Dealer both Pair;
    Dealer both Dealer;
    Channel both Channel;
}

/// Checked when the proxy is made.
impl Forwards<SocketType> for SocketType {}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::pattern::{Pattern, PatternSettings};

    #[test]
    fn each_pair_has_the_verbs_of_its_directions_and_a_mirror_image() {
        let can = |kind| {
            let pattern = Pattern::new(kind, &PatternSettings::default()).unwrap();
            pattern.can()
        };
        let mut pairs = 0;
        for frontend in SocketType::ALL {
            for backend in SocketType::ALL {
                let Some(found) = directions(frontend, backend) else {
                    continue;
                };
                pairs += 1;
                let mirrored = directions(backend, frontend).unwrap();
                assert_eq!(found.to_backend, mirrored.to_frontend);
                assert_eq!(found.to_frontend, mirrored.to_backend);
                for (forwards, source, sink) in [
                    (found.to_backend, frontend, backend),
                    (found.to_frontend, backend, frontend),
                ] {
                    let able = can(source).receives && can(sink).sends;
                    assert!(!forwards || able, "{source} to {sink}");
                }
            }
        }
        assert_eq!(pairs, 21);
    }
}
