//! STREAM: bytes to and from peers of bare TCP, each by its routing id.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use sinew::{Context, Error, EventKind, Message, RecvError, SendErrorKind, Socket, Stream};

use crate::support::{address, await_disconnect, await_event, await_peer, A_WHILE, SOON};

fn call(stream: &Socket<Stream>) -> TcpStream {
    let peer = TcpStream::connect(address(stream).socket_addr().unwrap()).unwrap();
    peer.set_read_timeout(Some(SOON)).unwrap();
    peer.set_write_timeout(Some(SOON)).unwrap();
    peer
}

fn bound() -> Socket<Stream> {
    let ctx = Context::new();
    ctx.socket(Stream).bind("tcp://127.0.0.1:*").unwrap()
}

/// The next piece, and whose it is.
#[track_caller]
fn piece(stream: &Socket<Stream>) -> (Vec<u8>, Message) {
    let (id, bytes) = stream.recv_timeout(SOON).unwrap().split_id();
    (id.to_vec(), bytes)
}

/// The note that a peer has come or gone.
#[track_caller]
fn note(stream: &Socket<Stream>) -> Vec<u8> {
    let (id, nothing) = piece(stream);
    assert_eq!(nothing, "");
    id
}

/// So many bytes of one peer, in whatever pieces they come.
#[track_caller]
fn gather(stream: &Socket<Stream>, id: &[u8], count: usize) -> Vec<u8> {
    let mut all = Vec::new();
    while all.len() < count {
        let (from, bytes) = piece(stream);
        assert_eq!(from, id);
        let bytes = bytes.as_bytes().unwrap();
        assert!(!bytes.is_empty(), "the peer has gone after {}", all.len());
        all.extend_from_slice(bytes);
    }
    all
}

#[test]
fn a_stream_peer_that_comes_or_goes_is_told_by_its_id_and_nothing() {
    let stream = bound();
    let peer = call(&stream);
    let id = note(&stream);
    assert_eq!((id.len(), id[0]), (5, 0));
    drop(peer);
    assert_eq!(note(&stream), id);
    let error = stream
        .send(Message::from("late").routed_to(id))
        .unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
}

#[test]
fn without_stream_notify_only_bytes_are_received() {
    let stream = Context::new()
        .socket(Stream)
        .stream_notify(false)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = stream.monitor();
    let mut peer = call(&stream);
    peer.write_all(b"hello").unwrap();
    assert_eq!(piece(&stream).1, "hello");
    drop(peer);
    await_disconnect(&monitor);
    assert_eq!(stream.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn bytes_go_both_ways_as_they_are_to_the_peer_that_is_named() {
    let stream = bound();
    let mut peers: Vec<_> = (0..3u8)
        .map(|n| {
            let mut peer = call(&stream);
            let id = note(&stream);
            peer.write_all(&[n, 0, 0xff]).unwrap();
            assert_eq!(gather(&stream, &id, 3), [n, 0, 0xff]);
            (id, peer)
        })
        .collect();
    for (n, (id, _)) in peers.iter().enumerate() {
        let bytes = [0, n as u8];
        stream
            .send(Message::from([&id[..], &bytes, b"end"]))
            .unwrap();
    }
    for (n, (_, peer)) in peers.iter_mut().enumerate() {
        let mut bytes = [0; 5];
        peer.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, [0, n as u8, b'e', b'n', b'd']);
    }
}

#[test]
fn a_megabyte_and_more_passes_both_ways_in_order() {
    let stream = bound();
    let mut peer = call(&stream);
    let id = note(&stream);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let echo = thread::spawn({
        let count = bytes.len();
        move || {
            let mut all = vec![0; count];
            peer.read_exact(&mut all).unwrap();
            peer.write_all(&all).unwrap();
            peer
        }
    });
    for (n, chunk) in bytes.chunks(70_000).enumerate() {
        let message = Message::from(chunk.to_vec()).routed_to(id.clone());
        assert!(stream.send_timeout(message, SOON).is_ok(), "chunk {n}");
    }
    assert!(gather(&stream, &id, bytes.len()) == bytes);
    drop(echo.join().unwrap());
    assert_eq!(note(&stream), id);
}

#[test]
fn an_id_and_nothing_ends_the_connection_when_all_is_sent() {
    let stream = bound();
    let mut peer = call(&stream);
    let id = note(&stream);
    stream
        .send(Message::from("the last").routed_to(id.clone()))
        .unwrap();
    stream
        .send(Message::from("").routed_to(id.clone()))
        .unwrap();
    let mut all = Vec::new();
    peer.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"the last");
    let error = stream.send(Message::from("x").routed_to(id)).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
    drop(peer);
    assert_eq!(
        stream.recv_timeout(A_WHILE),
        Err(RecvError::TimedOut),
        "what the user ends is not told"
    );
}

#[test]
fn a_message_for_nobody_is_given_back() {
    let stream = bound();
    for message in [
        Message::from(["nobody", "bytes"]),
        Message::from(["nobody", ""]),
        Message::from("nobody"),
        Message::new(),
    ] {
        let error = stream.send(message).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Unroutable);
    }
}

