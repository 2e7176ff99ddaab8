//! How a link ends: one state machine, asked "what now?" after each thing that happened to the link.
//!
//! ```text
//!                 Disconnect,                  all is written
//!                 Close                        and connected
//!        ┌ Open ────────────────► Flushing ─────────────────────► HalfClosed
//!        │  │ ▲                    │ │ │ ▲                            │
//!        │  └─┘                    │ │ └─┘ connection lost with       │
//!        │  connection lost:       │ │     something queued:          │
//!        │  connect again          │ │     connect again              │
//!        │                         │ │                                │
//!        │ LingerOver, Replaced,   │ │                                │ LingerOver,
//!        │ Close with nothing owed ▼ │ all is written                 │ Replaced
//!        ├──────────────────────► Cut│and not connected ◄─────────────┤
//!        │                         │ │                                │
//!        │ connection lost,        │ │                                │ the peer's end
//!        │ and not to be renewed   ▼ │                                │
//!        └─────────────────────► Draining ◄───────────────────────────┘
//!                                  │ │
//!                                  │ │ nothing left to be received, or the socket closes
//!                                  ▼ ▼
//!                                 Gone       (from every state: GiveUp)
//! ```
//!
//! | State | Connection | Queue towards the peer | What the peer sent |
//! |---|---|---|---|
//! | `Open` | renewed if `connect` made the link | filled and written | received |
//! | `Flushing` | renewed while something is queued | written, not filled | received, unless the socket closes |
//! | `HalfClosed` | its write half is shut | empty | read and thrown away |
//! | `Cut` | ends as soon as both tokens are back | lost, and counted | received, unless the socket closes |
//! | `Draining` | none | none | received |
//! | `Gone` | none, or as it stands | lost, and counted | thrown away |
//!
//! A link is forgotten as soon as [`Ending::next`] says so; only `GiveUp`, and closing what only waits to
//! be received, makes one `Gone` that could otherwise have gone on.
//!
//! What is not in the diagram changes nothing: an end that has begun cannot be taken back, nor begun
//! again.

use super::ended::Ended;

/// Why a link is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The application disconnects it: what is queued goes first, as far as linger allows.
    Disconnect,
    /// The socket closes: the same, and what the peer sends is received no more.
    Close,
    /// The time to linger is over.
    LingerOver,
    /// Another link has its place in the pattern.
    Replaced,
    /// Nothing will come of it: all tries to connect are used up, the other end of a pipe has no place
    /// for it, or nothing drives it any more because the reactor has died.
    GiveUp,
}

/// What a link has for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// None, or none yet.
    Nothing,
    /// A connection whose handshake is not done.
    Handshake,
    /// A connection that carries messages.
    Up,
    /// No connection, but datagrams: what was given to the system is owed no more, and there is no peer
    /// whose end could be waited for.
    Datagrams,
    /// An inproc pipe.
    Pipe,
}

impl Carrier {
    /// Whether there is something with tokens, that has to end before the link can go.
    fn is_connected(self) -> bool {
        matches!(self, Carrier::Handshake | Carrier::Up | Carrier::Datagrams)
    }
}

/// What is to be known of a link to say how it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Situation {
    pub(crate) carrier: Carrier,
    /// Nothing that was accepted for the peer waits on this side.
    pub(crate) flushed: bool,
    /// The peer may have messages of this side's still to read.
    pub(crate) owes: bool,
    /// The connection has ended.
    pub(crate) over: bool,
    /// The tokens of the connection are both in their place.
    pub(crate) home: bool,
    /// Messages of the peer's are to be received.
    pub(crate) unread: bool,
    /// A connection that is lost is to be renewed: `connect` made the link, and nothing speaks against
    /// another one.
    pub(crate) renewed: bool,
}

/// What is to be done with a link now.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing, before something else happens to it.
    Stay,
    /// Its connection is to end, for this reason.
    EndConnection(Ended),
    /// Everything is written: shut the write half down, and read until the peer ends its side.
    HalfClose,
    /// Its connection is over and both tokens are home: take it apart, and tell
    /// [`Ending::connection_lost`].
    TakeApart,
    /// It wants another connection.
    Reconnect,
    /// It has none and gets none; what it brought can still be received.
    Drain,
    /// It is to be forgotten. `done`: an end that was asked for is complete.
    Remove { done: bool },
}

/// How far a link is on its way out.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Flushing,
    HalfClosed,
    Cut(Cut),
    Draining,
    Gone,
}

