//! bind, connect, unbind and disconnect, and the verbs of the dynamic handle.

use std::net::TcpListener;
use std::time::Duration;

use sinew::{Context, Error, EventKind, Pull, Push, RecvError, SendErrorKind, SocketType, Sub};

use crate::support::{address, await_event, await_peer, endpoints, SOON};

#[test]
fn last_endpoint_is_resolved() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).open().unwrap();
    assert_eq!(pull.last_endpoint(), None);
    let bound = pull.bind("tcp://127.0.0.1:*").unwrap();
    assert_eq!(pull.last_endpoint(), Some(bound.clone()));
    let port = bound.to_string().rsplit(':').next().unwrap().to_owned();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    let ipc = pull.bind("ipc://*").unwrap().to_string();
    assert!(!ipc.contains('*'), "{ipc}");
    pull.connect("tcp://127.0.0.1:9").unwrap();
    assert_eq!(address(&pull).to_string(), "tcp://127.0.0.1:9");
}

#[test]
fn unbind_frees_the_endpoint_at_once_and_connected_peers_stay() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/unbind", dir.path().display());
    for endpoint in ["tcp://127.0.0.1:*", &ipc, "inproc://unbind"] {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).open().unwrap();
        let monitor = pull.monitor();
        let bound = pull.bind(endpoint).unwrap().to_string();
        let push = ctx.socket(Push).connect(&bound).unwrap();
        await_peer(&monitor);
        pull.unbind(&bound).unwrap();
        assert!(matches!(pull.unbind(&bound), Err(Error::NotFound(_))));
        let next = ctx.socket(Pull).bind(&bound).unwrap();
        push.send("still here").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "still here");
        let other = ctx.socket(Push).connect(&bound).unwrap();
        other.send("to the next").unwrap();
        assert_eq!(next.recv_timeout(SOON).unwrap(), "to the next");
    }
}

#[test]
fn closing_frees_the_endpoint_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/closing", dir.path().display());
    for endpoint in ["tcp://127.0.0.1:*", &ipc, "inproc://closing"] {
        let ctx = Context::new();
        let mut pull = ctx.socket(Pull).bind(endpoint).unwrap();
        let bound = address(&pull);
        for _ in 0..20 {
            let push = ctx.socket(Push).connect(&bound).unwrap();
            push.send("x").unwrap();
            pull.recv_timeout(SOON).unwrap();
            drop(pull);
            pull = ctx.socket(Pull).bind(&bound).unwrap();
        }
    }
}

#[test]
fn disconnect_delivers_what_was_queued() {
    for endpoint in endpoints("disconnect") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let monitor = pull.monitor();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        for n in 0..500 {
            push.send(n.to_string()).unwrap();
        }
        push.disconnect(&address(&pull)).unwrap();
        assert_eq!(
            push.try_send("x").unwrap_err().kind(),
            SendErrorKind::WouldBlock
        );
        assert!(matches!(
            push.disconnect(&address(&pull)),
            Err(Error::NotFound(_))
        ));
        for n in 0..500 {
            let got = pull.recv_timeout(SOON).unwrap();
            assert_eq!(got, n.to_string().as_str(), "{endpoint}");
        }
        await_event(&monitor, |k| matches!(k, EventKind::Disconnected { .. }));
        assert_eq!(push.stats().peers, 0);
    }
}

#[test]
fn disconnect_delivers_even_to_a_peer_that_is_not_there_yet() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/late", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://late-disconnect"] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .reconnect_interval(Duration::from_millis(5))
            .connect(endpoint)
            .unwrap();
        push.send("kept").unwrap();
        push.disconnect(endpoint).unwrap();
        let pull = ctx.socket(Pull).open().unwrap();
        let monitor = pull.monitor();
        pull.bind(endpoint).unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "kept", "{endpoint}");
        await_event(&monitor, |k| matches!(k, EventKind::Disconnected { .. }));
        assert_eq!(push.close().undelivered, 0);
    }
}

#[test]
fn disconnect_gives_up_when_linger_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/never", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://never"] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .linger(Duration::from_millis(30))
            .connect(endpoint)
            .unwrap();
        push.connect("inproc://other").unwrap();
        push.send("lost").unwrap();
        push.send("lost").unwrap();
        let monitor = push.monitor();
        push.disconnect(endpoint).unwrap();
        // The end of the link is told as an event or, without one, by the count.
        let deadline = std::time::Instant::now() + SOON;
        while push.stats().dropped == 0 {
            assert!(std::time::Instant::now() < deadline, "{endpoint}");
            let _ = monitor.recv_timeout(Duration::from_millis(5));
        }
        assert_eq!(push.stats().dropped, 1);
    }
}

