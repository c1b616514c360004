//! A server on a real folder.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use outcrop_server::{Server, ServerConfig, StartError};

fn config(folder: &Path) -> ServerConfig {
    ServerConfig::new(folder, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_on_the_folder_is_refused_until_the_first_has_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start(config(folder.path())).await.unwrap();
    assert!(first.bootstrap_key().is_some());
    let error = Server::start(config(folder.path())).await.unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains(&folder.path().display().to_string()),
        "{message}"
    );
    first.shutdown().await.unwrap();
    let second = Server::start(config(folder.path())).await.unwrap();
    assert_eq!(second.bootstrap_key(), None);
    second.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_in_use_is_told_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut config = config(folder.path());
    config.http = taken.local_addr().unwrap();
    let error = Server::start(config.clone()).await.unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    assert!(
        error.to_string().contains(&config.http.to_string()),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_a_file_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = Server::start(config(file.path())).await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_private_key_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.https = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let server = Server::start(config).await.unwrap();
    let key = folder.path().join("tls/server.pem");
    let mode = key.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{mode:o}");
    server.shutdown().await.unwrap();
}
