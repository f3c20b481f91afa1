//! Requests of nf_tables (include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h): transactions, questions and lists. What
//! tables, sets and elements are is not known here.

use crate::{
    error::KernelError,
    netlink::{Channel, DUMP_ATTEMPTS, HEADER_SIZE_BYTES, Refusal},
    own,
};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NlasIterator,
};
use netlink_sys::protocols::NETLINK_NETFILTER;
use nix::errno::Errno;
use rustix::net::sockopt;
use std::os::fd::AsFd;

/// `NFNL_SUBSYS_NFTABLES`, the upper byte of a message's type and what a batch is for.
const NFTABLES: u16 = 10;
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
/// `NFT_MSG_NEWGEN` and `NFT_MSG_GETGEN`: the number of the last transaction of the namespace.
pub(crate) const NEW_GENERATION: u16 = 15;
const GET_GENERATION: u16 = 16;
/// The length of `struct nfgenmsg`.
pub(crate) const FAMILY_SIZE_BYTES: usize = 4;
/// An attribute's length is 16 bits, its header included.
pub(crate) const ATTRIBUTE_MAX_BYTES: usize = u16::MAX as usize;
/// The length of `struct nlattr`.
pub(crate) const ATTRIBUTE_HEADER_BYTES: usize = 4;
/// `NLA_F_NESTED`
const NESTED: u16 = 1 << 15;
/// How many questions are sent at once: their answers wait in the socket's buffer, of which each takes about 1 KiB and a
/// usual kernel gives 208 KiB (net.core.rmem_default). More at once save nothing that can be measured.
const QUESTIONS_AT_ONCE: usize = 64;
/// What the kernel wants to be free of the send buffer beside the datagram (`netlink_sendmsg` takes 32 bytes of it, and
/// `netlink_alloc_large_skb` the ends of a buffer).
const SEND_OVERHEAD_BYTES: usize = 4096;

/// Whether a message's type is this one of nf_tables.
pub(crate) fn is_of_tables(message_type: u16, kind: u16) -> bool {
    message_type == (NFTABLES << 8) | kind
}

/// Attributes of a message, as they are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    /// One with these bytes.
    pub(crate) fn bytes(self, kind: u16, value: &[u8]) -> Self {
        self.put(kind, value)
    }

    /// One with this text, which ends with a zero byte.
    pub(crate) fn text(self, kind: u16, text: &str) -> Self {
        self.put(kind, &[text.as_bytes(), &[0]].concat())
    }

    /// One with these attributes in it.
    pub(crate) fn nest(self, kind: u16, inner: &Attributes) -> Self {
        self.nested(kind, &inner.0)
    }

    /// One with attributes in it that are bytes already.
    pub(crate) fn nested(self, kind: u16, inner: &[u8]) -> Self {
        self.put(kind | NESTED, inner)
    }

    /// How long they are together.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// As they are sent.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn put(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(ATTRIBUTE_HEADER_BYTES + value.len())
            .expect("lists are split before they are longer, and nothing else is long");
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// The attributes of an answer, kind and value; what can't be read ends them.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    NlasIterator::new(bytes).map_while(Result::ok).map(|attribute| {
        let (kind, length) = (attribute.kind(), usize::from(attribute.length()));
        // It lives as long as the bytes, unlike what `NlaBuffer::value` gives.
        (kind, &attribute.into_inner()[ATTRIBUTE_HEADER_BYTES..length])
    })
}

/// The value of the first attribute of this kind.
pub(crate) fn attribute(bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(kind, _)| *kind == wanted).map(|(_, value)| value)
}

/// A number, which nf_tables writes with its highest byte first.
pub(crate) fn number(value: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(value.try_into().ok()?))
}

/// As [`number`], of 64 bits.
pub(crate) fn long_number(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.try_into().ok()?))
}

/// A text, without the zero byte at its end.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_end_matches('\0').to_owned()
}

/// A message to nf_tables.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// `NFT_MSG_…`
    pub(crate) kind: u16,
    /// Its flags besides `NLM_F_REQUEST` and `NLM_F_ACK`.
    pub(crate) flags: u16,
    /// `NFPROTO_…`
    pub(crate) family: u8,
    /// What it says.
    pub(crate) attributes: Attributes,
}

/// An object that the kernel listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// `NFPROTO_…`
    pub(crate) family: u8,
    /// Its attributes, for [`attributes`].
    pub(crate) attributes: Vec<u8>,
}

impl Listed {
    fn read(body: &[u8]) -> Listed {
        let (head, attributes) = body.split_at(FAMILY_SIZE_BYTES.min(body.len()));
        Listed { family: head.first().copied().unwrap_or_default(), attributes: attributes.to_vec() }
    }
}