/// Why a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    LingerOver,
    NothingOwed,
    Replaced,
}

impl Ending {
    /// Begins the end, or hastens it. False: that changes nothing.
    pub(crate) fn begin(&mut self, cause: Cause, now: &Situation) -> bool {
        use State::{Draining, Flushing, Gone, HalfClosed, Open};
        let connected = now.carrier.is_connected();
        let next = match (cause, self.state) {
            (_, Gone) => Gone,
            (Cause::GiveUp, _) | (Cause::Close, Draining) => Gone,
            (Cause::Close, Open | Flushing | HalfClosed) if connected && !now.owes => {
                State::Cut(Cut::NothingOwed)
            }
            (Cause::Disconnect | Cause::Close, Open) => Flushing,
            (Cause::LingerOver, Open | Flushing | HalfClosed) => State::Cut(Cut::LingerOver),
            (Cause::Replaced, Open | Flushing | HalfClosed) => State::Cut(Cut::Replaced),
            (_, state) => state,
        };
        std::mem::replace(&mut self.state, next) != next
    }

    /// What now?
    pub(crate) fn next(&mut self, now: &Situation) -> Step {
        let connected = now.carrier.is_connected();
        match self.state {
            State::Gone => Step::Remove { done: false },
            State::Draining if now.unread => Step::Stay,
            State::Draining => Step::Remove { done: false },
            _ if connected && now.over => match now.home {
                true => Step::TakeApart,
                false => Step::Stay,
            },
            State::Open | State::HalfClosed => Step::Stay,
            State::Cut(cut) if connected => Step::EndConnection(match cut {
                Cut::LingerOver => Ended::Linger,
                Cut::NothingOwed => Ended::ByUs,
                Cut::Replaced => Ended::Replaced,
            }),
            // What a pipe has brought goes with it: see `connection_lost` for one that is gone.
            State::Cut(_) if now.unread && now.carrier == Carrier::Nothing => self.drain(),
            State::Cut(_) => Step::Remove { done: false },
            State::Flushing if !now.flushed => Step::Stay,
            State::Flushing => match now.carrier {
                Carrier::Nothing | Carrier::Pipe => Step::Remove { done: true },
                // Nothing is owed to a peer that is on its way in.
                Carrier::Handshake | Carrier::Datagrams => Step::EndConnection(Ended::ByUs),
                Carrier::Up if now.home => {
                    self.state = State::HalfClosed;
                    Step::HalfClose
                }
                Carrier::Up => Step::Stay,
            },
        }
    }

    /// The connection or the pipe is gone, and what it had not taken is queued again. What now?
    pub(crate) fn connection_lost(&mut self, now: &Situation) -> Step {
        match self.state {
            State::Gone => Step::Remove { done: false },
            State::Open | State::Flushing if now.renewed => match self.is_open() || !now.flushed {
                true => Step::Reconnect,
                false => Step::Remove { done: true },
            },
            _ if now.unread => self.drain(),
            _ => Step::Remove { done: false },
        }
    }

    fn drain(&mut self) -> Step {
        self.state = State::Draining;
        Step::Drain
    }

    /// Whether no end has begun.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether the write half is shut.
    #[inline]
    pub(crate) fn is_half_closed(&self) -> bool {
        self.state == State::HalfClosed
    }

    /// Whether all that is left of it is what its peer had sent.
    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.state == State::Draining
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BUSY: Situation = Situation {
        carrier: Carrier::Up,
        flushed: false,
        owes: true,
        over: false,
        home: true,
        unread: false,
        renewed: true,
    };

    const DONE: Situation = Situation {
        flushed: true,
        ..BUSY
    };

    const CAUSES: [Cause; 5] = [
        Cause::Disconnect,
        Cause::Close,
        Cause::LingerOver,
        Cause::Replaced,
        Cause::GiveUp,
    ];

    const CUTS: [Cut; 3] = [Cut::LingerOver, Cut::NothingOwed, Cut::Replaced];

    fn in_state(state: State) -> Ending {
        Ending { state }
    }

    /// What a step is called, and the state that it leaves.
    fn next(state: State, now: &Situation) -> (String, State) {
        let mut ending = in_state(state);
        let step = ending.next(now);
        (format!("{step:?}"), ending.state)
    }

    fn lost(state: State, now: &Situation) -> (String, State) {
        let mut ending = in_state(state);
        let step = ending.connection_lost(now);
        (format!("{step:?}"), ending.state)
    }

    fn is(step: &str, state: State) -> (String, State) {
        (step.to_owned(), state)
    }

