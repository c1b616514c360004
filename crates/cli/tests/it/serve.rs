//! `outcrop serve`: its start, its stop, and why it may not start.

use crate::server::{KEY, Server, fresh, outcrop, run};
use std::net::TcpListener;
use tempfile::TempDir;

#[test]
fn the_first_start_prints_a_key_and_the_second_does_not() {
    let folder = TempDir::new().unwrap();
    let server = Server::start_with(folder.path(), |command| command);
    let key = server
        .message
        .lines()
        .find_map(|line| line.trim().strip_prefix("key "))
        .and_then(|line| line.split_whitespace().next())
        .expect("the first start prints the key")
        .to_owned();
    assert_eq!(key.len(), 64);
    let ran = run(server
        .client(&["sql", "SELECT 1 AS one", "--format", "json"])
        .env("OUTCROP_API_KEY", &key));
    assert_eq!(ran.stdout, "{\"one\":1}\n", "{}", ran.stderr);
    assert_eq!(server.signal("TERM"), Some(0));

    let server = Server::start_with(folder.path(), |command| command);
    assert!(!server.message.contains("key "), "{}", server.message);
    let ran = run(server
        .client(&["sql", "SELECT 1 AS one"])
        .env("OUTCROP_API_KEY", &key));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn the_line_to_copy_works() {
    let (_folder, server) = fresh();
    let line: String = server
        .message
        .lines()
        .skip_while(|line| !line.trim_start().starts_with("curl"))
        .take_while(|line| !line.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    let ran = run(std::process::Command::new("bash")
        .args(["-c", &line])
        .env("OUTCROP_API_KEY", KEY));
    assert!(
        ran.stdout.contains("\"results\":[{\"one\":1}]"),
        "{line}\n{ran:?}"
    );
}

#[test]
fn signals_stop_the_server_with_exit_code_0() {
    for signal in ["TERM", "INT"] {
        let (_folder, server) = fresh();
        assert_eq!(server.signal(signal), Some(0));
    }
}

#[test]
fn settings_come_from_the_environment_too() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("elsewhere");
    let server = Server::start_with(folder.path(), |command| {
        command
            .env("OUTCROP_HTTPS", "127.0.0.1:0")
            .env("OUTCROP_LOG", "error")
    });
    assert!(
        server.message.contains("https://127.0.0.1:"),
        "{}",
        server.message
    );
    assert!(
        server.message.contains("SSL_CERT_FILE=/"),
        "{}",
        server.message
    );
    drop(server);
    let ran = run(outcrop()
        .args(["serve", "--http", "256.0.0.1:1"])
        .env("OUTCROP_DATA", &data));
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(!data.exists());
}

#[test]
fn tls_is_served_with_the_generated_authority() {
    let folder = TempDir::new().unwrap();
    let server = Server::start_with(folder.path(), |command| {
        command
            .env("OUTCROP_API_KEY", KEY)
            .args(["--https", "127.0.0.1:0"])
    });
    let https = server
        .message
        .split_whitespace()
        .find(|word| word.starts_with("https://"))
        .unwrap();
    let ca = folder.path().join("tls/ca.pem");
    let query = [
        "sql",
        "SELECT 1 AS one",
        "--format",
        "json",
        "--server",
        https,
    ];
    let ran = run(server.client(&query).arg("--ca-file").arg(&ca));
    assert_eq!(ran.stdout, "{\"one\":1}\n", "{}", ran.stderr);
    let ran = run(&mut server.client(&query));
    assert_eq!(
        ran.code, 1,
        "a certificate that nobody trusts must be refused"
    );
}

/// A start that cannot work ends with exit code 1 and one message.
fn refused(arguments: &[&str], expected: &str) {
    let ran = run(outcrop().arg("serve").args(arguments));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.starts_with("outcrop: "), "{}", ran.stderr);
    assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    assert_eq!(ran.stderr.trim_end().lines().count(), 1, "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_port_in_use_is_one_clear_message() {
    let folder = TempDir::new().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().to_str().unwrap();
    refused(
        &["--data", data, "--http", &address],
        &format!("cannot listen on `{address}`"),
    );
}

#[test]
fn a_folder_in_use_is_one_clear_message() {
    let (folder, _server) = fresh();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    refused(
        &["--data", data, "--http", "127.0.0.1:0"],
        "it is in use by process",
    );
}

#[test]
fn a_folder_that_is_a_file_is_one_clear_message() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("file");
    std::fs::write(&data, "not a folder").unwrap();
    let data = data.to_str().unwrap();
    refused(&["--data", data, "--http", "127.0.0.1:0"], "file");
}

#[test]
fn a_wrong_log_filter_is_one_clear_message() {
    refused(&["--log", "a=b=c"], "is not a filter");
}
