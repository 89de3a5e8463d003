//! The way to a portal: through a proxy, to a certificate of an own authority, with a certificate of the client's.
//!
//! A local browser has an NSS database in a HOME of its own for it, made for one run. Chromium on Linux reads `$HOME/.pki/nssdb` (<https://chromium.googlesource.com/chromium/src/+/HEAD/docs/linux/cert_management.md>).
//! Certificate errors are never waved through: an authority is trusted for servers, by this browser only. The client's key is in
//! the run's directory as long as the browser runs, readable by its owner only.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use hyper_rustls::ConfigBuilderExt;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use serde_json::{Value as Json, json};
use url::Url;

use crate::selectors::Origin;

/// How one account gets to its portal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// HTTP proxy for every request, loopback included: `http://host:port`.
    pub proxy: Option<Url>,
    /// PEM file with the certificates of the authorities that may speak for the portal, beside the system's.
    pub ca: Option<PathBuf>,
    /// PEM file with the client's certificate and its key, readable by its owner only.
    pub client_certificate: Option<PathBuf>,
}

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub(super) enum RouteError {
    #[error("`{}` cannot be read: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("`{}` holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)", path.display())]
    NoCertificate { path: PathBuf },
    #[error("`{}` holds a key and is readable by others: make it mode 0400", path.display())]
    Open { path: PathBuf },
    #[error(
        "the certificates of a browser are put in place with `{program}`, which does not start ({error}): install it (Debian: apt-get install libnss3-tools openssl)"
    )]
    NoTool {
        program: &'static str,
        error: io::Error,
    },
    #[error("`{program}` does not take the certificates of `{}`: is the file PEM, with a certificate and, for a client, its key?", path.display())]
    Refused {
        program: &'static str,
        path: PathBuf,
    },
}

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

impl Route {
    /// Are there certificates to put in place?
    pub(super) fn has_certificates(&self) -> bool {
        self.ca.is_some() || self.client_certificate.is_some()
    }

    /// The WebDriver capability `proxy`. Chromium goes past a proxy to loopback unless told otherwise.
    pub(super) fn capability(&self) -> Option<Json> {
        let proxy = self.proxy.as_ref()?;
        let host = proxy.host_str()?;
        let at = format!("{host}:{}", proxy.port_or_known_default()?);
        Some(json!({
            "proxyType": "manual", "httpProxy": at, "sslProxy": at, "noProxy": ["<-loopback>"]
        }))
    }

    /// The browser's preference to show the client's certificate to the pinned origin without asking, and to nobody else.
    pub(super) fn preference(&self, pin: &Origin) -> Option<(&'static str, Json)> {
        self.client_certificate.as_ref()?;
        let url = Url::parse(&pin.to_string()).ok()?;
        let port = url.port_or_known_default()?;
        let pattern = format!("{}://{}:{port},*", url.scheme(), url.host_str()?);
        let any = json!({ "setting": { "filters": [{}] } });
        Some((
            "profile.content_settings.exceptions.auto_select_certificate",
            json!({ pattern: any }),
        ))
    }

    /// Makes the database in `home`.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub(super) fn put_in_place(&self, home: &Path) -> Result<(), RouteError> {
        let database = home.join(".pki/nssdb");
        let file = |path: &Path, error| RouteError::File {
            path: path.to_owned(),
            error,
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&database)
            .map_err(|error| file(&database, error))?;
        let sql = format!("sql:{}", database.display());
        run("certutil", &["-N", "-d", &sql, "--empty-password"], home)?;
        if let Some(ca) = &self.ca {
            let text = fs::read_to_string(ca).map_err(|error| file(ca, error))?;
            let one = home.join("authority.pem");
            let mut certificates = blocks(&text).peekable();
            if certificates.peek().is_none() {
                return Err(RouteError::NoCertificate { path: ca.clone() });
            }
            for (number, certificate) in certificates.enumerate() {
                private(&one, certificate).map_err(|error| file(&one, error))?;
                let name = format!("authority {number}");
                let import = one.to_string_lossy();
                let args = ["-A", "-d", &sql, "-n", &name, "-t", "C,,", "-i", &import];
                run("certutil", &args, ca)?;
            }
        }
        match &self.client_certificate {
            Some(client) => import_client(client, home, &sql),
            None => Ok(()),
        }
    }
}

impl Route {
    /// The same for a client without a browser. With an authority of its own only that one is believed.
    ///
    /// # Errors
    /// What is wrong with a file; nothing of its text.
    pub(super) fn tls(
        &self,
        builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    ) -> Result<ClientConfig, String> {
        let said = |path: &Path, what: String| format!("`{}`: {what}", path.display());
        let builder = match &self.ca {
            Some(ca) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(ca)? {
                    roots
                        .add(certificate)
                        .map_err(|error| said(ca, error.to_string()))?;
                }
                builder.with_root_certificates(roots)
            }
            None => builder
                .with_native_roots()
                .map_err(|error| error.to_string())?,
        };
        let Some(client) = &self.client_certificate else {
            return Ok(builder.with_no_client_auth());
        };
        let key = PrivateKeyDer::from_pem_file(client)
            .map_err(|_| said(client, "no private key in it".to_owned()))?;
        builder
            .with_client_auth_cert(certificates(client)?, key)
            .map_err(|error| said(client, error.to_string()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|_| format!("`{}`: no certificate in PEM", path.display()))
}

/// Chromium's names for a portal that wants a client certificate, or another one (net/base/net_error_list.h).
pub(super) fn wants_certificate(network: &str) -> bool {
    network.contains("CLIENT_AUTH")
}

fn import_client(client: &Path, home: &Path, sql: &str) -> Result<(), RouteError> {
    let file = |error| RouteError::File {
        path: client.to_owned(),
        error,
    };
    let mode = fs::metadata(client).map_err(file)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(RouteError::Open {
            path: client.to_owned(),
        });
    }
    // Made before it is written, so that nobody else may read it at any time.
    let bundle = home.join("client.p12");
    private(&bundle, "").map_err(file)?;
    let (from, to) = (client.to_string_lossy(), bundle.to_string_lossy());
    let export = [
        "pkcs12", "-export", "-in", &from, "-name", "client", "-passout", "pass:", "-out", &to,
    ];
    run("openssl", &export, client)?;
    run("pk12util", &["-i", &to, "-d", sql, "-W", ""], client)?;
    fs::remove_file(&bundle).map_err(file)
}

/// Each certificate of a PEM file.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(BEGIN).filter_map(|(start, _)| {
        let rest = text.get(start..)?;
        let end = rest.find(END)? + END.len();
        rest.get(..end)
    })
}

fn private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())
}

/// Runs a tool on the certificates of `path`. What it prints may name people: it is not kept.
fn run(program: &'static str, args: &[&str], path: &Path) -> Result<(), RouteError> {
    let status = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(|error| RouteError::NoTool { program, error })?;
    if status.success() {
        Ok(())
    } else {
        let path = path.to_owned();
        Err(RouteError::Refused { program, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_certificate_of_a_file_is_found() {
        let one = format!("{BEGIN}\nAAAA\n{END}");
        let text =
            format!("# a note\n{one}\n-----BEGIN PRIVATE KEY-----\nBBBB\n{one}\n{BEGIN}\ncut");
        assert_eq!(blocks(&text).collect::<Vec<_>>(), [one.as_str(), &one]);
    }
}