#[test]
fn disconnect_gives_up_a_peer_that_does_not_read_when_linger_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .send_buffer(Some(16 * 1024))
        .linger(Duration::from_millis(50))
        .reconnect_interval(Duration::from_millis(1))
        .connect(&endpoint)
        .unwrap();
    let monitor = push.monitor();
    let _deaf = crate::support::Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    for _ in 0..20 {
        push.send(vec![0; 1 << 20]).unwrap();
    }
    push.disconnect(&endpoint).unwrap();
    await_event(&monitor, |k| matches!(k, EventKind::Disconnected { .. }));
    // It must not come back.
    let after = std::iter::from_fn(|| monitor.recv_timeout(Duration::from_millis(100)).ok());
    let again = after
        .map(|event| event.kind)
        .find(|k| matches!(k, EventKind::Connected | EventKind::ConnectRetried { .. }));
    assert_eq!(again, None);
}

#[test]
fn a_stale_ipc_file_is_replaced_and_a_live_one_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stale");
    let endpoint = format!("ipc://{}", path.display());
    // Dropping a listener of the standard library leaves its file behind.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
    let push = ctx.socket(Push).connect(&endpoint).unwrap();
    push.send("x").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "x");
    let second = ctx.socket(Pull).bind(&endpoint).unwrap_err();
    let second = std::io::Error::from(second);
    assert_eq!(second.kind(), std::io::ErrorKind::AddrInUse, "{second}");
    push.send("y").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "y");
    drop(pull);
    assert!(!path.exists());
}

#[test]
fn names_and_ports_in_use_are_refused() {
    let ctx = Context::new();
    for endpoint in endpoints("in-use") {
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let error = ctx.socket(Pull).bind(&address(&pull)).unwrap_err();
        let error = std::io::Error::from(error);
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse, "{error}");
    }
    // Another context has names of its own.
    let _here = ctx.socket(Pull).bind("inproc://own").unwrap();
    let _there = Context::new().socket(Pull).bind("inproc://own").unwrap();
}

#[test]
fn a_dynamic_handle_says_what_its_type_cannot() {
    let ctx = Context::new();
    let push = ctx.socket(SocketType::Push).open().unwrap();
    assert_eq!(push.recv(), Err(RecvError::Unsupported));
    assert_eq!(push.try_recv(), Err(RecvError::Unsupported));
    assert!(matches!(
        push.subscribe("a"),
        Err(Error::Unsupported { .. })
    ));
    let pull = ctx.socket(Pull).open().unwrap().into_dynamic();
    assert_eq!(pull.socket_type(), SocketType::Pull);
    let error = pull.send("x").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unsupported);
    assert_eq!(error.into_message(), "x");
    let sub = ctx.socket(Sub).open().unwrap().into_dynamic();
    sub.subscribe("a").unwrap();
    for socket_type in SocketType::ALL {
        let socket = ctx.socket(socket_type).open().unwrap();
        assert_eq!(socket.socket_type(), socket_type);
    }
}

#[test]
fn connecting_pauses_longer_after_each_failure_up_to_its_bound() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .reconnect_interval(Duration::from_millis(2))
        .reconnect_interval_max(Duration::from_millis(16))
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(&format!("ipc://{}/nobody", dir.path().display()))
        .unwrap();
    let mut pauses = Vec::new();
    while pauses.len() < 8 {
        let event = await_event(&monitor, |k| matches!(k, EventKind::ConnectRetried { .. }));
        if let EventKind::ConnectRetried { after } = event.kind {
            pauses.push(after.as_millis());
        }
    }
    for (n, pause) in pauses.iter().enumerate() {
        let base = (2u128 << n).min(16);
        assert!((base..=base * 3 / 2).contains(pause), "{pauses:?}");
    }
}

#[test]
fn connecting_is_given_up_after_so_many_tries() {
    let dir = tempfile::tempdir().unwrap();
    for attempts in [0, 3] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .reconnect_interval(Duration::from_millis(1))
            .reconnect_attempts(attempts)
            .open()
            .unwrap();
        let monitor = push.monitor();
        push.connect(&format!("ipc://{}/nobody", dir.path().display()))
            .unwrap();
        let mut tries = 0;
        loop {
            match monitor.recv_timeout(SOON).unwrap().kind {
                EventKind::ConnectRetried { .. } => tries += 1,
                EventKind::ConnectGivenUp => break,
                _ => {}
            }
        }
        assert_eq!(tries, attempts);
        assert!(push.try_send("nobody is left").is_err());
    }
}
