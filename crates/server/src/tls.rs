//! The certificate of the TLS listener, made at the first start.
//!
//! An authority is made, signs one certificate for the names under which clients reach a server of
//! their own, and its key is thrown away: whoever trusts the authority trusts that certificate and
//! nothing else. `tls/server.pem` holds the chain and the private key, `tls/ca.pem` what clients
//! have to trust.

use std::io::{self, Write};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::Offset;
use outcrop_storage::ObjectPath;
use outcrop_storage::env::Environment;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Below the data folder: the certificate that clients have to trust.
pub const CA_PATH: &str = "tls/ca.pem";

/// Below the data folder: chain and private key.
const SERVER_PATH: &str = "tls/server.pem";

/// The names of the certificate. Several clients insist on a host below `rockset.com`, which a
/// local alias can point here.
const NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "*.rockset.com",
    "api.local.rockset.com",
    "*.local.rockset.com",
];

/// Years that the certificates are valid. Renewing means removing the folder `tls`.
const VALID_YEARS: i32 = 10;

/// TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The files cannot be read or written.
    #[error("cannot {action} `{path}`")]
    Io {
        /// What was being done: a verb.
        action: &'static str,
        /// The file below the data folder.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The certificate cannot be made.
    #[error("cannot make a certificate")]
    Generate(#[from] rcgen::Error),
    /// The file does not hold what it should.
    #[error("cannot read the certificates or the key in `tls/server.pem`")]
    Pem(#[from] rustls::pki_types::pem::Error),
    /// The certificates and the key cannot be used.
    #[error("cannot use the certificates and the key in `tls/server.pem`")]
    Rustls(#[from] rustls::Error),
}

/// The set-up of the listener, with the certificates of the data folder. Makes them if they are
/// not there. Blocks.
///
/// # Errors
/// See [`TlsError`].
pub(crate) fn server_config(environment: &Environment) -> Result<Arc<ServerConfig>, TlsError> {
    let pem = match read(environment, SERVER_PATH)? {
        Some(pem) => pem,
        None => {
            let pem = generate(environment.clock.now_micros())?;
            create(environment, SERVER_PATH, pem.as_bytes())?;
            pem.into_bytes()
        }
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&pem)?;
    // The authority is the last of the chain, so that its own file can always be made again.
    if read(environment, CA_PATH)?.is_none() {
        create(environment, CA_PATH, last_certificate(&pem))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Arc::new(config))
}

/// Private key, certificate and authority, in this order.
fn generate(now_micros: i64) -> Result<String, rcgen::Error> {
    let mut authority = CertificateParams::new(Vec::<String>::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority
        .distinguished_name
        .push(DnType::CommonName, "Outcrop local authority");
    authority.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    set_validity(&mut authority, now_micros);
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let mut server = CertificateParams::new(NAMES.map(str::to_owned))?;
    server
        .distinguished_name
        .push(DnType::CommonName, "Outcrop server");
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    server.use_authority_key_identifier_extension = true;
    set_validity(&mut server, now_micros);
    let server_key = KeyPair::generate()?;
    let server_certificate = server.signed_by(&server_key, &issuer)?;
    Ok([
        server_key.serialize_pem(),
        server_certificate.pem(),
        authority_certificate.pem(),
    ]
    .concat())
}

/// From the first day of last year on, so that clocks may differ.
fn set_validity(params: &mut CertificateParams, now_micros: i64) {
    let now = Timestamp::from_microsecond(now_micros).unwrap_or_default();
    let year = i32::from(Offset::UTC.to_datetime(now).year());
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + VALID_YEARS, 1, 1);
}

/// The text of the last certificate of a chain.
fn last_certificate(pem: &[u8]) -> &[u8] {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    let start = pem
        .windows(BEGIN.len())
        .rposition(|window| window == BEGIN)
        .unwrap_or_default();
    &pem[start..]
}

fn read(environment: &Environment, path: &'static str) -> Result<Option<Vec<u8>>, TlsError> {
    match environment.disk.read(&ObjectPath::new(path)) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Io {
            action: "read",
            path,
            source,
        }),
    }
}

fn create(environment: &Environment, path: &'static str, bytes: &[u8]) -> Result<(), TlsError> {
    let mut contents = |writer: &mut (dyn Write + Send)| writer.write_all(bytes);
    let created = environment
        .disk
        .create(&ObjectPath::new(path), &mut contents);
    created.map(drop).map_err(|source| TlsError::Io {
        action: "create",
        path,
        source,
    })
}
