//! Connections to the WebDriver, http or https, that can be cut from outside.
//!
//! Dropping a fantoccini client does not end its request: the task goes on waiting for the answer. Against a
//! WebDriver that hangs, each lost session would leave a task and a socket behind. So every connection
//! watches a flag, and a read on a cut one fails.

use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tower_service::Service;
use url::Url;

/// Connects over http or https; its connections end when the flag becomes true.
#[derive(Clone)]
pub(super) struct Connector {
    inner: HttpsConnector<HttpConnector>,
    cut: watch::Receiver<bool>,
}

impl Connector {
    /// For the WebDriver at `url`. The certificates of the machine are read only for https.
    ///
    /// # Errors
    /// The machine has no CA certificates, or TLS cannot be set up.
    pub(super) fn new(
        url: &Url,
        connect_limit: Duration,
        cut: watch::Receiver<bool>,
    ) -> io::Result<Self> {
        let tls =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .map_err(io::Error::other)?;
        let tls = if url.scheme() == "https" {
            tls.with_native_roots()?
        } else {
            tls.with_root_certificates(RootCertStore::empty())
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(connect_limit));
        let inner = HttpsConnectorBuilder::new()
            .with_tls_config(tls.with_no_client_auth())
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { inner, cut })
    }
}

type Inner = HttpsConnector<HttpConnector>;

impl Service<Uri> for Connector {
    type Response = Line;
    type Error = <Inner as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Line, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.inner.call(uri);
        let mut cut = self.cut.clone();
        Box::pin(async move {
            Ok(Line {
                io: connecting.await?,
                is_cut: false,
                cut: Box::pin(async move {
                    // A sender that is gone is a session that ended well: its last request may go on.
                    if cut.wait_for(|cut| *cut).await.is_err() {
                        pending::<()>().await;
                    }
                }),
            })
        })
    }
}

/// One connection.
pub(super) struct Line {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    cut: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_cut: bool,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.io.connected()
    }
}

impl Read for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_cut || self.cut.as_mut().poll(cx).is_ready() {
            self.is_cut = true;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        ready!(Pin::new(&mut self.io).poll_read(cx, buf))?;
        Poll::Ready(Ok(()))
    }
}

impl Write for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
