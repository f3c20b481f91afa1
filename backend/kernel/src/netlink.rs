//! What rtnetlink and nfnetlink have in common (netlink(7)): a socket, the messages of a datagram, and the kernel's words when
//! it refuses. What the messages say is not known here.

use crate::error::{KernelError, meaning};
use netlink_packet_core::{ErrorBuffer, NLM_F_ACK_TLVS, NLMSG_ERROR, NetlinkBuffer, NetlinkHeader, NlasIterator};
use netlink_sys::SocketAddr;
use nix::errno::Errno;
use std::{
    fmt::Display,
    io,
    os::fd::{AsFd, BorrowedFd},
};

/// The length of `struct nlmsghdr`.
pub(crate) const HEADER_SIZE_BYTES: usize = 16;
/// How often a dump is asked again that other changes made inconsistent.
pub(crate) const DUMP_ATTEMPTS: usize = 8;
/// Room for one answer; the kernel fills a dump's datagrams up to 32 KiB (`netlink_dump`).
const ANSWER_SIZE_BYTES: usize = 64 * 1024;
/// Attributes of an error (include/uapi/linux/netlink.h): the kernel's own words, and where in the request the attribute is
/// that it does not like.
mod nlmsgerr {
    pub(super) const MSG: u16 = 1;
    pub(super) const OFFS: u16 = 2;
}

/// A netlink socket. It stays in the namespace that it was opened in, whichever thread uses it.
pub(crate) struct Channel {
    inner: netlink_sys::Socket,
    sequence: u32,
    answer: Vec<u8>,
}

/// One message of a datagram.
pub(crate) struct Part<'a> {
    /// Its envelope, of which the length is not filled in.
    pub(crate) header: NetlinkHeader,
    /// What is in it.
    pub(crate) body: &'a [u8],
}

/// Why the kernel did not do something.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The error number.
    pub(crate) errno: Errno,
    /// Where in the request, counted from its header, the attribute is that is to blame; where the kernel says so.
    pub(crate) at: Option<u32>,
    /// The kernel's own words, where it has some.
    text: Option<String>,
}

impl Refusal {
    /// The error for a caller: `what` follows "cannot".
    pub(crate) fn when(self, what: impl Display) -> KernelError {
        let meaning = meaning(&io::Error::from(self.errno));
        self.meaning(what, meaning)
    }

    /// As [`Refusal::when`], where the number means something of its own.
    pub(crate) fn meaning(self, what: impl Display, mut meaning: String) -> KernelError {
        if let Some(text) = self.text {
            meaning = format!("{meaning}; the kernel says: {text}");
        }
        KernelError::Refused { what: what.to_string(), meaning, source: self.errno.into() }
    }
}

impl Channel {
    /// Opens a socket in the calling thread's network namespace, with one of the ports that `ports` proposes or, when all
    /// are taken or there are none, one of the kernel's choice.
    pub(crate) fn open(protocol: isize, ports: impl Iterator<Item = u32>) -> Result<Channel, KernelError> {
        let open = || {
            let mut inner = netlink_sys::Socket::new(protocol)?;
            bind(&mut inner, ports)?;
            inner.connect(&SocketAddr::new(0, 0))?;
            // The kernel's words with an error, without the request that caused it.
            inner.set_ext_ack(true)?;
            inner.set_cap_ack(true)?;
            Ok(inner)
        };
        let inner = open().map_err(|error: io::Error| KernelError::system("open a netlink socket", error))?;
        Ok(Channel { inner, sequence: 0, answer: Vec::with_capacity(ANSWER_SIZE_BYTES) })
    }

    /// For its options.
    pub(crate) fn socket(&mut self) -> &mut netlink_sys::Socket {
        &mut self.inner
    }

    /// A number for a message that no earlier one had.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends one datagram. The kernel carries out all messages of it before this returns (`netlink_rcv_skb` in
    /// net/netlink/af_netlink.c), so a process that is killed can't come between two of them.
    pub(crate) fn send(&self, datagram: &[u8]) -> Result<(), KernelError> {
        self.inner.send(datagram, 0).map(drop).map_err(|error| KernelError::system("send to netlink", error))
    }

    /// Receives one datagram and gives its messages.
    pub(crate) fn receive(&mut self) -> Result<impl Iterator<Item = Result<Part<'_>, KernelError>>, KernelError> {
        self.try_receive().map_err(|error| KernelError::system("receive from netlink", error))
    }

    /// As [`Channel::receive`], for a caller to whom some errors say something.
    pub(crate) fn try_receive(&mut self) -> io::Result<impl Iterator<Item = Result<Part<'_>, KernelError>>> {
        loop {
            self.answer.clear();
            match self.inner.recv(&mut self.answer, 0) {
                Ok(_) => return Ok(parts(&self.answer)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

fn bind(socket: &mut netlink_sys::Socket, ports: impl Iterator<Item = u32>) -> io::Result<()> {
    for port in ports {
        match socket.bind(&SocketAddr::new(port, 0)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
    socket.bind_auto().map(drop)
}

/// The messages of a datagram.
fn parts(datagram: &[u8]) -> impl Iterator<Item = Result<Part<'_>, KernelError>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let part = NetlinkBuffer::new_checked(rest).map(|buffer| {
            let mut header = NetlinkHeader::default();
            header.message_type = buffer.message_type();
            header.flags = buffer.flags();
            header.sequence_number = buffer.sequence_number();
            header.port_number = buffer.port_number();
            (header, buffer.length() as usize)
        });
        match part {
            Ok((header, length)) => {
                let body = &rest[HEADER_SIZE_BYTES..length];
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                Some(Ok(Part { header, body }))
            }
            Err(error) => {
                rest = &[];
                Some(Err(KernelError::answer("a netlink request", error)))
            }
        }
    })
}

impl Part<'_> {
    /// Reads `NLMSG_ERROR` or `NLMSG_DONE`: code 0 is an acknowledgement (netlink(7)).
    pub(crate) fn refusal(&self) -> Result<Option<Refusal>, KernelError> {
        // The end of a list may come without a code.
        if self.body.is_empty() {
            return Ok(None);
        }
        let error = ErrorBuffer::new_checked(self.body)
            .map_err(|error| KernelError::answer("a netlink acknowledgement", error))?;
        let Some(code) = error.code() else { return Ok(None) };
        // After the number and the request's header, which is all of it that is repeated, the kernel's words.
        let words = if self.header.flags & NLM_F_ACK_TLVS != 0 && self.header.message_type == NLMSG_ERROR {
            error.payload().get(HEADER_SIZE_BYTES..).unwrap_or_default()
        } else {
            &[]
        };
        let mut refusal = Refusal { errno: Errno::from_raw(code.get().saturating_neg()), at: None, text: None };
        for attribute in NlasIterator::new(words).flatten() {
            let value = attribute.value();
            match attribute.kind() {
                nlmsgerr::MSG => {
                    refusal.text = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned());
                }
                nlmsgerr::OFFS => refusal.at = value.try_into().ok().map(u32::from_ne_bytes),
                _ => {}
            }
        }
        Ok(Some(refusal))
    }
}
