//! The sockets of one namespace: questions are read, answered or asked upstream, and kept in the lens. One task owns all that is
//! done for a namespace, and has closed everything when it ends.

use super::{
    ending, framing,
    lens::Lens,
    question::{Asked, Asker, Examined, Told, examine},
    table::Table,
    upstream::{Failure, Upstream},
};
use crate::clock;
use drawbridge_api::{DnsOutcome, DnsQuery, DnsTransport};
use drawbridge_kernel::{Kernel, ResolverSockets};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock, mpsc},
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpListener, TcpStream, UdpSocket},
    runtime::Handle,
    sync::oneshot,
    task::JoinSet,
    time::{sleep, timeout},
};

/// The longest question by datagram. Real ones have some 40 bytes; what is cut off can't be read, and is told so.
const QUESTION_BYTES: usize = 4096;
/// Questions of one container that may be on their way upstream. A container that does not wait for answers is told that they
/// failed, while the others go on.
const FORWARDED_AT_ONCE: usize = 256;
/// Connections of one container at once.
const CONNECTIONS: usize = 64;
/// How long a connection may be silent (RFC 7766 §6.2.3 asks for a few seconds).
const SILENT_FOR: Duration = Duration::from_secs(10);
/// How long to wait after a failed accept, which for want of descriptors would fail again at once.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What all namespaces share.
pub(super) struct Shared {
    pub(super) table: RwLock<Table>,
    pub(super) lens: Lens,
    upstream: Upstream,
}

impl Shared {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self { table: RwLock::default(), lens: Lens::default(), upstream: Upstream::new(kernel) }
    }

    fn examine(&self, packet: &[u8], asker: &Asker, transport: DnsTransport) -> Examined {
        // What a panicked writer left is what the next change replaces.
        let table = self.table.read().unwrap_or_else(PoisonError::into_inner);
        examine(packet, &table, asker, transport)
    }
}

/// A namespace that is served.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Running {
    /// Closes the sockets and waits until they are.
    pub(super) fn stop(self, within: Duration) -> Result<(), mpsc::RecvTimeoutError> {
        // An error is an end that has come already.
        let _ = self.stop.send(());
        match self.ended.recv_timeout(within) {
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => Ok(()),
            timed_out @ Err(mpsc::RecvTimeoutError::Timeout) => timed_out,
        }
    }
}

/// Serves a namespace on this runtime until it is stopped.
pub(super) fn start(runtime: &Handle, shared: Arc<Shared>, asker: Asker, sockets: ResolverSockets) -> Running {
    let (stop, stopped, end, ended) = ending();
    runtime.spawn(async move {
        let namespace = asker.namespace.clone();
        if let Err(error) = serve(shared, Arc::new(asker), sockets, stopped).await {
            tracing::error!(%namespace, %error, "names are not answered any longer");
        }
        // Nobody waits for an end that was not asked for.
        let _ = end.try_send(());
    });
    Running { stop, ended }
}

async fn serve(
    shared: Arc<Shared>,
    asker: Arc<Asker>,
    sockets: ResolverSockets,
    stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let (udp, tcp) = (UdpSocket::from_std(sockets.udp)?, TcpListener::from_std(sockets.tcp)?);
    let mut tasks = JoinSet::new();
    tasks.spawn(datagrams(Arc::clone(&shared), Arc::clone(&asker), udp));
    tasks.spawn(connections(shared, asker, tcp));
    // Whichever way it is stopped: by word, or because who could give it is gone.
    let _ = stopped.await;
    tasks.shutdown().await;
    Ok(())
}

// ---- datagrams ----

