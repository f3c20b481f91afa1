//! A target's address, found as the container would find it: an address as it stands, then its `/etc/hosts`, then the
//! resolvers of its `/etc/resolv.conf`, asked from its namespace.

use crate::{
    dns::resolv_conf::ResolvConf,
    model::ContainerRecord,
    ops::{Daemon, OpError, etc},
};
use drawbridge_api::{NetworkMode, NsName};
use drawbridge_kernel::Transport;
use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};
use tokio::{net::UdpSocket, task::spawn_blocking, time::timeout};

const PORT: u16 = 53;
/// As many resolvers as the C library asks (MAXNS, resolv.conf(5)).
const SERVERS: usize = 3;
/// Longer than the daemon's own resolver waits for the one that it asks.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest datagram that is taken.
const MESSAGE_BYTES: usize = 4096;

/// What is known of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// It has these addresses.
    Known {
        /// IPv4 first.
        addresses: Vec<IpAddr>,
        /// Who says so; empty where it is an address itself.
        how: String,
    },
    /// Nobody knows it.
    Unknown {
        /// Who was asked, and what they said.
        lines: Vec<String>,
        /// Whether one said that there is no such name; the others did not answer.
        is_answered: bool,
    },
}

impl Named {
    /// Whether somebody who was asked knew what to say.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Named::Known { .. } => true,
            Named::Unknown { is_answered, .. } => *is_answered,
        }
    }
}

/// Finds the addresses.
pub(super) async fn find(
    daemon: &Daemon,
    record: &ContainerRecord,
    namespace: Option<&NsName>,
    target: &str,
) -> Result<Named, OpError> {
    if let Ok(address) = target.parse() {
        return Ok(Named::Known { addresses: vec![address], how: String::new() });
    }
    let files = tokio::task::block_in_place(|| etc::files(daemon, record))?;
    let listed = in_hosts(&files.hosts, target);
    if !listed.is_empty() {
        return Ok(Named::Known { addresses: listed, how: "from its /etc/hosts".to_owned() });
    }
    let resolvers = ResolvConf::parse(&files.resolv_conf);
    let (mut lines, mut is_answered) = (Vec::new(), false);
    let completed = resolvers.search.iter().filter(|domain| *domain != ".").map(|domain| format!("{target}.{domain}"));
    let from = if record.spec.network_mode == NetworkMode::Host { None } else { namespace };
    for name in std::iter::once(target.to_owned()).chain(completed) {
        for server in resolvers.nameservers.iter().filter_map(|server| server.socket(PORT)).take(SERVERS) {
            match ask(daemon, from, server, &name).await {
                Ok(addresses) if !addresses.is_empty() => {
                    return Ok(Named::Known { addresses, how: format!("said by {}", server.ip()) });
                }
                Ok(_) => {
                    is_answered = true;
                    lines.push(format!("{}: {name} has no address", server.ip()));
                    break;
                }
                Err(why) => lines.push(format!("{}: {why}", server.ip())),
            }
        }
    }
    if resolvers.nameservers.is_empty() {
        lines.push("its /etc/resolv.conf names no resolver".to_owned());
    }
    Ok(Named::Unknown { lines, is_answered })
}

/// hosts(5)
fn in_hosts(text: &str, name: &str) -> Vec<IpAddr> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
    let mut found: Vec<IpAddr> = lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next()?.parse().ok()?;
            words.any(|word| word.eq_ignore_ascii_case(name)).then_some(address)
        })
        .collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found
}

/// Both families' addresses of a name; empty when the resolver says that there are none.
async fn ask(
    daemon: &Daemon,
    namespace: Option<&NsName>,
    server: SocketAddr,
    name: &str,
) -> Result<Vec<IpAddr>, String> {
    let name = Name::from_str(&format!("{name}.")).map_err(|_| format!("{name} is no name that can be asked for"))?;
    let mut found = Vec::new();
    for record_type in [RecordType::A, RecordType::AAAA] {
        let mut query = Message::new(rand::random(), MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(name.clone(), record_type));
        let packet = query.to_vec().map_err(|error| error.to_string())?;
        let exchange = timeout(ANSWER_WITHIN, exchange(daemon, namespace, server, &packet)).await;
        let answer = match exchange {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(format!("can’t be asked ({error})")),
            Err(_) => return Err(format!("no answer in {} s", ANSWER_WITHIN.as_secs())),
        };
        let answer = Message::from_vec(&answer).map_err(|_| "its answer can’t be read".to_owned())?;
        match answer.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {}
            code => return Err(format!("it answers {code}")),
        }
        found.extend(answer.answers.iter().filter_map(|record| match &record.data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        }));
    }
    Ok(found)
}

async fn exchange(
    daemon: &Daemon,
    namespace: Option<&NsName>,
    server: SocketAddr,
    packet: &[u8],
) -> io::Result<Vec<u8>> {
    let socket = match namespace {
        None if server.is_ipv4() => UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?,
        None => UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await?,
        Some(namespace) => {
            let (kernel, namespace) = (Arc::clone(&daemon.kernel), namespace.clone());
            let opened = spawn_blocking(move || kernel.socket_in(&namespace, Transport::Udp, server)).await;
            let socket = opened.map_err(io::Error::other)?.map_err(io::Error::other)?;
            UdpSocket::from_std(socket.ok_or(io::ErrorKind::NotFound)?.into())?
        }
    };
    socket.connect(server).await?;
    socket.send(packet).await?;
    let mut answer = vec![0; MESSAGE_BYTES];
    loop {
        let length = socket.recv(&mut answer).await?;
        // Of another question, which has its number.
        if answer.get(..2) == packet.get(..2) {
            answer.truncate(length);
            return Ok(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_etc_hosts_are_found() {
        let text = "127.0.0.1\tlocalhost\n# 10.0.0.1 db\n::1 localhost ip6-localhost\n172.17.0.2\tDB db.lan # x web\n";
        let addresses = |name| in_hosts(text, name).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(addresses("db"), "172.17.0.2");
        assert_eq!(addresses("localhost"), "127.0.0.1 ::1");
        assert_eq!(addresses("web"), "");
    }
}
