//! Asking elsewhere: the host's resolvers from the host, or a container's own from its namespace. A question goes out as it came,
//! under another number; an answer comes back as it was given.

use super::{
    framing,
    question::{Asker, HEADER_BYTES},
    resolv_conf::{self, Nameserver},
};
use drawbridge_api::NsName;
use drawbridge_kernel::{Kernel, Transport};
use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::{TcpSocket, TcpStream, UdpSocket},
    sync::Semaphore,
    task::spawn_blocking,
    time::timeout,
};

/// Where the host's resolvers are named (resolv.conf(5)).
const RESOLV_CONF: &str = "/etc/resolv.conf";
const PORT: u16 = 53;
/// Questions on their way, over all containers. Each has a socket.
const AT_ONCE: usize = 1024;
/// How many resolvers are asked, one after the other; as many as the C library asks (MAXNS, resolv.conf(5)).
const SERVERS: usize = 3;
/// How long one may take. Who asks us gives up after five seconds by default (RES_TIMEOUT), so the second gets its turn before.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The longest message.
const MESSAGE_BYTES: usize = 65_535;

/// The way to the upstream resolvers.
pub(super) struct Upstream {
    kernel: Arc<Kernel>,
    at_once: Semaphore,
    host: Mutex<HostResolvers>,
}

/// What the host's file said, and by what is seen that it says something else.
#[derive(Default)]
struct HostResolvers {
    seen: Option<(i64, i64, u64, u64)>,
    servers: Vec<SocketAddr>,
}

/// An answer and who gave it.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) packet: Vec<u8>,
    pub(super) server: SocketAddr,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("too many questions are on their way upstream")]
    TooMany,
    #[error("there is no upstream resolver; name one with --dns, or in the host's {RESOLV_CONF}")]
    NoServer,
    #[error("{0} did not answer in time")]
    Silent(SocketAddr),
    #[error("{server} can't be asked: {source}")]
    Unreachable { server: SocketAddr, source: io::Error },
}

impl Failure {
    /// Who was asked last.
    pub(super) fn server(&self) -> Option<SocketAddr> {
        match self {
            Failure::TooMany | Failure::NoServer => None,
            Failure::Silent(server) | Failure::Unreachable { server, .. } => Some(*server),
        }
    }
}

impl Upstream {
    pub(super) fn new(kernel: Arc<Kernel>) -> Self {
        Self { kernel, at_once: Semaphore::new(AT_ONCE), host: Mutex::default() }
    }

    /// Asks one resolver after the other until one says something else than that it can't. When all do, what the last said is
    /// the answer.
    pub(super) async fn ask(&self, asker: &Asker, mut query: Vec<u8>) -> Result<Answer, Failure> {
        let Ok(_turn) = self.at_once.try_acquire() else { return Err(Failure::TooMany) };
        let (from, servers) = match asker.servers.as_slice() {
            [] => (None, self.host_servers()),
            own => (Some(&asker.namespace), own.iter().map(|server| SocketAddr::new(*server, PORT)).collect()),
        };
        let mut last = Err(Failure::NoServer);
        for server in servers.into_iter().take(SERVERS) {
            // A number that nobody can guess, and a port of the kernel's choice: who forges an answer has to hit both.
            query[..2].copy_from_slice(&rand::random::<[u8; 2]>());
            last = match timeout(ANSWER_WITHIN, self.exchange(from, server, &query)).await {
                Ok(Ok(packet)) if is_final(&packet) => return Ok(Answer { packet, server }),
                Ok(Ok(packet)) => Ok(Answer { packet, server }),
                Ok(Err(source)) => Err(Failure::Unreachable { server, source }),
                Err(_) => Err(Failure::Silent(server)),
            };
        }
        last
    }

    /// By datagram, and by stream where the answer does not fit into one.
    async fn exchange(&self, from: Option<&NsName>, server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        let socket = match from {
            None => UdpSocket::bind(any(server)).await?,
            Some(namespace) => UdpSocket::from_std(self.open(namespace, Transport::Udp, server).await?.into())?,
        };
        // From here on the kernel takes datagrams of this server only.
        socket.connect(server).await?;
        socket.send(query).await?;
        let mut packet = vec![0; MESSAGE_BYTES];
        loop {
            let length = socket.recv(&mut packet).await?;
            if answers(query, &packet[..length]) {
                packet.truncate(length);
                break;
            }
        }
        if !is_truncated(&packet) {
            return Ok(packet);
        }
        // Who can't be reached by stream has said something all the same.
        Ok(self.by_stream(from, server, query).await.unwrap_or(packet))
    }