async fn datagrams(shared: Arc<Shared>, asker: Arc<Asker>, socket: UdpSocket) {
    let socket = Arc::new(socket);
    let mut forwarded = JoinSet::new();
    let mut buffer = vec![0; QUESTION_BYTES];
    loop {
        // What fails here is an ICMP error about an earlier answer; the next call waits.
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else { continue };
        let begun = Instant::now();
        while forwarded.try_join_next().is_some() {}
        match shared.examine(&buffer[..length], &asker, DnsTransport::Udp) {
            Examined::Ignore => {}
            Examined::Answer { packet, told } => {
                send(&socket, client, &packet).await;
                shared.keep(&asker, DnsTransport::Udp, told, None, begun);
            }
            Examined::Forward(asked) if forwarded.len() >= FORWARDED_AT_ONCE => {
                if let Some(packet) = asked.failure() {
                    send(&socket, client, &packet).await;
                }
                shared.keep(&asker, DnsTransport::Udp, asked.failed(&Failure::TooMany), None, begun);
            }
            Examined::Forward(asked) => {
                let query = buffer[..length].to_vec();
                let (shared, asker, socket) = (Arc::clone(&shared), Arc::clone(&asker), Arc::clone(&socket));
                forwarded.spawn(async move {
                    if let Some(packet) = shared.forward(&asker, &asked, query, DnsTransport::Udp, begun).await {
                        send(&socket, client, &packet).await;
                    }
                });
            }
        }
    }
}

/// A datagram that can't be sent is lost, as datagrams are.
async fn send(socket: &UdpSocket, client: SocketAddr, packet: &[u8]) {
    if let Err(error) = socket.send_to(packet, client).await {
        tracing::debug!(%client, %error, "an answer could not be sent");
    }
}

// ---- connections ----

async fn connections(shared: Arc<Shared>, asker: Arc<Asker>, listener: TcpListener) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            // One too many is closed at once, so that who asks hears of it.
            Ok((stream, _)) if connections.len() < CONNECTIONS => {
                connections.spawn(connection(Arc::clone(&shared), Arc::clone(&asker), stream));
            }
            Ok(_) => {}
            Err(_) => sleep(ACCEPT_AGAIN_AFTER).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// One question after the other, each with its length before it, until the other end is done or silent (RFC 7766).
async fn connection(shared: Arc<Shared>, asker: Arc<Asker>, mut stream: TcpStream) {
    while let Ok(Ok(query)) = timeout(SILENT_FOR, framing::read(&mut stream)).await {
        let begun = Instant::now();
        let packet = match shared.examine(&query, &asker, DnsTransport::Tcp) {
            Examined::Ignore => return,
            Examined::Answer { packet, told } => {
                shared.keep(&asker, DnsTransport::Tcp, told, None, begun);
                Some(packet)
            }
            Examined::Forward(asked) => shared.forward(&asker, &asked, query, DnsTransport::Tcp, begun).await,
        };
        let Some(packet) = packet else { return };
        if !matches!(timeout(SILENT_FOR, framing::write(&mut stream, &packet)).await, Ok(Ok(()))) {
            return;
        }
    }
}

// ---- upstream, and what is kept ----

impl Shared {
    /// Asks upstream and gives what is to be sent.
    async fn forward(
        &self,
        asker: &Asker,
        asked: &Asked,
        query: Vec<u8>,
        transport: DnsTransport,
        begun: Instant,
    ) -> Option<Vec<u8>> {
        match self.upstream.ask(asker, query).await {
            Ok(answer) => {
                let (answers, reason) = Asked::answers(&answer.packet);
                let told = Told { answers, ..asked.told(DnsOutcome::Forwarded, reason) };
                let packet = asked.passed_on(answer.packet, transport);
                self.keep(asker, transport, told, Some(answer.server), begun);
                packet
            }
            Err(failure) => {
                self.keep(asker, transport, asked.failed(&failure), failure.server(), begun);
                asked.failure()
            }
        }
    }

    fn keep(&self, asker: &Asker, transport: DnsTransport, told: Told, upstream: Option<SocketAddr>, begun: Instant) {
        self.lens.add(DnsQuery {
            sequence: 0,
            time_ms: clock::now_ms(),
            container: asker.container.clone(),
            name: told.name,
            record_type: told.record_type,
            transport,
            outcome: told.outcome,
            answers: told.answers,
            reason: told.reason,
            upstream,
            duration_us: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX),
        });
    }
}

impl Asked {
    fn told(&self, outcome: DnsOutcome, reason: &str) -> Told {
        Told {
            name: self.name.clone(),
            record_type: self.record_type.clone(),
            outcome,
            answers: Vec::new(),
            reason: reason.to_owned(),
        }
    }

    fn failed(&self, failure: &Failure) -> Told {
        self.told(DnsOutcome::Failed, &failure.to_string())
    }
}
