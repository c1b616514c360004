//! Accepts connections and serves requests on them until told to stop.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use crate::router;

/// How long a client may take for the head of a request, and stay idle between requests. Longer
/// than the 60 and 90 seconds for which common clients keep connections, so that they close first.
const HEAD_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a client may take for the TLS handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause after a failed accept, usually for want of file descriptors: trying again at once would
/// only burn the processor.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One listening socket with what its connections need.
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// Set for TLS.
    pub(crate) tls: Option<TlsAcceptor>,
    /// All routes.
    pub(crate) router: Router,
    /// Bounds the open connections of all listeners.
    pub(crate) connections: Arc<Semaphore>,
    /// Turns true when the server shuts down.
    pub(crate) stop: watch::Receiver<bool>,
    /// How long requests that are being answered are waited for.
    pub(crate) grace: Duration,
}

impl Listener {
    /// Serves until told to stop, then waits for open requests and returns.
    pub(crate) async fn run(self) {
        let mut stop = self.stop.clone();
        let mut tasks = JoinSet::new();
        loop {
            let stream = tokio::select! {
                stream = self.accept() => stream,
                () = stopped(&mut stop) => break,
            };
            match stream {
                Ok((stream, permit)) => {
                    let connection = self.connection();
                    tasks.spawn(async move {
                        let _permit = permit;
                        connection.serve(stream).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
            while tasks.try_join_next().is_some() {}
        }
        drop(self.socket);
        let finished = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(self.grace, finished).await.is_err() {
            tracing::warn!("requests were cut off by the shutdown");
        }
    }

    async fn accept(&self) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.connections)
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, _) = self.socket.accept().await?;
        // Answers are written in one piece; waiting for more would only delay them.
        stream.set_nodelay(true)?;
        Ok((stream, permit))
    }

    fn connection(&self) -> Connection {
        Connection {
            tls: self.tls.clone(),
            router: self.router.clone(),
            stop: self.stop.clone(),
        }
    }
}

/// What one connection needs.
struct Connection {
    tls: Option<TlsAcceptor>,
    router: Router,
    stop: watch::Receiver<bool>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        let Some(acceptor) = self.tls.clone() else {
            return self.serve_http(stream).await;
        };
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.serve_http(stream).await,
            Ok(Err(error)) => tracing::debug!(error = %error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    async fn serve_http<S>(mut self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let routes = self.router;
        let service = service_fn(move |mut request| {
            router::normalize(&mut request);
            routes.clone().oneshot(request)
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stopped(&mut self.stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = %error, "connection ended");
        }
    }
}

/// Waits until the server shuts down, or is gone without saying so.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // The value is behind a lock that must not be held while waiting for something else.
    let _ = stop.wait_for(|stop| *stop).await.map(|_| ());
}
