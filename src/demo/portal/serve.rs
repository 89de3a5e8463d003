//! Accepts connections and serves HTTP/1.1 on them; when dropped, the port and every connection go with it.
//!
//! Not `axum::serve`: a portal must be able to close a connection without an answer, and to go down while requests hang.

use axum::Router;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::web::CloseConnection;

/// Connections served at once; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 256;
/// How long the accept loop rests when the system has no connection to give (out of file descriptors).
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// How long a visitor may take to hear why it gets no TLS.
const ALERT_LIMIT: Duration = Duration::from_secs(2);

/// The request was to be answered with a closed connection.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed as a fault asks for")]
struct ClosedByFault;

/// Serves until `stop` fires or its sender is gone, then ends every connection, and returns when nothing is left.
pub(in crate::demo) async fn serve(
    listener: TcpListener,
    routes: Router,
    tls: Option<TlsAcceptor>,
    mut stop: oneshot::Receiver<()>,
) {
    // Owned here: a future dropped at any await takes its connections along.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let (tls, routes) = (tls.clone(), routes.clone());
                    connections.spawn(async move {
                        match tls {
                            None => connection(stream, routes).await,
                            Some(tls) => match tls.accept(stream).into_fallible().await {
                                Ok(stream) => connection(stream, routes).await,
                                Err((error, stream)) => {
                                    // A visitor without the right certificate: no news either.
                                    tracing::debug!(%error, "no TLS at the demo portal");
                                    let _given_up = timeout(ALERT_LIMIT, let_go(stream)).await;
                                }
                            },
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the demo portal could not accept a connection");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            },
            Some(_) = connections.join_next() => {}
            _ = &mut stop => break,
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Waits until the visitor has read the alert on the connection and ended it: one that is closed first takes it along.
async fn let_go(mut stream: TcpStream) {
    let mut rest = [0; 4096];
    while let Ok(1..) = stream.read(&mut rest).await {}
}

async fn connection(stream: impl AsyncRead + AsyncWrite + Unpin, routes: Router) {
    let routes = TowerToHyperService::new(routes);
    let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
        let answer = routes.call(request);
        async move {
            match answer.await {
                Ok(answer) if answer.extensions().get::<CloseConnection>().is_some() => {
                    Err(ClosedByFault)
                }
                Ok(answer) => Ok(answer),
                Err(never) => match never {},
            }
        }
    });
    // A client that goes away, and a fault that closes, end here: neither is news.
    if let Err(error) = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "a connection of the demo portal ended early");
    }
}
