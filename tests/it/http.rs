//! The event stream and health over real HTTP: replay, cursors, who may ask, how many.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use reqwest::{RequestBuilder, Response, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use tillwatch::cli::healthcheck::{self, Healthcheck};
use tillwatch::clock::Clock;
use tillwatch::event::Cursor;
use tillwatch::exit::Exit;
use tillwatch::http::health::{AccountHealth, Duty, Health};
use tillwatch::http::{Access, Http, Limits, ServeError, serve};
use tillwatch::overview::Overview;
use tillwatch::payment::AccountName;
use tillwatch::status::{Broken, FILES_WRONG};
use tillwatch::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::told::commit_payments;

struct Server {
    address: SocketAddr,
    store: Store,
    health: watch::Sender<Health>,
    shutdown: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), ServeError>>,
    client: reqwest::Client,
    _dir: tempfile::TempDir,
}

impl Server {
    async fn open() -> Self {
        Self::start(Access::Loopback, Limits::default()).await
    }

    async fn start(access: Access, limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("state"), Clock::System)
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (health, health_seen) = watch::channel(Health::default());
        let http = Http {
            store: store.clone(),
            health: health_seen,
            overview: overview(&store),
            codes: Arc::default(),
            clock: Clock::System,
            access,
            limits,
        };
        let (shutdown, asked) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, http, async {
            asked.await.ok();
        }));
        Self {
            address,
            store,
            health,
            shutdown,
            serving,
            client: reqwest::Client::new(),
            _dir: dir,
        }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("http://{}{path}", self.address))
    }

    async fn status(&self, path: &str) -> StatusCode {
        self.get(path).send().await.unwrap().status()
    }

    async fn stream(&self, path: &str) -> Stream {
        Stream::of(self.get(path)).await
    }

    fn cursor(&self, sequence: u64) -> String {
        let epoch = self.store.epoch();
        Cursor { epoch, sequence }.to_string()
    }
}

/// Of an agent whose one account has broken files.
fn overview(store: &Store) -> Overview {
    Overview {
        board: watch::channel(Vec::new()).1,
        gates: Arc::default(),
        page_loads: Arc::default(),
        broken: Arc::from([Broken {
            account: AccountName::new("broken").unwrap(),
            why: FILES_WRONG.to_owned(),
        }]),
        store: store.clone(),
        clock: Clock::System,
    }
}

/// One server-sent event.
#[derive(Debug, Default, PartialEq)]
struct Sent {
    id: String,
    event: String,
    data: String,
}

/// A client of the stream.
struct Stream {
    response: Response,
    text: String,
}

