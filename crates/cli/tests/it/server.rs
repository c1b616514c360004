//! A server process on a free port and a temporary folder, and commands against it.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

pub(crate) const KEY: &str = "cli-tests-key";

/// The binary under test, free of the settings of whoever runs the tests.
pub(crate) fn outcrop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_outcrop"));
    for name in [
        "DATA", "HTTP", "HTTPS", "LOG", "API_KEY", "SERVER", "CA_FILE",
    ] {
        command.env_remove(format!("OUTCROP_{name}"));
    }
    command.stdin(Stdio::null());
    command
}

/// Ends with the value.
pub(crate) struct Server {
    child: Child,
    /// What it said until it was ready.
    pub(crate) message: String,
    /// Its address.
    pub(crate) url: String,
}

impl Server {
    /// A server with [`KEY`] as its key.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, |command| command.env("OUTCROP_API_KEY", KEY))
    }

    /// A server whose command line or environment is changed by `change`.
    pub(crate) fn start_with(
        data: &Path,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Self {
        let mut command = outcrop();
        command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--http", "127.0.0.1:0"]);
        let mut child = change(&mut command).stdout(Stdio::piped()).spawn().unwrap();
        let mut message = String::new();
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            message.push_str(&line);
            message.push('\n');
            if line.starts_with("Ready") {
                break;
            }
        }
        let url = message
            .split_whitespace()
            .find(|word| word.starts_with("http://"))
            .unwrap_or_else(|| panic!("the server did not start: {message}"))
            .to_owned();
        Self {
            child,
            message,
            url,
        }
    }

    /// A command that knows the address and the key.
    pub(crate) fn client(&self, arguments: &[&str]) -> Command {
        let mut command = outcrop();
        command
            .args(arguments)
            .env("OUTCROP_SERVER", &self.url)
            .env("OUTCROP_API_KEY", KEY);
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::new(&self.client(arguments).output().unwrap())
    }

    /// Runs a command that reads `input`.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut child = self
            .client(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        Ran::new(&child.wait_with_output().unwrap())
    }

    /// The rows of a query, one JSON object per line.
    pub(crate) fn rows(&self, query: &str) -> String {
        let ran = self.run(&["sql", query, "--format", "json"]);
        assert_eq!(ran.code, 0, "{query}: {}", ran.stderr);
        ran.stdout
    }

    /// Sends a signal by its name, as `kill -TERM` does, and waits; the exit code.
    pub(crate) fn signal(mut self, name: &str) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &id])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    fn new(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

/// Runs a command that needs no server.
pub(crate) fn run(command: &mut Command) -> Ran {
    Ran::new(&command.output().unwrap())
}

/// A server on a new folder, and the folder.
pub(crate) fn fresh() -> (TempDir, Server) {
    let folder = TempDir::new().unwrap();
    let server = Server::start(&folder.path().join("data"));
    (folder, server)
}
