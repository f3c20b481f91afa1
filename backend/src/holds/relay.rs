//! Passing on what came in, for the few that the kernel can't turn.

use drawbridge_api::Protocol;
use drawbridge_kernel::port::stream_socket;
use std::{collections::HashMap, io, net::SocketAddr, time::Duration};
use tokio::{
    io::copy_bidirectional,
    net::{TcpSocket, TcpStream, UdpSocket},
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

/// How long the container may take to accept.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long an answer to a datagram is waited for; as long as conntrack remembers a flow that was answered
/// (`nf_conntrack_udp_timeout_stream`).
const FLOW_LIVES_FOR: Duration = Duration::from_secs(120);
/// Datagrams of a flow that may wait for the container's socket; more are dropped, as a full buffer does.
const WAITING_DATAGRAMS: usize = 64;
/// Flows of one port at the most: each has a socket.
const FLOWS: usize = 1024;
/// The largest datagram (RFC 768).
const DATAGRAM: usize = 65_535;

/// Passes a connection on to its end. Either end's half close goes through to the other; a failure ends both. By SCTP messages
/// arrive whole and in order, as they do through Docker's proxy, and what stream they came by is lost.
pub(super) async fn connection(mut client: TcpStream, protocol: Protocol, target: SocketAddr) {
    if let Ok(Ok(mut container)) = timeout(CONNECT_WITHIN, connect(protocol, target)).await {
        let _ = copy_bidirectional(&mut client, &mut container).await;
    }
}

async fn connect(protocol: Protocol, target: SocketAddr) -> io::Result<TcpStream> {
    let socket = stream_socket(protocol, target)?.ok_or(io::ErrorKind::Unsupported)?;
    TcpSocket::from_std_stream(socket).connect(target).await
}

/// The datagrams that come to one port, by who sends them.
#[derive(Debug, Default)]
pub(super) struct Flows {
    waiting: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>,
    tasks: JoinSet<io::Result<()>>,
}

impl Flows {
    /// Passes a datagram on, and what is answered to `answer`.
    pub(super) fn pass(
        &mut self,
        datagram: &[u8],
        client: SocketAddr,
        target: SocketAddr,
        answer: impl Fn(&[u8]) -> io::Result<()> + Send + 'static,
    ) {
        while self.tasks.try_join_next().is_some() {}
        self.waiting.retain(|_, flow| !flow.is_closed());
        if !self.waiting.contains_key(&client) {
            if self.waiting.len() == FLOWS {
                return;
            }
            let (sender, datagrams) = mpsc::channel(WAITING_DATAGRAMS);
            self.tasks.spawn(flow(target, datagrams, answer));
            self.waiting.insert(client, sender);
        }
        if let Some(flow) = self.waiting.get(&client) {
            let _ = flow.try_send(datagram.to_vec());
        }
    }
}

/// One client's datagrams, until nothing has passed either way for a while.
async fn flow(
    target: SocketAddr,
    mut datagrams: mpsc::Receiver<Vec<u8>>,
    answer: impl Fn(&[u8]) -> io::Result<()>,
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
            received = container.recv(&mut buffer) => if let Ok(length) = received {
                answer(&buffer[..length])?;
            },
            () = sleep(FLOW_LIVES_FOR) => return Ok(()),
        }
    }
}
