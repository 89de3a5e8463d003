//! Certificates of a demo portal that lets nobody in without one: an authority of its own, invented at start.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// They could not be made.
    #[error("failed to make a certificate: {0}")]
    Made(#[from] rcgen::Error),
    /// They could not be used.
    #[error("failed to use a certificate: {0}")]
    Used(#[from] rustls::Error),
    /// The verifier of client certificates.
    #[error("failed to check client certificates: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// An authority, the portal's own certificate for `localhost`, and one for a client.
pub struct Tls {
    ca: CertificateDer<'static>,
    ca_pem: String,
    own: (CertificateDer<'static>, Vec<u8>),
    client_pem: String,
    demands_client: bool,
}

impl Tls {
    /// Makes new ones. With `demands_client` nobody comes in without the client certificate.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(demands_client: bool) -> Result<Self, TlsError> {
        let mut params = named(Vec::new(), "Demo Portal Authority")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        let mut own = named(vec!["localhost".to_owned()], "localhost")?;
        own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let own_key = KeyPair::generate()?;
        let own = own.signed_by(&own_key, &ca)?;
        let mut client = named(Vec::new(), "Till 4")?;
        client.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client_key = KeyPair::generate()?;
        let client = client.signed_by(&client_key, &ca)?;
        Ok(Self {
            ca: ca.der().clone(),
            ca_pem: ca.pem(),
            own: (own.der().clone(), own_key.serialize_der()),
            client_pem: client.pem() + &client_key.serialize_pem(),
            demands_client,
        })
    }

    /// The authority's certificate, PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The client's certificate and its key (PKCS#8), PEM.
    #[must_use]
    pub fn client_pem(&self) -> &str {
        &self.client_pem
    }

    pub(super) fn acceptor(&self) -> Result<TlsAcceptor, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?;
        let config = if self.demands_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.clone())?;
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build()?;
            config.with_client_cert_verifier(verifier)
        } else {
            config.with_no_client_auth()
        };
        let (certificate, key) = &self.own;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.clone()));
        let config = config.with_single_cert(vec![certificate.clone()], key)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}

fn named(hosts: Vec<String>, name: &str) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