impl Stream {
    async fn of(request: RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// The next event, comments left out; `None` at the end.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                if !block.starts_with(':') {
                    return Some(parse(&block));
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// Sequences of the next `count` events, each held to its JSON.
    async fn sequences(&mut self, count: usize) -> Vec<u64> {
        let mut sequences = Vec::new();
        for _ in 0..count {
            let sent = self.next().await.unwrap();
            let data: Value = serde_json::from_str(&sent.data).unwrap();
            assert_eq!(sent.event, data["type"]);
            let (epoch, sequence) = sent.id.split_once('-').unwrap();
            assert_eq!(
                (epoch, sequence),
                (
                    data["epoch"].as_str().unwrap(),
                    data["sequence"].as_str().unwrap()
                )
            );
            sequences.push(sequence.parse().unwrap());
        }
        sequences
    }

    async fn replay(&mut self) -> Value {
        let sent = self.next().await.unwrap();
        assert_eq!(sent.event, "replay");
        serde_json::from_str(&sent.data).unwrap()
    }
}

fn parse(block: &str) -> Sent {
    let mut sent = Sent::default();
    for line in block.lines() {
        match line.split_once(": ").unwrap() {
            ("id", id) => sent.id = id.to_owned(),
            ("event", event) => sent.event = event.to_owned(),
            ("data", data) => sent.data = data.to_owned(),
            other => panic!("an unknown field {other:?}"),
        }
    }
    sent
}

#[tokio::test]
async fn a_new_client_gets_new_events_and_those_alone() {
    let server = Server::open().await;
    let before = commit_payments(&server.store, 0..3).await;
    let mut stream = server.stream("/v1/events").await;
    let replay = stream.replay().await;
    assert_eq!(replay["requested"], Value::Null);
    assert_eq!(replay["from"], server.cursor(before + 1));
    assert_eq!(replay["complete"], true);
    commit_payments(&server.store, 3..5).await;
    assert_eq!(stream.sequences(2).await, [before + 1, before + 2]);
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing_and_gets_the_same_bytes() {
    let server = Server::open().await;
    commit_payments(&server.store, 0..250).await;
    let mut whole = server.stream("/v1/events?after=start").await;
    whole.replay().await;
    let mut all = Vec::new();
    for _ in 0..250 {
        all.push(whole.next().await.unwrap());
    }
    let request = server.get("/v1/events?after=start");
    let mut rest = Stream::of(request.header("Last-Event-ID", &all[119].id)).await;
    let replay = rest.replay().await;
    assert_eq!(replay["requested"], all[119].id.as_str());
    assert_eq!(replay["from"], server.cursor(121));
    for sent in &all[120..] {
        assert_eq!(rest.next().await.as_ref(), Some(sent));
    }
}

#[tokio::test]
async fn a_client_cut_off_before_its_first_event_comes_back_to_where_it_began() {
    let server = Server::open().await;
    commit_payments(&server.store, 0..2).await;
    let began = server.stream("/v1/events").await.next().await.unwrap();
    commit_payments(&server.store, 2..4).await;
    let request = server.get("/v1/events").header("Last-Event-ID", began.id);
    let mut stream = Stream::of(request).await;
    stream.replay().await;
    assert_eq!(stream.sequences(2).await, [3, 4]);
}

#[tokio::test]
async fn a_cursor_of_another_epoch_is_told_where_to_resume() {
    let server = Server::open().await;
    commit_payments(&server.store, 0..2).await;
    let epoch = tillwatch::event::Epoch(server.store.epoch().0 ^ 1);
    let other = Cursor { epoch, sequence: 1 };
    let answer = server
        .get(&format!("/v1/events?after={other}"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::CONFLICT);
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["epoch"], server.store.epoch().to_string());
    assert_eq!(told["resume_from"], server.cursor(0));

    let resume = told["resume_from"].as_str().unwrap();
    let mut stream = server.stream(&format!("/v1/events?after={resume}")).await;
    stream.replay().await;
    assert_eq!(stream.sequences(2).await, [1, 2]);
}

#[tokio::test]
async fn a_cursor_ahead_of_the_store_or_of_no_form_is_refused() {
    let server = Server::open().await;
    commit_payments(&server.store, 0..2).await;
    let ahead = format!("/v1/events?after={}", server.cursor(3));
    assert_eq!(server.status(&ahead).await, StatusCode::CONFLICT);
    for bad in ["?after=", "?after=42", "?after=yesterday", "?since=start"] {
        assert_eq!(
            server.status(&format!("/v1/events{bad}")).await,
            StatusCode::BAD_REQUEST,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn a_client_behind_the_oldest_event_kept_is_told_so() {
    let server = Server::open().await;
    commit_payments(&server.store, 0..3).await;
    let told_all = Cursor {
        epoch: server.store.epoch(),
        sequence: 3,
    };
    server.store.acknowledge("file", told_all).await.unwrap();
    let later = Clock::System.now() + TimeDelta::days(1);
    let pruned = server
        .store
        .prune(&["file".to_owned()], later)
        .await
        .unwrap();
    assert_eq!(pruned, 3);
    commit_payments(&server.store, 3..4).await;

    let mut stream = server
        .stream(&format!("/v1/events?after={}", server.cursor(1)))
        .await;
    let replay = stream.replay().await;
    assert_eq!(replay["requested"], server.cursor(1));
    assert_eq!(replay["from"], server.cursor(4));
    assert_eq!(replay["oldest"], server.cursor(4));
    assert_eq!(replay["complete"], false);
    assert_eq!(stream.sequences(1).await, [4]);
}

#[tokio::test]
async fn without_the_token_only_healthz_answers() {
    let token = SecretString::from("correct-horse");
    let server = Server::start(Access::Token(token), Limits::default()).await;
    assert_eq!(server.status("/healthz").await, StatusCode::OK);
    for path in ["/v1/events", "/v1/accounts", "/readyz", "/nothing"] {
        let answer = server.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        assert!(answer.headers().contains_key("www-authenticate"));
    }
    let wrong = server
        .get("/readyz")
        .bearer_auth("correct-horses")
        .send()
        .await
        .unwrap();
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
    // Under any name: the token says who asks.
    let request = server.get("/v1/events").header("Host", "tillwatch.example");
    Stream::of(request.bearer_auth("correct-horse"))
        .await
        .replay()
        .await;
}

#[tokio::test]
async fn without_a_token_no_other_name_and_no_other_address_is_served() {
    let server = Server::open().await;
    for path in ["/v1/events", "/readyz", "/healthz"] {
        let rebound = server
            .get(path)
            .header("Host", "evil.example")
            .send()
            .await
            .unwrap();
        assert_eq!(rebound.status(), StatusCode::MISDIRECTED_REQUEST, "{path}");
    }
    let http = Http {
        store: server.store.clone(),
        health: server.health.subscribe(),
        overview: overview(&server.store),
        codes: Arc::default(),
        clock: Clock::System,
        access: Access::Loopback,
        limits: Limits::default(),
    };
    let everywhere = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(everywhere, http, std::future::pending()).await;
    assert!(
        matches!(refused, Err(ServeError::Exposed { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn one_client_too_many_is_turned_away_until_another_leaves() {
    let limits = Limits {
        clients: 3,
        ..Limits::default()
    };
    let server = Server::start(Access::Loopback, limits).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = server.stream("/v1/events").await;
        stream.replay().await;
        streams.push(stream);
    }
    assert_eq!(
        server.status("/v1/events").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    commit_payments(&server.store, 0..2).await;
    for stream in &mut streams {
        assert_eq!(stream.sequences(2).await, [1, 2]);
    }
    drop(streams.pop());
    while server.status("/v1/events").await != StatusCode::OK {}
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_place_and_nobody_else_does() {
    let limits = Limits {
        clients: 2,
        stall: Duration::from_secs(2),
        ..Limits::default()
    };
    let server = Server::start(Access::Loopback, limits).await;
    let mut reader = server.stream("/v1/events").await;
    reader.replay().await;

    let socket = TcpSocket::new_v4().unwrap();
    // So that little is enough to fill what the kernel takes for it.
    socket.set_recv_buffer_size(4096).unwrap();
    let mut lazy = socket.connect(server.address).await.unwrap();
    let request = b"GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    lazy.write_all(request).await.unwrap();
    let mut status = [0; 12];
    lazy.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    assert_eq!(
        server.status("/v1/events").await,
        StatusCode::SERVICE_UNAVAILABLE
    );

    for round in 0..8 {
        let newest = commit_payments(&server.store, round * 1000..(round + 1) * 1000).await;
        assert_eq!(reader.sequences(1000).await.last(), Some(&newest));
    }
    while server.status("/v1/events").await != StatusCode::OK {}
    drop(lazy);
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let server = Server::open().await;
    let mut stream = server.stream("/v1/events").await;
    stream.replay().await;
    server.shutdown.send(()).unwrap();
    assert_eq!(stream.next().await, None);
    server.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_quiet_stream_is_kept_alive_by_comments() {
    let limits = Limits {
        keep_alive: Duration::from_millis(10),
        ..Limits::default()
    };
    let server = Server::start(Access::Loopback, limits).await;
    let mut stream = server.stream("/v1/events").await;
    stream.replay().await;
    let comment = stream.response.chunk().await.unwrap().unwrap();
    assert!(comment.starts_with(b":"), "{comment:?}");
}

#[tokio::test]
async fn readiness_names_the_account_that_is_not_read_and_why() {
    let server = Server::open().await;
    assert_eq!(
        server.status("/readyz").await,
        StatusCode::SERVICE_UNAVAILABLE
    );
    let account = AccountHealth {
        name: AccountName::new("kilima-main").unwrap(),
        duty: Duty::Running,
        state: "signed in".to_owned(),
        interval: Duration::from_secs(30),
        last_poll: Some(Clock::System.now()),
        next_poll: None,
        next_login: None,
        logins_used: 1,
        logins_cap: 30,
    };
    let stopped = AccountHealth {
        name: AccountName::new("kilima-till").unwrap(),
        duty: Duty::Stopped,
        state: "the password was refused".to_owned(),
        ..account.clone()
    };
    let say = |accounts: Vec<AccountHealth>| {
        server.health.send_replace(Health {
            accounts,
            sinks: Vec::new(),
        });
    };
    say(vec![account.clone()]);
    assert_eq!(server.status("/readyz").await, StatusCode::OK);
    say(vec![account, stopped]);
    let answer = server.get("/readyz").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told: Value = answer.json().await.unwrap();
    assert_eq!(told["accounts"][0]["ready"], true);
    assert_eq!(told["accounts"][1]["ready"], false);
    assert_eq!(told["accounts"][1]["state"], "the password was refused");
    assert!(told["accounts"][1]["why"].is_string());
}

#[tokio::test]
async fn the_health_check_of_a_container_says_0_or_7() {
    let server = Server::open().await;
    let asks = |path: &str| {
        let url = format!("http://{}{path}", server.address).parse().unwrap();
        healthcheck::run(Healthcheck { url })
    };
    assert_eq!(asks("/healthz").await, Exit::Ok);
    assert_eq!(asks("/readyz").await, Exit::Unhealthy);
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/healthz", free.local_addr().unwrap());
    drop(free);
    let nobody = Healthcheck {
        url: url.parse().unwrap(),
    };
    assert_eq!(healthcheck::run(nobody).await, Exit::Unhealthy);
}
