//! A small blocking client of the REST API, shared by the commands.

use clap::Args;
use outcrop_api::error::ErrorModel;
use serde::de::DeserializeOwned;
use std::path::PathBuf;
use std::time::Duration;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The longest answer that is read: the largest result that a server gives, with room to spare.
const RESPONSE_BYTES_MAX: u64 = 1 << 30;
/// A server that does not even accept a connection for this long is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The options with which every client command finds its server.
#[derive(Args, Clone)]
pub(crate) struct Connection {
    /// Address of the server
    #[arg(
        long,
        env = "OUTCROP_SERVER",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    server: String,
    /// API key, as printed when the server started for the first time
    #[arg(
        long,
        env = "OUTCROP_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    api_key: Option<String>,
    /// Certificate authority (PEM) to trust for an https server, such as the `ca.pem` beside its data
    #[arg(long, env = "OUTCROP_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Why a request has no answer to work with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nothing answered.
    #[error("cannot reach the server at `{server}`")]
    Unreachable {
        /// As given by `--server`.
        server: String,
        /// What went wrong below.
        source: Box<ureq::Error>,
    },
    /// The server answered with an error.
    #[error("{}", .error.message)]
    Refused {
        /// HTTP status.
        status: u16,
        /// The body of the answer.
        error: Box<ErrorModel>,
    },
    /// What answered does not speak the API.
    #[error(
        "the server at `{server}` answered {status} with something that is not the expected JSON"
    )]
    Garbled {
        /// As given by `--server`.
        server: String,
        /// HTTP status.
        status: u16,
        /// Where the JSON went wrong.
        source: serde_json::Error,
    },
    /// The certificate file cannot be used.
    #[error("cannot read a certificate from `{path}`: {reason}")]
    Certificate {
        /// As given by `--ca-file`.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// No key was given.
    #[error("an API key is needed: give `--api-key KEY` or set OUTCROP_API_KEY")]
    NoKey,
}

/// A connection pool to one server.
pub(crate) struct Client {
    agent: ureq::Agent,
    server: String,
    authorization: String,
}

impl Client {
    /// Prepares the client; sends nothing yet.
    pub(crate) fn new(connection: &Connection) -> Result<Self, ClientError> {
        let key = connection
            .api_key
            .as_deref()
            .filter(|key| !key.is_empty())
            .ok_or(ClientError::NoKey)?;
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_idle_connections_per_host(64)
            .user_agent(concat!("outcrop/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &connection.ca_file {
            let roots = RootCerts::new_with_certs(&read_certificates(path)?);
            config = config.tls_config(TlsConfig::builder().root_certs(roots).build());
        }
        Ok(Self {
            agent: config.build().new_agent(),
            server: connection.server.trim_end_matches('/').to_owned(),
            authorization: format!("ApiKey {key}"),
        })
    }

    /// Reads a resource below `/v1/orgs/self/`.
    pub(crate) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        let request = self
            .agent
            .get(self.url(path))
            .header("authorization", &self.authorization);
        self.answer(request.call())
    }

    /// Posts a JSON body to a path below `/v1/orgs/self/`.
    pub(crate) fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &[u8],
    ) -> Result<T, ClientError> {
        let request = self
            .agent
            .post(self.url(path))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json");
        self.answer(request.send(body))
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/orgs/self/{path}", self.server)
    }

    fn answer<T: DeserializeOwned>(
        &self,
        result: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<T, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            server: self.server.clone(),
            source: Box::new(source),
        };
        let response = result.map_err(unreachable)?;
        let status = response.status().as_u16();
        let body = response
            .into_body()
            .into_with_config()
            .limit(RESPONSE_BYTES_MAX)
            .read_to_vec()
            .map_err(unreachable)?;
        let garbled = |source| ClientError::Garbled {
            server: self.server.clone(),
            status,
            source,
        };
        if (200..300).contains(&status) {
            return serde_json::from_slice(&body).map_err(garbled);
        }
        let error = serde_json::from_slice(&body).map_err(garbled)?;
        Err(ClientError::Refused {
            status,
            error: Box::new(error),
        })
    }
}

fn read_certificates(path: &PathBuf) -> Result<Vec<Certificate<'static>>, ClientError> {
    let wrong = |reason: String| ClientError::Certificate {
        path: path.clone(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| wrong(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it holds none".to_owned()));
    }
    Ok(certificates)
}

/// One path segment of a URL, percent-encoded.
pub(crate) fn segment(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn a_segment_encodes_what_would_change_the_path() {
        assert_eq!(segment("a.b-c_1"), "a.b-c_1");
        assert_eq!(segment("a/b?ü"), "a%2Fb%3F%C3%BC");
    }
}