    #[test]
    fn each_cause_moves_each_state_as_the_diagram_says() {
        use State::{Draining, Flushing, Gone, HalfClosed, Open};
        let late = State::Cut(Cut::LingerOver);
        let idle = State::Cut(Cut::NothingOwed);
        let old = State::Cut(Cut::Replaced);
        // In the order of `CAUSES`.
        let table = [
            (Open, [Flushing, Flushing, late, old, Gone]),
            (Flushing, [Flushing, Flushing, late, old, Gone]),
            (HalfClosed, [HalfClosed, HalfClosed, late, old, Gone]),
            (late, [late, late, late, late, Gone]),
            (idle, [idle, idle, idle, idle, Gone]),
            (old, [old, old, old, old, Gone]),
            (Draining, [Draining, Gone, Draining, Draining, Gone]),
            (Gone, [Gone, Gone, Gone, Gone, Gone]),
        ];
        for (state, after) in table {
            for (cause, after) in CAUSES.into_iter().zip(after) {
                let mut ending = in_state(state);
                assert_eq!(
                    ending.begin(cause, &BUSY),
                    state != after,
                    "{state:?} {cause:?}"
                );
                assert_eq!(ending.state, after, "{state:?} {cause:?}");
            }
        }
    }

    #[test]
    fn closing_cuts_a_connection_to_which_nothing_is_owed_and_only_closing() {
        let nothing = Situation {
            owes: false,
            ..DONE
        };
        for state in [State::Open, State::Flushing, State::HalfClosed] {
            let mut ending = in_state(state);
            assert!(ending.begin(Cause::Close, &nothing));
            assert_eq!(ending.state, State::Cut(Cut::NothingOwed));
        }
        let mut ending = Ending::default();
        assert!(ending.begin(Cause::Disconnect, &nothing));
        assert_eq!(ending.state, State::Flushing);
        for carrier in [Carrier::Nothing, Carrier::Pipe] {
            let mut ending = Ending::default();
            assert!(ending.begin(Cause::Close, &Situation { carrier, ..nothing }));
            assert_eq!(ending.state, State::Flushing);
        }
    }

    #[test]
    fn a_link_that_has_flushed_goes_as_its_connection_allows() {
        use State::{Flushing, HalfClosed};
        let with = |carrier| Situation { carrier, ..DONE };
        let removed = is("Remove { done: true }", Flushing);
        assert_eq!(next(Flushing, &with(Carrier::Nothing)), removed);
        assert_eq!(next(Flushing, &with(Carrier::Pipe)), removed);
        let refused = is("EndConnection(ByUs)", Flushing);
        assert_eq!(next(Flushing, &with(Carrier::Handshake)), refused);
        assert_eq!(next(Flushing, &with(Carrier::Datagrams)), refused);
        assert_eq!(next(Flushing, &DONE), is("HalfClose", HalfClosed));
        let out = Situation {
            home: false,
            ..DONE
        };
        assert_eq!(next(Flushing, &out), is("Stay", Flushing));
        for carrier in [
            Carrier::Nothing,
            Carrier::Pipe,
            Carrier::Handshake,
            Carrier::Up,
            Carrier::Datagrams,
        ] {
            let now = Situation { carrier, ..BUSY };
            assert_eq!(next(Flushing, &now), is("Stay", Flushing));
        }
    }

    #[test]
    fn what_is_cut_ends_its_connection_and_goes_without_one() {
        for (cut, reason) in CUTS.into_iter().zip(["Linger", "ByUs", "Replaced"]) {
            let cut = State::Cut(cut);
            let ends = is(&format!("EndConnection({reason})"), cut);
            for carrier in [Carrier::Handshake, Carrier::Up, Carrier::Datagrams] {
                assert_eq!(next(cut, &Situation { carrier, ..BUSY }), ends);
            }
            for carrier in [Carrier::Nothing, Carrier::Pipe] {
                let now = Situation { carrier, ..BUSY };
                assert_eq!(next(cut, &now), is("Remove { done: false }", cut));
                let unread = Situation {
                    unread: true,
                    ..now
                };
                let step = match carrier {
                    Carrier::Nothing => is("Drain", State::Draining),
                    _ => is("Remove { done: false }", cut),
                };
                assert_eq!(next(cut, &unread), step);
            }
        }
    }

