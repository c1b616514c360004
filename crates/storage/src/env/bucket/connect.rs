//! From a URL and the environment variables of a vendor to a client.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::path::Path;
use object_store::{ClientConfigKey, ObjectStore, RetryConfig};

/// How long a connection may take to come about, unless the environment says otherwise: a host
/// that is down must not make every write wait for long.
const CONNECT_TIMEOUT: &str = "2 seconds";

/// How often a part of a large upload is sent again.
const REPEATS_MAX: usize = 4;

/// How long a part of a large upload is sent again.
const REPEAT_TIMEOUT: Duration = Duration::from_secs(30);

/// A bucket's URL, or the variables that belong to it, make no sense.
#[derive(Debug, thiserror::Error)]
pub enum BucketUrlError {
    /// The URL is none of a bucket.
    #[error("`{url}` is not the URL of a bucket: `s3://`, `gs://` or `az://`, a name and a prefix")]
    Url {
        /// The URL.
        url: String,
    },
    /// The client library does not take the settings.
    #[error("cannot set up the client of `{url}`")]
    Settings {
        /// The URL.
        url: String,
        /// What is wrong.
        source: object_store::Error,
    },
    /// The threads for requests cannot be started.
    #[error("cannot start the threads for requests to the bucket")]
    Threads(#[source] std::io::Error),
    /// The folder for the cache cannot be used.
    #[error("cannot use the cache folder `{folder}`")]
    Cache {
        /// The folder.
        folder: String,
        /// Why.
        source: std::io::Error,
    },
}

/// Whether `data` names a bucket rather than a folder.
#[must_use]
pub fn is_bucket_url(data: &str) -> bool {
    parse(data).is_some()
}

/// A vendor, and the part of a URL behind its scheme.
enum Vendor {
    S3,
    Google,
    Azure,
}

fn parse(url: &str) -> Option<(Vendor, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let vendor = match scheme {
        "s3" => Vendor::S3,
        "gs" => Vendor::Google,
        "az" => Vendor::Azure,
        _ => return None,
    };
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    Some((vendor, bucket, prefix.trim_end_matches('/')))
}

/// The clients of a bucket.
pub(super) struct Clients {
    /// Sends every request once: `retry` knows what may be sent again.
    pub(super) single: Arc<dyn ObjectStore>,
    /// Sends requests again by itself: for uploads in parts, where that does no harm.
    pub(super) repeating: Arc<dyn ObjectStore>,
    /// Where in the bucket the data is.
    pub(super) prefix: Path,
}

/// The clients of the bucket, and the prefix within it.
///
/// # Errors
/// See [`BucketUrlError`].
pub(super) fn connect(url: &str) -> Result<Clients, BucketUrlError> {
    let malformed = || BucketUrlError::Url {
        url: url.to_owned(),
    };
    let (vendor, bucket, prefix) = parse(url).ok_or_else(malformed)?;
    if bucket.is_empty() {
        return Err(malformed());
    }
    let prefix = Path::parse(prefix).map_err(|_not_a_path| malformed())?;
    let client = |retries: usize| {
        let retry = RetryConfig {
            max_retries: retries,
            retry_timeout: REPEAT_TIMEOUT,
            ..RetryConfig::default()
        };
        let client = match vendor {
            Vendor::S3 => s3(bucket, retry),
            Vendor::Google => google(bucket, retry),
            Vendor::Azure => azure(bucket, retry),
        };
        client.map_err(|source| BucketUrlError::Settings {
            url: url.to_owned(),
            source,
        })
    };
    Ok(Clients {
        single: client(0)?,
        repeating: client(REPEATS_MAX)?,
        prefix,
    })
}

fn is_unset(variable: &str) -> bool {
    std::env::var_os(variable).is_none()
}

fn s3(bucket: &str, retry: RetryConfig) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry);
    let client = AmazonS3ConfigKey::Client;
    if is_unset("AWS_CONNECT_TIMEOUT") {
        builder = builder.with_config(client(ClientConfigKey::ConnectTimeout), CONNECT_TIMEOUT);
    }
    // Whoever writes `http://` wants it.
    let endpoint = builder.get_config_value(&AmazonS3ConfigKey::Endpoint);
    if is_unset("AWS_ALLOW_HTTP") && endpoint.is_some_and(|url| url.starts_with("http://")) {
        builder = builder.with_config(client(ClientConfigKey::AllowHttp), "true");
    }
    Ok(Arc::new(builder.build()?))
}

fn google(bucket: &str, retry: RetryConfig) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry);
    if is_unset("GOOGLE_CONNECT_TIMEOUT") {
        let key = GoogleConfigKey::Client(ClientConfigKey::ConnectTimeout);
        builder = builder.with_config(key, CONNECT_TIMEOUT);
    }
    Ok(Arc::new(builder.build()?))
}

fn azure(container: &str, retry: RetryConfig) -> object_store::Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::from_env()
        .with_container_name(container)
        .with_retry(retry);
    if is_unset("AZURE_CONNECT_TIMEOUT") {
        let key = AzureConfigKey::Client(ClientConfigKey::ConnectTimeout);
        builder = builder.with_config(key, CONNECT_TIMEOUT);
    }
    Ok(Arc::new(builder.build()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_folders() {
        for url in ["s3://b", "s3://b/p/q", "gs://b/", "az://c/p"] {
            assert!(is_bucket_url(url), "{url}");
        }
        for folder in ["./data", "/srv/outcrop", "s3:/b", "file:///srv", "C:\\data"] {
            assert!(!is_bucket_url(folder), "{folder}");
        }
    }

    #[test]
    fn a_url_without_a_bucket_is_refused() {
        let error = connect("s3:///prefix").err().unwrap();
        assert!(error.to_string().contains("`s3:///prefix`"), "{error}");
    }

    #[test]
    fn the_prefix_is_what_follows_the_bucket() {
        let Clients { prefix, .. } = connect("s3://b/p/q/").unwrap();
        assert_eq!(prefix.as_ref(), "p/q");
        let Clients { prefix, .. } = connect("s3://b").unwrap();
        assert_eq!(prefix.as_ref(), "");
    }
}
