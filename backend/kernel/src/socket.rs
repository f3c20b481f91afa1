//! Plain netlink datagrams (netlink(7), rtnetlink(7)): several requests in one, one answer each. The kernel carries out
//! all messages of one sendmsg(2) before that returns (`netlink_rcv_skb` in net/netlink/af_netlink.c), so a process that is
//! killed can't come between two of them. It does not stop at one that fails.

use crate::error::{KernelError, meaning};
use netlink_packet_core::{
    ErrorBuffer, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload, NlasIterator,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::{SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use std::{fmt::Display, io};

/// Room for one answer; the kernel fills a dump's datagrams up to 32 KiB (`netlink_dump`).
const ANSWER_SIZE_BYTES: usize = 64 * 1024;
/// The length of `struct nlmsghdr`.
const HEADER_SIZE_BYTES: usize = 16;
/// How often a dump is asked again that other changes made inconsistent.
const DUMP_ATTEMPTS: usize = 8;
/// `NLMSGERR_ATTR_MSG`: the kernel's own words (include/uapi/linux/netlink.h).
const ERROR_TEXT: u16 = 1;

/// A netlink socket. It stays in the namespace that it was opened in, whichever thread uses it.
pub(crate) struct Socket {
    inner: netlink_sys::Socket,
    sequence: u32,
    answer: Vec<u8>,
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

/// Why the kernel did not do something.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// The error number.
    pub(crate) errno: Errno,
    /// The kernel's own words, where it has some.
    text: Option<String>,
}

impl Refusal {
    /// The error for a caller: `what` follows "cannot".
    pub(crate) fn when(self, what: impl Display) -> KernelError {
        let source = io::Error::from(self.errno);
        let mut meaning = meaning(&source);
        if let Some(text) = self.text {
            meaning = format!("{meaning}; the kernel says: {text}");
        }
        KernelError::Refused { what: what.to_string(), meaning, source }
    }
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace.
    pub(crate) fn open() -> Result<Socket, KernelError> {
        let open = || {
            let mut inner = netlink_sys::Socket::new(NETLINK_ROUTE)?;
            inner.bind_auto()?;
            inner.connect(&SocketAddr::new(0, 0))?;
            // The kernel's words with an error, without the request that caused it.
            inner.set_ext_ack(true)?;
            inner.set_cap_ack(true)?;
            // A dump then honours the interface it is asked about (`NETLINK_GET_STRICT_CHK`, since 4.20).
            inner.set_netlink_get_strict_chk(true)?;
            Ok(inner)
        };
        let inner = open().map_err(|error: io::Error| KernelError::system("open a netlink socket", error))?;
        Ok(Socket { inner, sequence: 0, answer: Vec::with_capacity(ANSWER_SIZE_BYTES) })
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
            self.receive()?;
            for part in parts(&self.answer) {
                let (header, body) = part?;
                let index = header.sequence_number.wrapping_sub(first) as usize;
                let (Some(answer), Some(bodies)) = (answers.get_mut(index), bodies.get_mut(index)) else { continue };
                match header.message_type {
                    NLMSG_ERROR => {
                        *answer = Some(match refusal(header, body)? {
                            Some(refusal) => Err(refusal),
                            None => Ok(std::mem::take(bodies)),
                        });
                    }
                    _ => bodies.push(body.to_vec()),
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
            self.receive()?;
            for part in parts(&self.answer) {
                let (header, body) = part?;
                if header.sequence_number != sequence {
                    continue;
                }
                inconsistent |= header.flags & NLM_F_DUMP_INTR != 0;
                match header.message_type {
                    NLMSG_ERROR | NLMSG_DONE => {
                        let refusal = refusal(header, body)?;
                        return Ok((refusal.map_or(Ok(bodies), Err), inconsistent));
                    }
                    _ => bodies.push(body.to_vec()),
                }
            }
        }
    }

    /// Sends requests in one datagram and gives the sequence number of the first.
    fn send(&mut self, requests: Vec<Request>, flags: u16) -> Result<u32, KernelError> {
        let first = self.sequence.wrapping_add(1);
        let mut datagram = Vec::with_capacity(1024);
        for request in requests {
            self.sequence = self.sequence.wrapping_add(1);
            let mut header = NetlinkHeader::default();
            header.flags = NLM_F_REQUEST | flags | request.flags;
            header.sequence_number = self.sequence;
            let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(request.message));
            message.finalize();
            let at = datagram.len();
            datagram.resize(at + message.buffer_len().next_multiple_of(4), 0);
            message.serialize(&mut datagram[at..]);
        }
        self.inner.send(&datagram, 0).map_err(|error| KernelError::system("send to netlink", error))?;
        Ok(first)
    }

    /// Receives one datagram into `answer`.
    fn receive(&mut self) -> Result<(), KernelError> {
        loop {
            self.answer.clear();
            match self.inner.recv(&mut self.answer, 0) {
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(KernelError::system("receive from netlink", error)),
            }
        }
    }
}

/// The messages of a datagram: header and body.
fn parts(datagram: &[u8]) -> impl Iterator<Item = Result<(NetlinkHeader, &[u8]), KernelError>> {
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
            (header, buffer.length() as usize)
        });
        match part {
            Ok((header, length)) => {
                let body = &rest[HEADER_SIZE_BYTES..length];
                rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
                Some(Ok((header, body)))
            }
            Err(error) => {
                rest = &[];
                Some(Err(KernelError::answer("a netlink request", error)))
            }
        }
    })
}

/// Reads `NLMSG_ERROR` or `NLMSG_DONE`: code 0 is an acknowledgement (netlink(7)).
fn refusal(header: NetlinkHeader, body: &[u8]) -> Result<Option<Refusal>, KernelError> {
    // The end of a list may come without a code.
    if body.is_empty() {
        return Ok(None);
    }
    let error =
        ErrorBuffer::new_checked(body).map_err(|error| KernelError::answer("a netlink acknowledgement", error))?;
    let Some(code) = error.code() else { return Ok(None) };
    // After the number and the request's header, which is all of it that is repeated, the kernel's words.
    let words = if header.flags & NLM_F_ACK_TLVS != 0 && header.message_type == NLMSG_ERROR {
        error.payload().get(HEADER_SIZE_BYTES..).unwrap_or_default()
    } else {
        &[]
    };
    let text = NlasIterator::new(words).flatten().find(|attribute| attribute.kind() == ERROR_TEXT);
    let text = text.map(|attribute| String::from_utf8_lossy(attribute.value()).trim_end_matches('\0').to_owned());
    Ok(Some(Refusal { errno: Errno::from_raw(code.get().saturating_neg()), text }))
}
