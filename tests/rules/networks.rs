//! How connections are made and accepted: filters, devices, proxies, and descriptors that listen already.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Duration;

use sinew::{
    Context, Dealer, Error, EventKind, Options, Pull, Push, ReasonKind, ReconnectStop, SocksProxy,
};

use crate::support::*;

#[test]
fn a_caller_from_a_network_that_is_not_wanted_is_turned_away_and_others_are_not() {
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .accept_from(["127.0.0.2/32".parse().unwrap()])
        .open()
        .unwrap();
    let monitor = pull.monitor();
    pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut stranger = Raw::connect(&address(&pull));
    let event = await_event(&monitor, |kind| {
        matches!(kind, EventKind::AcceptFailed { .. })
    });
    let text = event.to_string();
    assert!(
        text.contains("127.0.0.1") && text.contains("accept_from"),
        "{text}"
    );
    let EventKind::AcceptFailed { reason } = &event.kind else {
        panic!("{event}");
    };
    assert_eq!(reason.kind(), ReasonKind::Unwelcome);
    assert_eq!(stranger.await_end(), b"", "not even a greeting");

    let port = address(&pull).port().unwrap();
    let wanted = format!("tcp://127.0.0.2:0;127.0.0.1:{port}");
    let push = context.socket(Push).connect(wanted.as_str()).unwrap();
    push.send("from there").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "from there");
}

#[test]
fn a_filter_does_not_ask_who_calls_over_ipc() {
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .accept_from(["192.0.2.0/24".parse().unwrap()])
        .bind("ipc://*")
        .unwrap();
    let push = context.socket(Push).connect(address(&pull)).unwrap();
    push.send("here").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "here");
}

#[test]
fn a_descriptor_that_listens_already_is_bound() {
    let context = Context::new();
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("socket");
    let pull = context.socket(Pull).open().unwrap();
    let tcp = pull
        .bind_descriptor(TcpListener::bind("127.0.0.1:0").unwrap())
        .unwrap();
    let ipc = pull
        .bind_descriptor(UnixListener::bind(&path).unwrap())
        .unwrap();
    assert_eq!(ipc.path(), Some(path.as_path()));
    for endpoint in [&tcp, &ipc] {
        let push = context.socket(Push).connect(endpoint).unwrap();
        push.send("over it").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "over it");
    }
    pull.unbind(&tcp).unwrap();
    assert!(TcpStream::connect(tcp.socket_addr().unwrap()).is_err());
    pull.unbind(&ipc).unwrap();
    assert!(path.exists(), "the file is its maker's");
}

#[test]
fn a_descriptor_that_does_not_listen_is_refused_in_words() {
    let context = Context::new();
    let pull = context.socket(Pull).open().unwrap();
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = pull.bind_descriptor(datagrams).unwrap_err();
    assert!(error.to_string().contains("no stream socket"), "{error}");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let caller = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let error = pull.bind_descriptor(caller).unwrap_err();
    assert!(error.to_string().contains("does not listen"), "{error}");
}

#[test]
fn a_device_that_is_not_there_is_told_by_bind_and_by_each_try_to_connect() {
    let context = Context::new();
    let options = Options::new().bind_to_device("no-such-dev");
    let pull = context
        .socket(Pull)
        .options(options.clone())
        .open()
        .unwrap();
    let error = pull.bind("tcp://127.0.0.1:*").unwrap_err().to_string();
    assert!(error.contains("\"no-such-dev\""), "{error}");
    assert!(
        error.contains("no such device") || error.contains("CAP_NET_RAW"),
        "{error}"
    );
    let push = context.socket(Push).options(options).open().unwrap();
    let monitor = push.monitor();
    push.connect("tcp://127.0.0.1:9").unwrap();
    let event = await_event(&monitor, |kind| {
        matches!(kind, EventKind::ConnectFailed { .. })
    });
    assert!(event.to_string().contains("no-such-dev"), "{event}");
}

#[test]
fn settings_of_tcp_that_cannot_be_are_refused_in_words() {
    for (options, part) in [
        (
            Options::new().tcp_user_timeout(Duration::ZERO),
            "tcp_user_timeout",
        ),
        (
            Options::new().tcp_user_timeout(Duration::MAX),
            "tcp_user_timeout",
        ),
        (Options::new().bind_to_device(""), "bind_to_device"),
        (
            Options::new().bind_to_device("longer than a name can be"),
            "bind_to_device",
        ),
        (
            Options::new().socks_proxy("ipc://there".parse::<SocksProxy>().unwrap()),
            "socks_proxy",
        ),
    ] {
        let error = Context::new()
            .socket(Pull)
            .options(options)
            .open()
            .unwrap_err();
        assert!(
            matches!(&error, Error::Option(text) if text.contains(part)),
            "{error}"
        );
    }
}

#[test]
fn a_connection_with_all_that_tcp_can_be_told_carries_messages() {
    let context = Context::new();
    let options = Options::new()
        .packet_priority(3)
        .tcp_user_timeout(Duration::from_secs(60))
        .tos(8);
    let pull = context.socket(Pull).options(options.clone());
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let push = context.socket(Push).options(options);
    let push = push.connect(address(&pull)).unwrap();
    push.send("here").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "here");
}