#[test]
fn a_full_stream_peer_is_waited_for_and_one_that_goes_meanwhile_is_told() {
    let stream = Context::new()
        .socket(Stream)
        .send_hwm(2)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let peer = call(&stream);
    let id = note(&stream);
    let message = || Message::from(vec![7; 1 << 20]).routed_to(id.clone());
    while stream.send_timeout(message(), A_WHILE).is_ok() {}
    assert_eq!(
        stream.try_send(message()).unwrap_err().kind(),
        SendErrorKind::WouldBlock
    );
    let waiting = thread::spawn({
        let (stream, message) = (stream.clone(), message());
        move || stream.send(message)
    });
    drop(peer);
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
    assert!(stream.stats().dropped > 0, "what was queued is counted");
}

#[test]
fn a_stream_connects_to_servers_of_any_protocol_and_knows_their_ids() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    let stream = Context::new()
        .socket(Stream)
        .reconnect_interval(Duration::from_millis(1))
        .open()
        .unwrap();
    let id = stream.connect_peer(&at).unwrap();
    // It waits until the connection is there.
    stream
        .send(Message::from("GET / HTTP/1.0\r\n\r\n").routed_to(id.clone()))
        .unwrap();
    let (mut server, _) = listener.accept().unwrap();
    let mut request = [0; 18];
    server.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"GET / HTTP/1.0\r\n\r\n");
    server.write_all(b"HTTP/1.0 204\r\n\r\n").unwrap();
    server.shutdown(Shutdown::Both).unwrap();
    drop(server);
    assert_eq!(note(&stream), *id);
    assert_eq!(gather(&stream, &id, 16), b"HTTP/1.0 204\r\n\r\n");
    assert_eq!(note(&stream), *id, "it has gone");

    // It connects again, under the same id.
    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(note(&stream), *id);
    server.write_all(b"again").unwrap();
    assert_eq!(gather(&stream, &id, 5), b"again");
    stream.connect_with_id(&at, "mine").unwrap();
    let error = stream.connect_with_id(&at, "mine").unwrap_err();
    assert!(matches!(error, Error::RoutingIdTaken(_)));
}

#[test]
fn what_was_queued_for_a_lost_connection_is_not_sent_on_the_next() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    let stream = Context::new()
        .socket(Stream)
        .send_hwm(2)
        .reconnect_interval(Duration::from_millis(1))
        .open()
        .unwrap();
    let id = stream.connect_peer(&at).unwrap();
    let (server, _) = listener.accept().unwrap();
    assert_eq!(note(&stream), *id);
    let large = || Message::from(vec![7; 1 << 20]).routed_to(id.clone());
    while stream.send_timeout(large(), A_WHILE).is_ok() {}
    drop(server);
    assert_eq!(note(&stream), *id);
    let (mut server, _) = listener.accept().unwrap();
    assert_eq!(note(&stream), *id);
    stream
        .send(Message::from("afresh").routed_to(id.clone()))
        .unwrap();
    let mut bytes = [0; 6];
    server.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"afresh");
    assert!(stream.stats().dropped > 0);
}

#[test]
fn a_stream_peer_that_says_nothing_is_not_one_that_is_in_its_handshake() {
    let stream = Context::new()
        .socket(Stream)
        .handshake_timeout(Duration::from_millis(1))
        .heartbeat_interval(Duration::from_millis(1))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = stream.monitor();
    let mut peer = call(&stream);
    await_peer(&monitor);
    let id = note(&stream);
    assert!(stream.recv_timeout(A_WHILE).is_err());
    stream.send(Message::from("hello").routed_to(id)).unwrap();
    let mut bytes = [0; 5];
    peer.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello", "no greeting, no PING");
}

#[test]
fn a_stream_has_no_inproc_and_uses_ipc_as_it_does_tcp() {
    let ctx = Context::new();
    let stream = ctx.socket(Stream).open().unwrap();
    for error in [
        stream.bind("inproc://stream").unwrap_err(),
        stream.connect("inproc://stream").unwrap_err(),
    ] {
        assert!(error.to_string().contains("inproc"), "{error}");
    }
    stream.bind("ipc://*").unwrap();
    let other = ctx.socket(Stream).open().unwrap();
    let id = other.connect_peer(address(&stream)).unwrap();
    other.send(Message::from("over ipc").routed_to(id)).unwrap();
    note(&stream);
    assert_eq!(piece(&stream).1, "over ipc");
}

#[test]
fn monitors_see_stream_peers() {
    let stream = bound();
    let monitor = stream.monitor();
    let peer = call(&stream);
    await_event(&monitor, |kind| matches!(kind, EventKind::Accepted));
    let event = await_event(&monitor, |kind| {
        matches!(kind, EventKind::HandshakeSucceeded)
    });
    let info = event.peer.unwrap();
    assert_eq!(info.socket_type, sinew::SocketType::Stream);
    assert_eq!(info.version, (0, 0));
    assert_eq!(stream.stats().peers, 1);
    drop(peer);
    await_disconnect(&monitor);
}
