//! Connections whose peer stops reading, or says nothing, are dropped: a stream costs a place, and its reader can
//! resume; an open connection costs a file, of which a process has few.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};

use super::Limits;

/// Accepts connections that wait for their peer no longer than the limits.
pub(super) struct Impatient {
    listener: TcpListener,
    limits: Limits,
}

impl Impatient {
    pub(super) fn new(listener: TcpListener, limits: Limits) -> Self {
        Self { listener, limits }
    }
}

impl Listener for Impatient {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        let connection = Connection {
            stream,
            stall: Wait::of(self.limits.stall),
            idle: Wait::of(self.limits.idle),
        };
        (connection, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that fails when one write waits too long, or when no byte moves either way for too long.
pub(super) struct Connection {
    stream: TcpStream,
    stall: Wait,
    idle: Wait,
}

/// How long something has been waited for.
struct Wait {
    limit: Duration,
    over: Option<Pin<Box<Sleep>>>,
}

impl Wait {
    fn of(limit: Duration) -> Self {
        Self { limit, over: None }
    }

    /// Passes on an answer, unless it has been waited for past the limit.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        answer: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if answer.is_ready() {
            self.over = None;
            return answer;
        }
        let limit = self.limit;
        let over = self.over.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(over.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Begins to wait anew.
    fn restart(&mut self) {
        if let Some(over) = &mut self.over {
            over.as_mut().reset(sleep(self.limit).deadline());
        }
    }
}

impl Connection {
    fn written(
        &mut self,
        context: &mut Context<'_>,
        answer: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if answer.is_ready() {
            self.idle.restart();
        }
        self.stall.judge(context, answer)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.idle.judge(context, answer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, answer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, answer)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::pin::pin;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_connection_on_which_no_byte_moves_is_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits::default();
        let mut listener = Impatient::new(listener, limits);
        let _silent = TcpStream::connect(address).await.unwrap();
        let (mut connection, _) = listener.accept().await;
        let half = limits.idle / 2;
        assert!(timeout(half, connection.read_u8()).await.is_err());
        connection.write_all(b":").await.unwrap();
        let mut read = pin!(connection.read_u8());
        let most = timeout(limits.idle - half / 2, &mut read).await;
        assert!(most.is_err(), "what is written counts");
        let answer = timeout(half, read).await.unwrap().unwrap_err();
        assert_eq!(answer.kind(), io::ErrorKind::TimedOut);
    }
}