    #[test]
    fn a_connection_that_is_over_is_taken_apart_once_both_tokens_are_home() {
        let over = Situation { over: true, ..BUSY };
        let out = Situation {
            home: false,
            ..over
        };
        for state in [
            State::Open,
            State::Flushing,
            State::HalfClosed,
            State::Cut(Cut::Replaced),
        ] {
            assert_eq!(next(state, &over), is("TakeApart", state));
            assert_eq!(next(state, &out), is("Stay", state));
        }
    }

    #[test]
    fn a_lost_connection_is_renewed_while_there_is_a_use_for_it() {
        use State::{Draining, Flushing, HalfClosed, Open};
        assert_eq!(lost(Open, &DONE), is("Reconnect", Open));
        assert_eq!(lost(Flushing, &BUSY), is("Reconnect", Flushing));
        assert_eq!(lost(Flushing, &DONE), is("Remove { done: true }", Flushing));
        for cut in CUTS.map(State::Cut) {
            let gone = is("Remove { done: false }", cut);
            assert_eq!(lost(cut, &BUSY), gone, "not renewed");
        }
        assert_eq!(
            lost(HalfClosed, &DONE),
            is("Remove { done: false }", HalfClosed)
        );
        let accepted = Situation {
            renewed: false,
            ..BUSY
        };
        let unread = Situation {
            unread: true,
            ..accepted
        };
        for state in [Open, Flushing, HalfClosed, State::Cut(Cut::LingerOver)] {
            assert_eq!(lost(state, &accepted), is("Remove { done: false }", state));
            assert_eq!(lost(state, &unread), is("Drain", Draining));
        }
    }

    #[test]
    fn what_a_lost_connection_brought_is_received_before_its_link_goes() {
        let unread = Situation {
            carrier: Carrier::Nothing,
            unread: true,
            ..DONE
        };
        assert_eq!(next(State::Draining, &unread), is("Stay", State::Draining));
        let read = Situation {
            unread: false,
            ..unread
        };
        let gone = is("Remove { done: false }", State::Draining);
        assert_eq!(next(State::Draining, &read), gone);
        for now in [unread, read, BUSY, DONE] {
            let gone = is("Remove { done: false }", State::Gone);
            assert_eq!(next(State::Gone, &now), gone);
            assert_eq!(lost(State::Gone, &now), gone);
        }
    }

    fn situation() -> impl Strategy<Value = Situation> {
        let carrier = prop::sample::select(vec![
            Carrier::Nothing,
            Carrier::Handshake,
            Carrier::Up,
            Carrier::Datagrams,
            Carrier::Pipe,
        ]);
        (carrier, any::<[bool; 6]>()).prop_map(
            |(carrier, [flushed, owes, over, home, unread, renewed])| Situation {
                carrier,
                flushed,
                owes,
                over,
                home,
                unread,
                renewed,
            },
        )
    }

    /// How far an end has come. It never goes back.
    fn rank(state: State) -> usize {
        match state {
            State::Open => 0,
            State::Flushing => 1,
            State::HalfClosed => 2,
            State::Cut(_) => 3,
            State::Draining => 4,
            State::Gone => 5,
        }
    }

    proptest! {
        #[test]
        fn no_order_of_events_takes_an_end_back(
            events in prop::collection::vec((0..7usize, situation()), 1..40)
        ) {
            let mut ending = Ending::default();
            for (event, now) in events {
                let before = ending.state;
                match event {
                    5 => _ = ending.next(&now),
                    6 => _ = ending.connection_lost(&now),
                    cause => _ = ending.begin(CAUSES[cause], &now),
                }
                prop_assert!(rank(ending.state) >= rank(before), "{before:?} {:?}", ending.state);
            }
        }

        #[test]
        fn once_linger_is_over_a_link_waits_for_nothing_but_its_tokens(
            begun in prop::option::of(0..5usize), mut now in situation()
        ) {
            let mut ending = Ending::default();
            if let Some(cause) = begun {
                ending.begin(CAUSES[cause], &now);
            }
            ending.begin(Cause::LingerOver, &now);
            let connected = now.carrier.is_connected();
            if let Step::EndConnection(_) = ending.next(&now) {
                now.over = true;
            }
            let step = ending.next(&now);
            let gone = matches!(step, Step::Remove { .. } | Step::Drain)
                || ending.is_draining() && now.unread;
            let as_it_must = match (connected, now.home) {
                (true, false) => gone || matches!(step, Step::Stay),
                (true, true) => gone || matches!(step, Step::TakeApart),
                (false, _) => gone,
            };
            prop_assert!(as_it_must, "{now:?} {step:?}");
        }
    }
}
