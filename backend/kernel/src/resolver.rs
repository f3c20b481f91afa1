//! The table of a namespace in which names are answered, and the daemon's sockets there. The table is written once by `nft`, in a
//! namespace made for a trial, and read back; what was read is what is written into each namespace, in one transaction and
//! without a process.

use crate::{
    error::KernelError,
    netns,
    nfnetlink::{Message, Netfilter},
    tables::{self, Shape},
};
use drawbridge_api::NsName;
use drawbridge_plan::{RESOLVER, RESOLVER_PORT};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, listen, socket_with, sockopt};
use std::{
    net::{SocketAddr, SocketAddrV4, TcpListener, UdpSocket},
    os::fd::OwnedFd,
};

/// `NFPROTO_IPV4`
const IPV4: u8 = 2;
/// Connections that wait to be accepted; more are asked to try again by TCP itself.
const BACKLOG: i32 = 128;

/// The sockets at [`RESOLVER`], port [`RESOLVER_PORT`], of one namespace. They keep it alive, as every socket does.
#[derive(Debug)]
pub struct ResolverSockets {
    /// Questions by UDP; it does not block.
    pub udp: UdpSocket,
    /// Questions by TCP; it does not block.
    pub tcp: TcpListener,
}

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
}

/// The table as the kernel lists it.
#[derive(Clone, Debug)]
pub(crate) struct Table(Shape);

impl Table {
    /// Reads back the table that `nft` has just written.
    pub(crate) fn record(netfilter: &mut Netfilter) -> Result<Table, KernelError> {
        Ok(Table(tables::shape_of(netfilter, IPV4)?))
    }

    /// `nft list table ip drawbridge`: whether it is there, whole and undamaged.
    pub(crate) fn is_whole(&self, netfilter: &mut Netfilter) -> Result<bool, KernelError> {
        Ok(tables::shape_of(netfilter, IPV4)? == self.0)
    }

    /// `nft -f -` with the table's text, in place of what is there; harmless where it is whole.
    pub(crate) fn write(&self, netfilter: &mut Netfilter) -> Result<(), KernelError> {
        let there = tables::shape_of(netfilter, IPV4)?;
        if there == self.0 {
            return Ok(());
        }
        // Not where there is none: closing the socket would wait for what was deleted to be freed (`nft_rcv_nl_event` in
        // net/netfilter/nf_tables_api.c), some 10 ms of the start of every container.
        let damaged = if there.is_empty() { Vec::new() } else { tables::undeclared(IPV4).to_vec() };
        let messages: Vec<Message> = damaged.into_iter().chain(self.0.messages()).collect();
        tables::whole_transaction(netfilter, &messages, "lead 127.0.0.11 to the resolver")
    }
}

/// `nft delete table ip drawbridge`, harmless where there is none.
pub(crate) fn remove(netfilter: &mut Netfilter) -> Result<(), KernelError> {
    tables::whole_transaction(netfilter, &tables::undeclared(IPV4), "lead 127.0.0.11 nowhere")
}

/// Opens the sockets in a namespace; none when there is no such namespace.
pub(crate) fn sockets(namespace: &NsName) -> Result<Option<ResolverSockets>, KernelError> {
    netns::visit_one(namespace, || {
        let at = SocketAddr::V4(SocketAddrV4::new(RESOLVER, RESOLVER_PORT));
        let open = |transport| {
            let socket = socket(transport, at)?;
            bind(&socket, &at)?;
            Ok(socket)
        };
        let opened = || {
            let udp = open(Transport::Udp)?;
            let tcp = open(Transport::Tcp)?;
            listen(&tcp, BACKLOG)?;
            Ok(ResolverSockets { udp: udp.into(), tcp: tcp.into() })
        };
        opened().map_err(|errno: rustix::io::Errno| {
            KernelError::system(format!("listen at {at} in namespace {namespace}"), errno)
        })
    })
}

/// Opens a socket for talking to `peer` from a namespace; none when there is no such namespace. It is not bound, not
/// connected, and does not block.
pub(crate) fn socket_in(
    namespace: &NsName,
    transport: Transport,
    peer: SocketAddr,
) -> Result<Option<OwnedFd>, KernelError> {
    netns::visit_one(namespace, || {
        socket(transport, peer)
            .map_err(|errno| KernelError::system(format!("open a socket in namespace {namespace}"), errno))
    })
}

fn socket(transport: Transport, address: SocketAddr) -> Result<OwnedFd, rustix::io::Errno> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let (kind, protocol) = match transport {
        Transport::Udp => (SocketType::DGRAM, ipproto::UDP),
        Transport::Tcp => (SocketType::STREAM, ipproto::TCP),
    };
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(protocol))?;
    if transport == Transport::Tcp {
        // Connections of the daemon before this one may still be in TIME_WAIT.
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    Ok(socket)
}
