//! Passing connections on, for the few that the kernel can't turn. A task of the daemon, not a process: it ends, and its
//! connections with it, when it is dropped.

use std::{
    collections::HashMap,
    io,
    net::{SocketAddr, TcpListener as StdListener, UdpSocket as StdUdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc,
    task::{AbortHandle, JoinSet, block_in_place},
    time::{sleep, timeout},
};

/// How long the container may take to accept.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long to wait after a failed accept, which for want of descriptors would fail again at once.
const ACCEPT_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long a relay may take to end; a worker that is free ends it in microseconds.
const ENDS_WITHIN: Duration = Duration::from_millis(500);
/// How often is looked whether it has.
const LOOK_EVERY: Duration = Duration::from_micros(100);
/// How long an answer to a datagram is waited for; as long as conntrack remembers a flow that was answered
/// (`nf_conntrack_udp_timeout_stream`).
const FLOW_LIVES_FOR: Duration = Duration::from_secs(120);
/// Datagrams of a flow that may wait for the container's socket; more are dropped, as a full buffer does.
const WAITING_DATAGRAMS: usize = 64;
/// Flows of one port at the most: each has a socket.
const FLOWS: usize = 1024;
/// The largest datagram (RFC 768).
const DATAGRAM: usize = 65_535;

/// A relay at work.
#[derive(Debug)]
pub(super) struct Relay {
    task: AbortHandle,
    target: Target,
}

/// Where to pass on to; it may change while the relay works.
type Target = Arc<Mutex<SocketAddr>>;

impl Drop for Relay {
    /// The task lets go of its socket when a worker next looks at it, so it is waited for: who drops a relay may want the port
    /// again at once, as a restart does. The daemon's runtime is one of several threads.
    fn drop(&mut self) {
        self.task.abort();
        let deadline = Instant::now() + ENDS_WITHIN;
        block_in_place(|| {
            while !self.task.is_finished() && Instant::now() < deadline {
                thread::sleep(LOOK_EVERY);
            }
        });
    }
}

impl Relay {
    /// Passes what is accepted on to `target`.
    pub(super) fn tcp(socket: StdListener, target: SocketAddr) -> io::Result<Relay> {
        let (listener, target) = (TcpListener::from_std(socket)?, Target::new(target.into()));
        Ok(Relay { task: tokio::spawn(accept(listener, Arc::clone(&target))).abort_handle(), target })
    }

    /// Passes datagrams on to `target`, and the answers back to whom they are for.
    pub(super) fn udp(socket: StdUdpSocket, target: SocketAddr) -> io::Result<Relay> {
        let (socket, target) = (UdpSocket::from_std(socket)?, Target::new(target.into()));
        Ok(Relay { task: tokio::spawn(receive(socket, Arc::clone(&target))).abort_handle(), target })
    }

    /// Passes new connections on to another target.
    pub(super) fn turn(&self, target: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = target;
    }
}

fn now(target: &Target) -> SocketAddr {
    *target.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, target: Target) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(connections.spawn(connection(client, now(&target)))),
            Err(_) => sleep(ACCEPT_AGAIN_AFTER).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// Either end's half close goes through to the other; a failure ends both.
async fn connection(mut client: TcpStream, target: SocketAddr) {
    let Ok(Ok(mut container)) = timeout(CONNECT_WITHIN, TcpStream::connect(target)).await else { return };
    let _ = copy_bidirectional(&mut client, &mut container).await;
}

async fn receive(socket: UdpSocket, target: Target) {
    let socket = Arc::new(socket);
    let mut flows: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let Ok((length, client)) = socket.recv_from(&mut buffer).await else {
            sleep(ACCEPT_AGAIN_AFTER).await;
            continue;
        };
        while tasks.try_join_next().is_some() {}
        flows.retain(|_, flow| !flow.is_closed());
        if !flows.contains_key(&client) {
            if flows.len() == FLOWS {
                continue;
            }
            let (sender, datagrams) = mpsc::channel(WAITING_DATAGRAMS);
            tasks.spawn(flow(Arc::clone(&socket), client, now(&target), datagrams));
            flows.insert(client, sender);
        }
        if let Some(flow) = flows.get(&client) {
            let _ = flow.try_send(buffer[..length].to_vec());
        }
    }
}

/// One client's datagrams, until nothing has passed either way for a while.
async fn flow(
    socket: Arc<UdpSocket>,
    client: SocketAddr,
    target: SocketAddr,
    mut datagrams: mpsc::Receiver<Vec<u8>>,
) -> io::Result<()> {
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let container = UdpSocket::bind(any).await?;
    container.connect(target).await?;
    let mut buffer = vec![0; DATAGRAM];
    loop {
        tokio::select! {
            datagram = datagrams.recv() => match datagram {
                // A refusal (ICMP) is told by the next call; the client hears nothing, as of a lost datagram.
                Some(datagram) => drop(container.send(&datagram).await),
                None => return Ok(()),
            },
            answer = container.recv(&mut buffer) => if let Ok(length) = answer {
                socket.send_to(&buffer[..length], client).await?;
            },
            () = sleep(FLOW_LIVES_FOR) => return Ok(()),
        }
    }
}
