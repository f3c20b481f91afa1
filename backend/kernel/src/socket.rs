//! Requests of rtnetlink(7): several in one datagram, one answer each. The kernel does not stop at one that fails.

use crate::{
    error::KernelError,
    netlink::{Channel, DUMP_ATTEMPTS, Refusal},
};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NetlinkHeader, NetlinkMessage,
    NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::NETLINK_ROUTE;
use std::os::fd::{AsFd, BorrowedFd};

/// A socket of rtnetlink. It stays in the namespace that it was opened in, whichever thread uses it.
pub(crate) struct Socket {
    channel: Channel,
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.channel.as_fd()
    }
}

/// One message to the kernel.
pub(crate) struct Request {
    message: RouteNetlinkMessage,
    flags: u16,
}

impl Request {
    /// A message with its flags besides `NLM_F_REQUEST` and `NLM_F_ACK`.
    pub(crate) fn new(message: RouteNetlinkMessage, flags: u16) -> Self {
        Request { message, flags }
    }
}

/// What the kernel says about one request: the bodies that it sent, or why not.
pub(crate) type Answer = Result<Vec<Vec<u8>>, Refusal>;

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    pub(crate) fn open() -> Result<Socket, KernelError> {
        let mut channel = Channel::open(NETLINK_ROUTE, std::iter::empty())?;
        // A dump then honours the interface it is asked about (`NETLINK_GET_STRICT_CHK`, since 4.20).
        let strict = channel.socket().set_netlink_get_strict_chk(true);
        strict.map_err(|error| KernelError::system("open a netlink socket", error))?;
        Ok(Socket { channel })
    }

    /// Sends one request.
    pub(crate) fn request(&mut self, request: Request) -> Result<Answer, KernelError> {
        let answers = self.batch(vec![request])?;
        answers.into_iter().next().ok_or_else(|| KernelError::answer("a netlink request", "none came"))
    }

    /// Sends several requests in one datagram; the answers are in their order.
    pub(crate) fn batch(&mut self, requests: Vec<Request>) -> Result<Vec<Answer>, KernelError> {
        let count = requests.len();
        let first = self.send(requests, NLM_F_ACK)?;
        let mut bodies: Vec<Vec<Vec<u8>>> = vec![Vec::new(); count];
        let mut answers: Vec<Option<Answer>> = vec![None; count];
        while answers.iter().any(Option::is_none) {
            for part in self.channel.receive()? {
                let part = part?;
                let index = part.header.sequence_number.wrapping_sub(first) as usize;
                let (Some(answer), Some(bodies)) = (answers.get_mut(index), bodies.get_mut(index)) else { continue };
                match part.header.message_type {
                    NLMSG_ERROR => {
                        *answer = Some(match part.refusal()? {
                            Some(refusal) => Err(refusal),
                            None => Ok(std::mem::take(bodies)),
                        });
                    }
                    _ => bodies.push(part.body.to_vec()),
                }
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Asks for a whole list. `message` is called anew when other changes came between and the kernel says so.
    pub(crate) fn dump(&mut self, message: impl Fn() -> RouteNetlinkMessage) -> Result<Answer, KernelError> {
        let mut answer = self.dump_once(message())?;
        for _ in 1..DUMP_ATTEMPTS {
            if !answer.1 {
                break;
            }
            answer = self.dump_once(message())?;
        }
        Ok(answer.0)
    }

    /// One attempt, and whether the kernel calls it inconsistent.
    fn dump_once(&mut self, message: RouteNetlinkMessage) -> Result<(Answer, bool), KernelError> {
        let sequence = self.send(vec![Request::new(message, NLM_F_DUMP)], 0)?;
        let mut bodies = Vec::new();
        let mut inconsistent = false;
        loop {
            for part in self.channel.receive()? {
                let part = part?;
                if part.header.sequence_number != sequence {
                    continue;
                }
                inconsistent |= part.header.flags & NLM_F_DUMP_INTR != 0;
                match part.header.message_type {
                    NLMSG_ERROR | NLMSG_DONE => {
                        let refusal = part.refusal()?;
                        return Ok((refusal.map_or(Ok(bodies), Err), inconsistent));
                    }
                    _ => bodies.push(part.body.to_vec()),
                }
            }
        }
    }

    /// Sends requests in one datagram and gives the sequence number of the first.
    fn send(&mut self, requests: Vec<Request>, flags: u16) -> Result<u32, KernelError> {
        let mut first = None;
        let mut datagram = Vec::with_capacity(1024);
        for request in requests {
            let mut header = NetlinkHeader::default();
            header.flags = NLM_F_REQUEST | flags | request.flags;
            header.sequence_number = self.channel.next_sequence();
            first.get_or_insert(header.sequence_number);
            let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request.message));
            message.finalize();
            let at = datagram.len();
            datagram.resize(at + message.buffer_len().next_multiple_of(4), 0);
            message.serialize(&mut datagram[at..]);
        }
        self.channel.send(&datagram)?;
        Ok(first.unwrap_or_default())
    }
}
