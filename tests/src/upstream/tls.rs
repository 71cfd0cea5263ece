//! A certificate authority for one test, and the certificate of one upstream.
#![expect(clippy::expect_used, reason = "a fixture that does not start is a failed test")]

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What an upstream proves itself with.
pub(super) struct Identity {
    /// Who vouches for it, for its callers.
    pub(super) ca_pem: String,
    /// Its side of a handshake.
    pub(super) acceptor: TlsAcceptor,
}

impl Identity {
    /// For this host name, from an authority made for it alone.
    pub(super) fn issue(host: &str) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Not the default, which the upstream has: who vouches for himself is believed by nobody.
        authority.distinguished_name.push(DnType::CommonName, "authority of one test");
        let authority_key = new_key();
        let ca = authority.self_signed(&authority_key).expect("an authority can vouch for itself");
        let issuer = Issuer::new(authority, authority_key);

        let key = new_key();
        let certificate = CertificateParams::new([host.to_owned()])
            .and_then(|params| params.signed_by(&key, &issuer))
            .expect("the host is a DNS name");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key just made is a key");
        let mut config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self { ca_pem: ca.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("the system gives random bytes")
}