/// What the kernel says to a question: an object, or why not.
pub(crate) type Answer = Result<Listed, Refusal>;

/// Why a transaction was not carried out.
pub(crate) enum Failure {
    /// These messages, by their place, were refused. None of the transaction was done.
    Messages(Vec<(usize, Refusal)>),
    /// All of it was refused.
    Whole(Refusal),
}

/// A socket of nf_tables. It stays in the namespace that it was opened in, whichever thread uses it.
pub(crate) struct Netfilter {
    channel: Channel,
    send_buffer_bytes: usize,
}

impl Netfilter {
    /// Opens a socket in the calling thread's network namespace. It has one of our own ports.
    pub(crate) fn open() -> Result<Netfilter, KernelError> {
        let channel = Channel::open(NETLINK_NETFILTER, own::ports())?;
        let send_buffer_bytes = sockopt::socket_send_buffer_size(channel.as_fd())
            .map_err(|error| KernelError::system("ask for a socket's buffer", error))?;
        Ok(Netfilter { channel, send_buffer_bytes })
    }

    /// One transaction: all messages are carried out, or none. It is one datagram, which the kernel has dealt with when it
    /// is sent (`nfnetlink_rcv_batch` in net/netfilter/nfnetlink.c). At a message that fails the kernel goes on, so that all
    /// that fail are told.
    pub(crate) fn transaction(&mut self, messages: &[Message]) -> Result<Result<(), Failure>, KernelError> {
        let begin = self.channel.next_sequence();
        let mut datagram = Vec::with_capacity(4096);
        write(&mut datagram, BATCH_BEGIN, 0, begin, 0, NFTABLES, &Attributes::default());
        let mut first = None;
        for message in messages {
            let sequence = self.channel.next_sequence();
            first.get_or_insert(sequence);
            message.write(&mut datagram, NLM_F_ACK, sequence);
        }
        let end = self.channel.next_sequence();
        write(&mut datagram, BATCH_END, 0, end, 0, NFTABLES, &Attributes::default());
        self.make_room(datagram.len())?;
        self.channel.send(&datagram)?;

        let mut answered = 0;
        let mut refused = Vec::new();
        while answered < messages.len() {
            for part in self.channel.receive()? {
                let part = part?;
                if part.header.message_type != NLMSG_ERROR {
                    continue;
                }
                // What is wrong with the whole is said of the beginning, and is said first.
                if part.header.sequence_number == begin
                    && let Some(refusal) = part.refusal()?
                {
                    return Ok(Err(Failure::Whole(refusal)));
                }
                let index = first.map(|first| part.header.sequence_number.wrapping_sub(first) as usize);
                let Some(index) = index.filter(|index| *index < messages.len()) else { continue };
                answered += 1;
                refused.extend(part.refusal()?.map(|refusal| (index, refusal)));
            }
        }
        Ok(if refused.is_empty() { Ok(()) } else { Err(Failure::Messages(refused)) })
    }

    /// Asks for one object with each message, many at a time; the answers are in their order.
    pub(crate) fn ask(&mut self, questions: &[Message]) -> Result<Vec<Answer>, KernelError> {
        let mut answers = Vec::with_capacity(questions.len());
        for questions in questions.chunks(QUESTIONS_AT_ONCE) {
            answers.extend(self.ask_at_once(questions)?);
        }
        Ok(answers)
    }

    fn ask_at_once(&mut self, questions: &[Message]) -> Result<Vec<Answer>, KernelError> {
        let mut first = None;
        let mut datagram = Vec::with_capacity(4096);
        for question in questions {
            let sequence = self.channel.next_sequence();
            first.get_or_insert(sequence);
            question.write(&mut datagram, 0, sequence);
        }
        let Some(first) = first else { return Ok(Vec::new()) };
        self.channel.send(&datagram)?;
        let mut answers: Vec<Option<Answer>> = vec![None; questions.len()];
        while answers.iter().any(Option::is_none) {
            for part in self.channel.receive()? {
                let part = part?;
                let index = part.header.sequence_number.wrapping_sub(first) as usize;
                let Some(answer) = answers.get_mut(index) else { continue };
                *answer = Some(match part.header.message_type {
                    NLMSG_ERROR => match part.refusal()? {
                        Some(refusal) => Err(refusal),
                        None => return Err(KernelError::answer("a question to nf_tables", "it says yes")),
                    },
                    _ => Ok(Listed::read(part.body)),
                });
            }
        }
        Ok(answers.into_iter().flatten().collect())
    }

