//! zenoh, in peer mode: two programs that are told of each other, with no router and no discovery.

use std::future::Future;

use bytes::Bytes;
use zenoh::bytes::ZBytes;
use zenoh::handlers::FifoChannelHandler;
use zenoh::matching::MatchingStatus;
use zenoh::pubsub::{Publisher, Subscriber};
use zenoh::qos::CongestionControl;
use zenoh::query::{ConsolidationMode, Querier, Query, Queryable, Reply};
use zenoh::sample::Sample;
use zenoh::{Config, Session};

use super::run_tokio;
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Zenoh;

/// Everything is said under this name.
const KEY: &str = "bench";

pub(crate) struct Publishes {
    publisher: Publisher<'static>,
    _session: Session,
}

pub(crate) struct Subscribes {
    subscriber: Subscriber<FifoChannelHandler<Sample>>,
    last: Vec<u8>,
    _session: Session,
}

pub(crate) struct Asks {
    querier: Querier<'static>,
    answers: Option<FifoChannelHandler<Reply>>,
    last: Vec<u8>,
    _session: Session,
}

pub(crate) struct Answers {
    queries: Queryable<FifoChannelHandler<Query>>,
    asked: Option<Query>,
    last: Vec<u8>,
    _session: Session,
}

/// `role` is `listen` or `connect`: who waits, and who comes.
async fn session(role: &str, port: u16) -> Option<Session> {
    let mut config = Config::default();
    let endpoints = format!("[\"tcp/127.0.0.1:{port}\"]");
    let where_to = format!("{role}/endpoints");
    for (name, value) in [
        ("mode", "\"peer\""),
        ("scouting/multicast/enabled", "false"),
        ("scouting/gossip/enabled", "false"),
        ("listen/endpoints", "[]"),
        // Who comes fails when nobody is there, and is started again.
        ("connect/timeout_ms", "0"),
        ("connect/exit_on_failure", "true"),
        (where_to.as_str(), endpoints.as_str()),
    ] {
        config.insert_json5(name, value).expect("a setting");
    }
    zenoh::open(config).await.ok()
}

fn there(status: zenoh::Result<MatchingStatus>) -> bool {
    status.is_ok_and(|status| status.matching())
}

async fn publisher(session: Session) -> Publishes {
    // The default, to drop when the network is slower, would lose most of a stream.
    let publisher = session
        .declare_publisher(KEY)
        .congestion_control(CongestionControl::Block)
        .await;
    Publishes {
        publisher: publisher.expect("a publisher"),
        _session: session,
    }
}

async fn subscriber(session: Session) -> Subscribes {
    let subscriber = session.declare_subscriber(KEY).await;
    Subscribes {
        subscriber: subscriber.expect("a subscriber"),
        last: Vec::new(),
        _session: session,
    }
}

impl Library for Zenoh {
    type Push = Publishes;
    type Pull = Subscribes;
    type Pub = Publishes;
    type Sub = Subscribes;
    type Req = Asks;
    type Rep = Answers;

    fn run(program: impl Future<Output = ()>) {
        run_tokio(program);
    }

    async fn pull(port: u16) -> Subscribes {
        subscriber(session("listen", port).await.expect("a session")).await
    }

    async fn push(port: u16) -> Option<Publishes> {
        let publishes = publisher(session("connect", port).await?).await;
        // What is published before the subscription has come is lost.
        let listener = publishes.publisher.matching_listener().await;
        let listener = listener.expect("a listener");
        while !there(publishes.publisher.matching_status().await) {
            listener.recv_async().await.ok()?;
        }
        Some(publishes)
    }

    async fn publisher(port: u16, _: u64) -> Publishes {
        publisher(session("listen", port).await.expect("a session")).await
    }

    async fn subscriber(port: u16) -> Option<Subscribes> {
        Some(subscriber(session("connect", port).await?).await)
    }

    async fn rep(port: u16) -> Answers {
        let session = session("listen", port).await.expect("a session");
        let queries = session.declare_queryable(KEY).await;
        Answers {
            queries: queries.expect("a queryable"),
            asked: None,
            last: Vec::new(),
            _session: session,
        }
    }

    async fn req(port: u16) -> Option<Asks> {
        let session = session("connect", port).await?;
        // There is one answer: nothing to batch it with, and no later one to wait for.
        let querier = session
            .declare_querier(KEY)
            .express(true)
            .consolidation(ConsolidationMode::None)
            .await
            .expect("a querier");
        // A query that is sent before the queryable is known has no answer.
        let listener = querier.matching_listener().await.expect("a listener");
        while !there(querier.matching_status().await) {
            listener.recv_async().await.ok()?;
        }
        drop(listener);
        Some(Asks {
            querier,
            answers: None,
            last: Vec::new(),
            _session: session,
        })
    }
}

fn payload(body: Body<'_>) -> ZBytes {
    match body {
        Body::Borrowed(body) => body.into(),
        Body::Static(body) => Bytes::from_static(body).into(),
    }
}

/// Reads a payload as one slice, into memory that is used again.
fn keep<'a>(last: &'a mut Vec<u8>, payload: &ZBytes) -> &'a [u8] {
    last.clear();
    last.extend_from_slice(&payload.to_bytes());
    last
}

impl Sender for Publishes {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        self.publisher.put(payload(body)).await.expect("a put");
    }
}

impl Receiver for Subscribes {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        let sample = self.subscriber.recv_async().await.expect("a sample");
        keep(&mut self.last, sample.payload())
    }
}

impl Sender for Asks {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let answers = self.querier.get().payload(payload(body)).await;
        self.answers = Some(answers.expect("a query"));
    }
}

impl Receiver for Asks {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        let answers = self.answers.take().expect("a question before the answer");
        let reply = answers.recv_async().await.expect("a reply");
        let sample = reply.into_result().expect("an answer");
        keep(&mut self.last, sample.payload())
    }
}

impl Receiver for Answers {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        let query = self.queries.recv_async().await.expect("a query");
        let payload = query.payload().cloned().unwrap_or_default();
        self.asked = Some(query);
        keep(&mut self.last, &payload)
    }
}

impl Sender for Answers {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let query = self.asked.take().expect("a question before the answer");
        let reply = query.reply(KEY, payload(body)).express(true).await;
        reply.expect("a reply");
    }
}
