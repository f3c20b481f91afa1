//! Connections: a task serves each. One that doesn't finish the head of a request in time is let go; one that rests between two
//! requests is not, since clients keep connections for later, nor one that a stream has taken over.

use axum::{Router, extract::Request, serve::Listener};
use hyper::{
    body::Incoming,
    rt::{Sleep, Timer},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    future::Future,
    io::{self, IoSlice},
    os::fd::{AsFd, OwnedFd},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::UnixStream,
};
use tower::Service as _;

/// The longest that the head of a request may take: the first one from the moment its client connects, the others from their
/// first byte.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(60);

/// The other end of a connection on the unix socket. Handed to requests, so that one that takes its connection over can see
/// whether the client is still there.
#[derive(Clone, Debug, Default)]
pub(super) struct Peer(Option<Arc<OwnedFd>>);

impl Peer {
    /// That of a connection; none when there is no descriptor left to hold it by.
    pub(super) fn of(connection: &UnixStream) -> Self {
        Self(connection.as_fd().try_clone_to_owned().ok().map(Arc::new))
    }

    /// The connection; none where it is not held.
    pub(super) fn connection(&self) -> Option<Arc<OwnedFd>> {
        self.0.clone()
    }
}

/// Serves everybody who connects, without end: a connection that can't be taken is tried again.
pub(super) async fn serve<L: Listener>(
    mut listener: L,
    app: Router,
    peer_of: impl Fn(&L::Io) -> Peer,
    head_time: Duration,
) {
    loop {
        let (connection, _) = listener.accept().await;
        let peer = peer_of(&connection);
        tokio::spawn(serve_one(connection, app.clone(), peer, head_time));
    }
}

/// Serves one connection to its end, or until a stream takes it over.
async fn serve_one<C>(connection: C, app: Router, peer: Peer, head_time: Duration)
where
    C: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let arrived = Arc::new(AtomicU64::new(0));
    let connection = TokioIo::new(Counted { connection, arrived: Arc::clone(&arrived) });
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(peer.clone());
        app.clone().call(request)
    });
    let mut server = http1::Builder::new();
    server.timer(HeadTimer { arrived }).header_read_timeout(head_time);
    if let Err(error) = server.serve_connection(connection, service).with_upgrades().await {
        tracing::debug!(error = &error as &dyn std::error::Error, "a connection broke off");
    }
}

/// A connection that counts what arrives.
struct Counted<C> {
    connection: C,
    /// Bytes so far.
    arrived: Arc<AtomicU64>,
}

impl<C: AsyncRead + Unpin> AsyncRead for Counted<C> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.connection).poll_read(cx, buffer);
        self.arrived.fetch_add((buffer.filled().len() - before) as u64, Ordering::Relaxed);
        polled
    }
}

impl<C: AsyncWrite + Unpin> AsyncWrite for Counted<C> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.connection).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.connection.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.connection).poll_shutdown(cx)
    }
}

/// The clock by which hyper lets heads run out. hyper begins to count when it begins to wait, which is the end of the request
/// before; this one begins when something has arrived since.
struct HeadTimer {
    arrived: Arc<AtomicU64>,
}

impl Timer for HeadTimer {
    fn sleep(&self, time: Duration) -> Pin<Box<dyn Sleep>> {
        let before = self.arrived.load(Ordering::Relaxed);
        // Nothing is said before the first head: whoever never asks at all is let go too.
        let running = (before == 0).then(|| Box::pin(tokio::time::sleep(time)));
        Box::pin(HeadSleep { arrived: Arc::clone(&self.arrived), before, time, running })
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        self.sleep(deadline.saturating_duration_since(Instant::now()))
    }
}

struct HeadSleep {
    arrived: Arc<AtomicU64>,
    /// What had arrived when the wait for a head began, in bytes.
    before: u64,
    time: Duration,
    /// Runs from the head's first byte.
    running: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Whoever reads the next byte asks here again.
        if self.running.is_none() && self.arrived.load(Ordering::Relaxed) == self.before {
            return Poll::Pending;
        }
        let time = self.time;
        self.running.get_or_insert_with(|| Box::pin(tokio::time::sleep(time))).as_mut().poll(cx)
    }
}

impl Sleep for HeadSleep {}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{http::StatusCode, routing::get};
    use std::io::Write as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const LIMIT: Duration = Duration::from_millis(50);
    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

    /// A client of a server that says `hi`, and gives back what it gets at `/echo`. What it says first is there before the server
    /// is, which need not wait for it.
    fn connect(said: &[u8]) -> UnixStream {
        let echo = |mut request: Request| async move {
            let upgrade = hyper::upgrade::on(&mut request);
            tokio::spawn(async move {
                let (mut from, mut to) = tokio::io::split(TokioIo::new(upgrade.await.unwrap()));
                tokio::io::copy(&mut from, &mut to).await.unwrap();
            });
            (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "tcp")])
        };
        let app = Router::new().route("/", get(|| async { "hi" })).route("/echo", get(echo));
        let (mut client, server) = std::os::unix::net::UnixStream::pair().unwrap();
        client.write_all(said).unwrap();
        let [client, server] = [client, server].map(|stream| {
            stream.set_nonblocking(true).unwrap();
            UnixStream::from_std(stream).unwrap()
        });
        tokio::spawn(serve_one(server, app, Peer::default(), LIMIT));
        client
    }

    async fn read_to(client: &mut UnixStream, end: &str) {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            text.push(client.read_u8().await.unwrap());
        }
    }

    /// Whether the server lets go of a client, in good time.
    async fn is_let_go(mut client: UnixStream) -> bool {
        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(30), client.read_to_end(&mut rest)).await.is_ok()
    }

    #[tokio::test]
    async fn who_never_finishes_a_head_is_let_go() {
        for said in ["", "G", "GET / HTTP/1.1\r\nHost: a\r\n"] {
            assert!(is_let_go(connect(said.as_bytes())).await, "{said:?}");
        }
        let mut second = connect(REQUEST);
        read_to(&mut second, "\r\n\r\nhi").await;
        second.write_all(b"GET /").await.unwrap();
        assert!(is_let_go(second).await, "at its second request");
    }

    #[tokio::test]
    async fn who_rests_between_requests_or_holds_a_stream_is_kept() {
        let mut resting = connect(REQUEST);
        let mut stream = connect(b"GET /echo HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
        read_to(&mut resting, "\r\n\r\nhi").await;
        read_to(&mut stream, "\r\n\r\n").await;
        stream.write_all(b"one").await.unwrap();
        read_to(&mut stream, "one").await;
        // Each of these takes the time once.
        for _ in 0..3 {
            assert!(is_let_go(connect(b"G")).await);
        }
        resting.write_all(REQUEST).await.unwrap();
        read_to(&mut resting, "\r\n\r\nhi").await;
        stream.write_all(b"two").await.unwrap();
        read_to(&mut stream, "two").await;
    }
}
