//! `[http]`: the event stream and the health endpoints. Without the section there is no server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::value::path;
use crate::diagnostic::table::{Table, wrong};

/// Where the server listens, and who may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Http {
    /// `listen`: address and port; port 0 takes any free one. Default `127.0.0.1:9464`.
    pub listen: SocketAddr,
    /// `token_file`: file with the bearer token that readers of the stream must send. Unset: no token, which is
    /// possible on loopback only.
    pub token_file: Option<PathBuf>,
}

pub(super) fn read(section: &Table<'_>, dir: &Path) -> Option<Http> {
    let listen = section.value("listen", "\"127.0.0.1:9464\"");
    let address = match &listen {
        Some(value) => value.parse(|text| {
            text.parse::<SocketAddr>().map_err(|_| {
                wrong(
                    "is no address and port",
                    "write such as `127.0.0.1:9464`, `0.0.0.0:9464` or `[::1]:9464`",
                )
            })
        })?,
        None => SocketAddr::from(([127, 0, 0, 1], 9464)),
    };
    let token_file = section.optional("token_file", "\"/run/secrets/stream_token\"", path(dir));
    if let (Some(listen), false) = (
        listen,
        section.has("token_file") || address.ip().is_loopback(),
    ) {
        return listen.wrong(
            "is open to other machines without a token",
            "listen on 127.0.0.1, or add `token_file = \"/run/secrets/stream_token\"`",
        );
    }
    Some(Http {
        listen: address,
        token_file,
    })
}
