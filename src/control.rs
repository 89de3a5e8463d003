//! Commands beside a running agent, over a Unix socket.
