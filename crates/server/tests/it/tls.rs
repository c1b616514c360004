//! The TLS listener and its certificates.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use outcrop_server::CA_PATH;
use outcrop_storage::ObjectPath;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Rig;

fn connector(ca: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn get(address: SocketAddr, ca: &[u8], name: &'static str) -> std::io::Result<String> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(name).unwrap();
    let mut stream = connector(ca).connect(name, stream).await?;
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await?;
    let mut response = String::new();
    // Some servers close without the closing message; what came before it counts.
    let _ = stream.read_to_string(&mut response).await;
    Ok(response)
}

async fn rig() -> Rig {
    Rig::start_with(|config| {
        config.https = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_trust_the_authority_get_in_under_every_name() {
    let rig = rig().await;
    let ca = rig.disk.contents(&ObjectPath::new(CA_PATH)).unwrap();
    assert!(!String::from_utf8_lossy(&ca).contains("PRIVATE"));
    let address = rig.server().https_addr().unwrap();
    for name in [
        "localhost",
        "127.0.0.1",
        "::1",
        "api.rockset.com",
        "api.local.rockset.com",
        "x.local.rockset.com",
    ] {
        let response = get(address, &ca, name).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 200 "), "{name}: {response}");
        assert!(
            response.ends_with(r#"{"message":"GO ROCKSET!"}"#),
            "{name}: {response}"
        );
    }
    assert!(get(address, &ca, "example.com").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_stays_and_the_authority_file_is_made_again() {
    let rig = rig().await;
    let path = ObjectPath::new(CA_PATH);
    let ca = rig.disk.contents(&path).unwrap();
    let mut rig = rig.stopped().await;
    use outcrop_storage::env::Disk;
    rig.disk.remove(&path).unwrap();
    rig.start_again(|config| {
        config.https = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    })
    .await;
    assert_eq!(rig.disk.contents(&path).unwrap(), ca);
    get(rig.server().https_addr().unwrap(), &ca, "localhost")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_tls_no_certificate_is_made() {
    let rig = Rig::start().await;
    assert_eq!(rig.server().https_addr(), None);
    assert!(rig.disk.contents(&ObjectPath::new(CA_PATH)).is_none());
}