    async fn by_stream(&self, from: Option<&NsName>, server: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        let mut stream = match from {
            None => TcpStream::connect(server).await?,
            Some(namespace) => {
                let socket = self.open(namespace, Transport::Tcp, server).await?;
                TcpSocket::from_std_stream(socket.into()).connect(server).await?
            }
        };
        framing::write(&mut stream, query).await?;
        let packet = framing::read(&mut stream).await?;
        if answers(query, &packet) { Ok(packet) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    async fn open(&self, namespace: &NsName, transport: Transport, server: SocketAddr) -> io::Result<OwnedFd> {
        let (kernel, namespace) = (Arc::clone(&self.kernel), namespace.clone());
        let opened = spawn_blocking(move || kernel.socket_in(&namespace, transport, server)).await;
        let socket = opened.map_err(io::Error::other)?.map_err(io::Error::other)?;
        socket.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The host's resolvers as its file names them now. Looking whether it has changed takes a microsecond; telling the two of
    /// a watch apart, the file and the one that a link points to, would take more than that.
    fn host_servers(&self) -> Vec<SocketAddr> {
        let mut host = self.host.lock().unwrap_or_else(PoisonError::into_inner);
        let seen =
            fs::metadata(RESOLV_CONF).ok().map(|file| (file.mtime(), file.mtime_nsec(), file.ino(), file.size()));
        if seen.is_none() || seen != host.seen {
            let text = fs::read_to_string(RESOLV_CONF).unwrap_or_default();
            host.servers = servers(&resolv_conf::ResolvConf::parse(&text).nameservers);
            host.seen = seen;
        }
        host.servers.clone()
    }
}

/// Docker's, where the host names none.
fn servers(named: &[Nameserver]) -> Vec<SocketAddr> {
    let servers: Vec<SocketAddr> = named.iter().filter_map(|server| server.socket(PORT)).collect();
    if servers.is_empty() {
        return resolv_conf::FALLBACK4.iter().map(|address| SocketAddr::new(*address, PORT)).collect();
    }
    servers
}

fn any(server: SocketAddr) -> SocketAddr {
    let address: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    SocketAddr::new(address, 0)
}

// ---- what of a message is looked at ----

/// Whether the second is an answer to the first: its number and its question. The case of letters may have changed.
fn answers(query: &[u8], packet: &[u8]) -> bool {
    const IS_RESPONSE: u8 = 0x80;
    let Some(question) = question(query) else { return false };
    packet.get(..2) == query.get(..2)
        && packet.get(2).is_some_and(|flags| flags & IS_RESPONSE != 0)
        && packet
            .get(HEADER_BYTES..HEADER_BYTES + question.len())
            .is_some_and(|echoed| echoed.eq_ignore_ascii_case(question))
}

/// The question of a message that has been read before: labels up to the root, type and class.
fn question(message: &[u8]) -> Option<&[u8]> {
    let mut at = HEADER_BYTES;
    loop {
        match usize::from(*message.get(at)?) {
            0 => break,
            // A first name has nothing before it to point to.
            length @ 1..=63 => at += 1 + length,
            _ => return None,
        }
    }
    message.get(HEADER_BYTES..at + 5)
}

fn is_truncated(packet: &[u8]) -> bool {
    const TRUNCATED: u8 = 0x02;
    packet.get(2).is_some_and(|flags| flags & TRUNCATED != 0)
}

/// Whether another resolver need not be asked: all but SERVFAIL (2) and REFUSED (5), as the C library does.
fn is_final(packet: &[u8]) -> bool {
    packet.get(3).is_some_and(|flags| !matches!(flags & 0x0f, 2 | 5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: u16, flags: u8, name: &[u8]) -> Vec<u8> {
        let mut message = id.to_be_bytes().to_vec();
        message.extend([flags, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
        message.extend(name);
        message.extend([0, 0, 1, 0, 1]);
        message
    }

    #[test]
    fn an_answer_has_the_number_and_the_question() {
        let query = message(7, 1, b"\x03www\x07example");
        let answer = |id, flags, name| answers(&query, &message(id, flags, name));
        assert!(answer(7, 0x81, b"\x03www\x07example"));
        assert!(answer(7, 0x81, b"\x03wWw\x07ExAmple"));
        assert!(!answer(8, 0x81, b"\x03www\x07example"), "another number");
        assert!(!answer(7, 0x01, b"\x03www\x07example"), "a question");
        assert!(!answer(7, 0x81, b"\x03www\x07exbmple"), "another name");
        assert!(!answers(&query, &message(7, 0x81, b"\x03www\x07example")[..20]), "cut off");
        assert!(!answers(&query[..14], &query), "no question");
    }

    #[test]
    fn a_failure_is_not_final_and_a_missing_name_is() {
        let coded = |code: u8| [0, 0, 0x81, 0x80 | code];
        assert!(is_final(&coded(0)) && is_final(&coded(3)));
        assert!(!is_final(&coded(2)) && !is_final(&coded(5)) && !is_final(&[]));
        assert!(is_truncated(&[0, 0, 0x83, 0]) && !is_truncated(&coded(0)));
    }
}
