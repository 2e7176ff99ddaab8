//! The control socket of a proxy: orders that come as messages.

use super::control::Shared;
use super::stats::{ProxyStats, ProxyTraffic};
use crate::error::{Error, RecvError};
use crate::message::{Frame, Message};
use crate::peer::SocketType;
use crate::socket::DynSocket;

/// The socket that they come on, if there is one.
#[derive(Debug, Default)]
pub(super) struct Orders(Option<DynSocket>);

impl Orders {
    pub(super) fn of(socket: DynSocket) -> Orders {
        Orders(Some(socket))
    }

    /// Takes no more orders; gives the socket that they came on.
    pub(super) fn release(&mut self) -> Option<DynSocket> {
        self.0.take()
    }

    /// Does what the control socket asks for.
    pub(super) fn obey(&mut self, shared: &Shared) -> Result<(), Error> {
        while let Some(control) = &self.0 {
            let asked = match control.try_recv() {
                Ok(asked) => asked,
                Err(RecvError::Closed) => {
                    self.0 = None;
                    return Ok(());
                }
                Err(error @ RecvError::ReactorDied) => return Err(error.into()),
                Err(_) => return Ok(()),
            };
            let command = Command::parse(asked.frames().last().unwrap_or_default());
            match command {
                Command::Pause => shared.set_paused(true),
                Command::Resume => shared.set_paused(false),
                Command::Terminate => shared.terminate(),
                Command::Statistics | Command::Unknown => {}
            }
            let stats = shared.stats();
            if let Some(answer) = answer(control.socket_type(), asked, command, &stats) {
                // One who does not take its answer goes without.
                let _ = control.try_send(answer);
            }
        }
        Ok(())
    }
}

/// What a control socket answers, if it does.
fn answer(
    control: SocketType,
    asked: Message,
    command: Command,
    stats: &ProxyStats,
) -> Option<Message> {
    let answers_all = control == SocketType::Rep;
    let mut answer = match command {
        Command::Statistics => statistics(stats),
        Command::Unknown if answers_all => Message::from("unknown command"),
        _ if answers_all => Message::from(""),
        _ => return None,
    };
    if control == SocketType::Router {
        answer.push_front(asked.into_frames().next()?);
    }
    Some(answer)
}

/// What a control socket asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Command {
    Pause,
    Resume,
    Terminate,
    Statistics,
    Unknown,
}

impl Command {
    fn parse(command: &[u8]) -> Command {
        match command {
            b"PAUSE" => Command::Pause,
            b"RESUME" => Command::Resume,
            b"TERMINATE" => Command::Terminate,
            b"STATISTICS" => Command::Statistics,
            _ => Command::Unknown,
        }
    }
}

/// The answer to STATISTICS: eight numbers in eight frames, of 64 bits in the machine's order, as
/// `zmq_proxy_steerable` gives them.
fn statistics(stats: &ProxyStats) -> Message {
    let of = |traffic: &ProxyTraffic| {
        [
            traffic.received.messages,
            traffic.received.bytes,
            traffic.sent.messages,
            traffic.sent.bytes,
        ]
    };
    let numbers = [of(&stats.frontend), of(&stats.backend)];
    let frames = numbers.as_flattened().iter();
    frames
        .map(|number| Frame::from(&number.to_ne_bytes()[..]))
        .collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Context, Pair, Rep, Req};

    #[test]
    fn orders_are_carried_out_in_their_order_and_statistics_are_answered() {
        let context = Context::new();
        let steering = context.socket(Pair).bind("inproc://orders").unwrap();
        let steered = context.socket(Pair).connect("inproc://orders").unwrap();
        let mut orders = Orders::of(steered.into_dynamic());
        let shared = Shared::default();
        for order in ["PAUSE", "STATISTICS", "nonsense", "TERMINATE"] {
            steering.send(order).unwrap();
        }
        orders.obey(&shared).unwrap();
        assert!(shared.is_paused() && shared.take_terminated());
        assert_eq!(steering.recv().unwrap().len(), 8);
        assert!(steering.try_recv().is_err(), "a PAIR answers nothing else");
        steering.send("RESUME").unwrap();
        orders.obey(&shared).unwrap();
        assert!(!shared.is_paused());
    }

    #[test]
    fn a_rep_answers_every_order() {
        let context = Context::new();
        let rep = context.socket(Rep).bind("inproc://all").unwrap();
        let req = context.socket(Req).connect("inproc://all").unwrap();
        let mut orders = Orders::of(rep.into_dynamic());
        let shared = Shared::default();
        for (order, answer) in [("PAUSE", ""), ("nonsense", "unknown command")] {
            req.send(order).unwrap();
            orders.obey(&shared).unwrap();
            assert_eq!(req.recv().unwrap(), answer);
        }
    }

    #[test]
    fn a_control_socket_that_is_closed_is_let_go_of() {
        let context = Context::new();
        let steered = context.socket(Pair).bind("inproc://gone").unwrap();
        let mut orders = Orders::of(steered.clone().into_dynamic());
        let _ = steered.close();
        orders.obey(&Shared::default()).unwrap();
        assert!(orders.release().is_none());
    }

    #[test]
    fn numbers_are_told_in_the_order_that_libzmq_has() {
        let mut stats = ProxyStats::default();
        (
            stats.frontend.received.messages,
            stats.frontend.received.bytes,
        ) = (1, 2);
        (stats.frontend.sent.messages, stats.frontend.sent.bytes) = (3, 4);
        (
            stats.backend.received.messages,
            stats.backend.received.bytes,
        ) = (5, 6);
        (stats.backend.sent.messages, stats.backend.sent.bytes) = (7, 8);
        let told = statistics(&stats);
        let numbers: Vec<_> = told
            .frames()
            .map(|frame| u64::from_ne_bytes(frame.try_into().unwrap()))
            .collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 8]);
    }
}