    /// Asks for a whole list, anew when a transaction came between and the kernel says so.
    pub(crate) fn dump(&mut self, question: &Message) -> Result<Result<Vec<Listed>, Refusal>, KernelError> {
        let mut answer = self.dump_once(question)?;
        for _ in 1..DUMP_ATTEMPTS {
            if !answer.1 {
                break;
            }
            answer = self.dump_once(question)?;
        }
        Ok(answer.0)
    }

    /// One attempt, and whether the kernel calls it inconsistent.
    fn dump_once(&mut self, question: &Message) -> Result<(Result<Vec<Listed>, Refusal>, bool), KernelError> {
        let sequence = self.channel.next_sequence();
        let mut datagram = Vec::with_capacity(256);
        question.write(&mut datagram, NLM_F_DUMP, sequence);
        self.channel.send(&datagram)?;
        let mut listed = Vec::new();
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
                        // Also what a set that changes while it is listed answers.
                        inconsistent |= refusal.as_ref().is_some_and(|refusal| refusal.errno == Errno::EINTR);
                        return Ok((refusal.map_or(Ok(listed), Err), inconsistent));
                    }
                    _ => listed.push(Listed::read(part.body)),
                }
            }
        }
    }

    /// The number of the last transaction, by whomever. Two lists hang together when it is the same before and after.
    pub(crate) fn generation(&mut self) -> Result<u32, KernelError> {
        /// `NFTA_GEN_ID`
        const ID: u16 = 1;
        let question = Message { kind: GET_GENERATION, flags: 0, family: 0, attributes: Attributes::default() };
        let answer = self.ask_at_once(std::slice::from_ref(&question))?.into_iter().next();
        let what = "find the number of the last transaction";
        let listed =
            answer.ok_or_else(|| KernelError::answer(what, "there is none"))?.map_err(|refusal| refusal.when(what))?;
        let id = attribute(&listed.attributes, ID).and_then(number);
        id.ok_or_else(|| KernelError::answer(what, "no number"))
    }

    /// A datagram must fit into the send buffer. Root may have more of it than net.core.wmem_max; who may not, gets as much
    /// as there is, and the kernel says EMSGSIZE if that won't do.
    fn make_room(&mut self, size_bytes: usize) -> Result<(), KernelError> {
        let needed = size_bytes + SEND_OVERHEAD_BYTES;
        if needed <= self.send_buffer_bytes {
            return Ok(());
        }
        let socket = self.channel.as_fd();
        let grown = sockopt::set_socket_send_buffer_size_force(socket, needed)
            .or_else(|_| sockopt::set_socket_send_buffer_size(socket, needed))
            .and_then(|()| sockopt::socket_send_buffer_size(socket));
        self.send_buffer_bytes =
            grown.map_err(|error| KernelError::system(format!("have a buffer of {needed} bytes"), error))?;
        Ok(())
    }
}

impl Message {
    /// How long the message is before its attributes.
    pub(crate) const HEAD_BYTES: usize = HEADER_SIZE_BYTES + FAMILY_SIZE_BYTES;

    fn write(&self, datagram: &mut Vec<u8>, flags: u16, sequence: u32) {
        let kind = (NFTABLES << 8) | self.kind;
        write(datagram, kind, self.flags | flags, sequence, self.family, 0, &self.attributes);
    }
}

/// `struct nlmsghdr`, `struct nfgenmsg` and the attributes.
pub(crate) fn write(
    datagram: &mut Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    family: u8,
    resource: u16,
    attributes: &Attributes,
) {
    let length = u32::try_from(Message::HEAD_BYTES + attributes.len()).expect("a few attributes of 64 KiB at the most");
    datagram.extend_from_slice(&length.to_ne_bytes());
    datagram.extend_from_slice(&kind.to_ne_bytes());
    datagram.extend_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    datagram.extend_from_slice(&sequence.to_ne_bytes());
    // The sender's port, which the kernel fills in.
    datagram.extend_from_slice(&[0; 4]);
    datagram.extend_from_slice(&[family, 0]);
    datagram.extend_from_slice(&resource.to_be_bytes());
    datagram.extend_from_slice(&attributes.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_read_back_as_they_were_written() {
        let inner = Attributes::default().bytes(1, &[7]).text(2, "abc");
        let written = Attributes::default().bytes(3, &[1, 2, 3, 4]).nest(4, &inner);
        let kinds: Vec<u16> = attributes(&written.0).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [3, 4]);
        assert_eq!(attribute(&written.0, 3).and_then(number), Some(0x0102_0304));
        let nested = attribute(&written.0, 4).expect("it was written");
        assert_eq!(attribute(nested, 1), Some([7].as_slice()));
        assert_eq!(attribute(nested, 2).map(text).as_deref(), Some("abc"));
        assert_eq!(attribute(nested, 5), None);
        assert_eq!(attribute(&[9, 0, 1], 1), None);
    }
}