/// A SOCKS 5 proxy for one caller, which it expects to be known as `known`. Says what it was asked for.
fn proxy(listener: TcpListener, known: Option<(&'static str, &'static str)>, to: u16) -> Vec<u8> {
    let (mut caller, _) = listener.accept().unwrap();
    let read = |caller: &mut TcpStream, count: usize| {
        let mut bytes = vec![0; count];
        caller.read_exact(&mut bytes).unwrap();
        bytes
    };
    let head = read(&mut caller, 2);
    let methods = read(&mut caller, head[1].into());
    match known {
        Some((user, password)) => {
            assert!(methods.contains(&2));
            caller.write_all(&[5, 2]).unwrap();
            let mut expected = vec![1, user.len() as u8];
            expected.extend_from_slice(user.as_bytes());
            expected.push(password.len() as u8);
            expected.extend_from_slice(password.as_bytes());
            let said = read(&mut caller, expected.len());
            let good = said == expected;
            caller.write_all(&[1, u8::from(!good)]).unwrap();
            if !good {
                return vec![];
            }
        }
        None => caller.write_all(&[5, 0]).unwrap(),
    }
    let mut asked = read(&mut caller, 5);
    let rest = usize::from(asked[4]) + 2;
    asked.extend(read(&mut caller, rest));
    let peer = TcpStream::connect(("127.0.0.1", to)).unwrap();
    // Byte by byte, and the peer's greeting right behind it.
    for byte in [5, 0, 0, 1, 127, 0, 0, 1, 0, 80] {
        caller.write_all(&[byte]).unwrap();
    }
    let (mut from, mut into) = (caller.try_clone().unwrap(), peer.try_clone().unwrap());
    let there = thread::spawn(move || std::io::copy(&mut from, &mut into));
    let (mut from, mut into) = (peer, caller);
    let _ = std::io::copy(&mut from, &mut into);
    let _ = into.shutdown(std::net::Shutdown::Both);
    let _ = there.join().unwrap();
    asked
}

#[test]
fn a_proxy_is_asked_for_the_name_with_or_without_a_password() {
    for known in [None, Some(("me", "secret"))] {
        let context = Context::new();
        let dealer = context.socket(Dealer).bind("tcp://127.0.0.1:*").unwrap();
        let port = address(&dealer).port().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("tcp://{}", listener.local_addr().unwrap());
        let proxied = thread::spawn(move || proxy(listener, known, port));
        let mut socks: SocksProxy = at.parse().unwrap();
        if let Some((user, password)) = known {
            socks = socks.credentials(user, password);
        }
        let caller = context
            .socket(Dealer)
            .socks_proxy(socks)
            .connect("tcp://not.to.be.looked.up.example:5555")
            .unwrap();
        caller.send("through").unwrap();
        assert_eq!(dealer.recv_timeout(SOON).unwrap(), "through");
        dealer.send("back").unwrap();
        assert_eq!(caller.recv_timeout(SOON).unwrap(), "back");
        let _ = caller.close();
        let _ = dealer.close();
        let asked = proxied.join().unwrap();
        let expected = b"\x05\x01\x00\x03\x1bnot.to.be.looked.up.example\x15\xb3";
        assert_eq!(asked, expected);
    }
}

#[test]
fn what_a_proxy_refuses_is_told_and_a_refused_connection_is_one() {
    let context = Context::new();
    for (reply, part, refused) in [
        (&b"\x05\x00\x05\x05\x00\x01\x00"[..], "refused", true),
        (b"\x05\x00\x05\x02\x00\x01\x00", "rules", false),
        (b"\x05\xff", "password", false),
        (b"HTTP/1.0 400 Bad Request", "SOCKS 5", false),
        (b"", "closed", false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("tcp://{}", listener.local_addr().unwrap());
        let push = context
            .socket(Push)
            .socks_proxy(at.parse::<SocksProxy>().unwrap())
            .reconnect_stop(ReconnectStop::never().on_refused())
            .reconnect_attempts(0)
            .open()
            .unwrap();
        let monitor = push.monitor();
        push.connect("tcp://192.0.2.1:5555").unwrap();
        let (mut caller, _) = listener.accept().unwrap();
        caller.read_exact(&mut [0; 3]).unwrap();
        caller.write_all(reply).unwrap();
        // It fails when the other end has read the reply and has gone already.
        let _ = caller.shutdown(std::net::Shutdown::Write);
        let event = await_event(&monitor, |kind| {
            matches!(kind, EventKind::ConnectFailed { .. })
        });
        assert!(event.to_string().contains(part), "{event}");
        if refused {
            await_event(&monitor, |kind| matches!(kind, EventKind::ConnectGivenUp));
        }
    }
}

#[test]
fn a_proxy_that_says_nothing_is_given_up_in_time() {
    let context = Context::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("tcp://{}", listener.local_addr().unwrap());
    let push = context
        .socket(Push)
        .socks_proxy(at.parse::<SocksProxy>().unwrap())
        .connect_timeout(Duration::from_millis(20))
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect("tcp://192.0.2.1:5555").unwrap();
    let event = await_event(&monitor, |kind| {
        matches!(kind, EventKind::ConnectFailed { .. })
    });
    assert!(event.to_string().contains("timed out"), "{event}");
}
