//! What a question is answered with: a function of the packet, the table and who asks. Nothing is sent or received here.
//!
//! Messages are RFC 1035's; what a name has nothing of is RFC 2308's NODATA, not NXDOMAIN; EDNS is RFC 6891.

use super::table::{Pointed, Table, WayOut};
use drawbridge_api::{ContainerId, DnsOutcome, DnsTransport, NsName};
use hickory_proto::{
    op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode},
    rr::{
        DNSClass, Name, RData, Record, RecordType,
        rdata::{A, AAAA, PTR},
    },
};
use rand::seq::SliceRandom;
use std::net::IpAddr;

/// How long an answer may be kept, in seconds. Docker says 600; whoever believes that asks a container's old address for ten
/// minutes after it was made anew. Five spare a program that asks for each connection most of its questions.
const TTL_S: u32 = 5;
/// The length of a message's header.
pub(super) const HEADER_BYTES: usize = 12;
/// The longest datagram for who does not say what it takes (RFC 1035 §4.2.1).
const DATAGRAM_BYTES: usize = 512;
/// What we say that we take by datagram; the questions come over a loopback, whose packets are larger.
const TAKEN_BYTES: u16 = 4096;

/// Who asks, and how it is to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asker {
    /// The container that the namespace is for: its networks are looked through.
    pub container: ContainerId,
    /// Where it asks.
    pub namespace: NsName,
    /// Resolvers of its own, asked from its namespace; the host's, from the host, when empty.
    pub servers: Vec<IpAddr>,
    /// Who completes a name without a dot.
    pub bare_names: BareNames,
}

/// What becomes of a name without a dot that no container has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BareNames {
    /// An upstream resolver is asked, as for any other.
    Forwarded,
    /// The container's `ndots` says that it completes such a name itself (resolv.conf(5)), so nobody is asked.
    Completed,
}

/// What to do with a packet.
#[derive(Debug)]
pub(super) enum Examined {
    /// Nothing: it is no question at all, and who answers an answer may be answered for ever.
    Ignore,
    /// Send this.
    Answer {
        /// The message.
        packet: Vec<u8>,
        /// What is kept of it.
        told: Told,
    },
    /// Ask upstream, and send what is answered there, or [`Asked::failure`].
    Forward(Asked),
}

/// What is kept of a question and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The name.
    pub(super) name: String,
    /// The type.
    pub(super) record_type: String,
    /// How it ended.
    pub(super) outcome: DnsOutcome,
    /// What was answered.
    pub(super) answers: Vec<String>,
    /// Why so.
    pub(super) reason: String,
}

/// A question that has to be asked elsewhere.
#[derive(Debug)]
pub(super) struct Asked {
    request: Message,
    /// The name.
    pub(super) name: String,
    /// The type.
    pub(super) record_type: String,
}

/// Looks at a packet.
pub(super) fn examine(packet: &[u8], table: &Table, asker: &Asker, transport: DnsTransport) -> Examined {
    let request = match Message::from_vec(packet) {
        Ok(request) => request,
        Err(_) => return malformed(packet),
    };
    if request.metadata.message_type == MessageType::Response {
        return Examined::Ignore;
    }
    let refused = |code, reason: &str| {
        let told = Told::new(request.queries.first(), DnsOutcome::Refused, reason);
        answer(&request, code, Vec::new(), told, transport)
    };
    if request.metadata.op_code != OpCode::Query {
        return refused(ResponseCode::NotImp, "only questions are answered, not this operation");
    }
    if request.edns.as_ref().is_some_and(|edns| edns.version() > 0) {
        return refused(ResponseCode::BADVERS, "of EDNS only version 0 is known");
    }
    let [query] = request.queries.as_slice() else {
        return refused(ResponseCode::FormErr, "a message has one question");
    };
    if query.query_class() != DNSClass::IN {
        return refused(ResponseCode::Refused, "only the class IN is known");
    }
    match known(query, table, asker) {
        Some(Known { code, records, told }) => answer(&request, code, records, told, transport),
        None => {
            let (name, record_type) = (shown(query.name()), query.query_type().to_string());
            Examined::Forward(Asked { request, name, record_type })
        }
    }
}

/// A packet's way without sockets: what is sent back for it, where an upstream resolver that has to be asked would answer with
/// `upstream`. None where nothing is sent.
pub fn pass(packet: &[u8], upstream: &[u8], table: &Table, asker: &Asker, transport: DnsTransport) -> Option<Vec<u8>> {
    match examine(packet, table, asker, transport) {
        Examined::Ignore => None,
        Examined::Answer { packet, .. } => Some(packet),
        Examined::Forward(asked) => {
            // For the lens, which shows what it can read of it.
            let _ = Asked::answers(upstream);
            asked
                .passed_on(upstream.to_vec(), transport)
                .filter(|sent| sent.len() >= HEADER_BYTES)
                .or_else(|| asked.failure())
        }
    }
}

/// What the table says to a question.
struct Known {
    code: ResponseCode,
    records: Vec<RData>,
    told: Told,
}

impl Known {
    fn nothing(query: &Query, code: ResponseCode, outcome: DnsOutcome, reason: impl Into<String>) -> Option<Known> {
        Some(Known { code, records: Vec::new(), told: Told::new(Some(query), outcome, reason) })
    }

    fn records(query: &Query, records: Vec<RData>, reason: &str) -> Option<Known> {
        let told = Told {
            answers: records.iter().map(|record| record.to_string().trim_end_matches('.').to_owned()).collect(),
            ..Told::new(Some(query), DnsOutcome::Answered, reason)
        };
        Some(Known { code: ResponseCode::NoError, records, told })
    }
}

/// None when somebody else has to be asked.
fn known(query: &Query, table: &Table, asker: &Asker) -> Option<Known> {
    if query.query_type() == RecordType::PTR
        && let Some(address) = whole_address(query.name())
    {
        match table.pointer(&asker.container, address) {
            Pointed::To(name) => {
                // A container may have a name that is too long for a label.
                let record = Name::from_ascii(format!("{name}.")).map(|name| RData::PTR(PTR(name)));
                if let Ok(record) = record {
                    return Known::records(query, vec![record], "a container of this network has the address");
                }
            }
            Pointed::Nobody => {
                let reason = "the address is in this network's range, and no container has it";
                return Known::nothing(query, ResponseCode::NXDomain, DnsOutcome::NoSuchName, reason);
            }
            Pointed::Elsewhere => {}
        }
    }
    let name = query.name().to_ascii();
    let name = name.trim_end_matches('.');
    if let Some(mut addresses) = table.addresses(&asker.container, name) {
        addresses.shuffle(&mut rand::rng());
        let wanted = |address: &IpAddr| match query.query_type() {
            RecordType::A => address.is_ipv4(),
            RecordType::AAAA => address.is_ipv6(),
            RecordType::ANY => true,
            _ => false,
        };
        let records: Vec<RData> = addresses.into_iter().filter(wanted).map(record).collect();
        if records.is_empty() {
            let reason = format!("the name is a container's, which has no {}", query.query_type());
            return Known::nothing(query, ResponseCode::NoError, DnsOutcome::NoData, reason);
        }
        return Known::records(query, records, "a container of a shared network has the name");
    }
    let bare = !name.is_empty() && !name.contains('.');
    if bare && asker.bare_names == BareNames::Completed {
        let reason = "no container has the name, and the container's ndots says that it completes it itself";
        return Known::nothing(query, ResponseCode::NoError, DnsOutcome::NoData, reason);
    }
    // Its own resolvers are asked from its own namespace, so that nothing gets further than its networks lead.
    if table.way_out(&asker.container) == WayOut::Open || !asker.servers.is_empty() {
        return None;
    }
    if bare {
        let reason = "no container has the name, and its networks are internal, so that nobody else is asked";
        return Known::nothing(query, ResponseCode::NXDomain, DnsOutcome::NoSuchName, reason);
    }
    let reason = "its networks are internal, so that nobody else is asked";
    Known::nothing(query, ResponseCode::ServFail, DnsOutcome::Failed, reason)
}

fn record(address: IpAddr) -> RData {
    match address {
        IpAddr::V4(address) => RData::A(A(address)),
        IpAddr::V6(address) => RData::AAAA(AAAA(address)),
    }
}

/// The address that a name under `in-addr.arpa` or `ip6.arpa` stands for.
fn whole_address(name: &Name) -> Option<IpAddr> {
    let net = name.parse_arpa_name().ok()?;
    (net.prefix_len() == net.max_prefix_len()).then(|| net.addr())
}

fn answer(request: &Message, code: ResponseCode, records: Vec<RData>, told: Told, transport: DnsTransport) -> Examined {
    let mut response = reply(request, code);
    // An authority we are for what we know, and for nothing that we refuse.
    response.metadata.authoritative = matches!(code, ResponseCode::NoError | ResponseCode::NXDomain);
    if let Some(query) = request.queries.first() {
        let made = records.into_iter().map(|record| Record::from_rdata(query.name().clone(), TTL_S, record));
        response.answers = made.collect();
    }
    let Ok(packet) = response.to_vec() else { return Examined::Ignore };
    if transport == DnsTransport::Tcp || packet.len() <= taken_bytes(request) {
        return Examined::Answer { packet, told };
    }
    match truncated(&response) {
        Some(packet) => Examined::Answer { packet, told },
        None => Examined::Ignore,
    }
}

/// The beginning of an answer.
fn reply(request: &Message, code: ResponseCode) -> Message {
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    response.metadata = Metadata::response_from_request(&request.metadata);
    response.metadata.recursion_available = true;
    response.metadata.response_code = code;
    response.queries = request.queries.clone();
    if let Some(asked) = &request.edns {
        let mut edns = Edns::new();
        edns.set_max_payload(TAKEN_BYTES);
        edns.set_dnssec_ok(asked.flags().dnssec_ok);
        response.edns = Some(edns);
    }
    response
}

/// Header and question alone, marked as not whole: who asked comes again by TCP.
fn truncated(response: &Message) -> Option<Vec<u8>> {
    let mut short = response.clone();
    short.metadata.truncation = true;
    short.answers.clear();
    short.to_vec().ok()
}

/// The longest datagram that who asked takes.
fn taken_bytes(request: &Message) -> usize {
    let said = request.edns.as_ref().map_or(0, |edns| usize::from(edns.max_payload()));
    said.max(DATAGRAM_BYTES)
}

/// A packet that can't be read. If it has a header and is no answer, the header is sent back, marked FORMERR.
fn malformed(packet: &[u8]) -> Examined {
    const IS_RESPONSE: u8 = 0x80;
    let [first, second, flags, ..] = *packet else { return Examined::Ignore };
    if packet.len() < HEADER_BYTES || flags & IS_RESPONSE != 0 {
        return Examined::Ignore;
    }
    let id = u16::from_be_bytes([first, second]);
    let response = Message::error_msg(id, OpCode::from_u8(flags >> 3 & 0xf), ResponseCode::FormErr);
    let told = Told::new(None, DnsOutcome::Refused, "the message can't be read");
    response.to_vec().map_or(Examined::Ignore, |packet| Examined::Answer { packet, told })
}

impl Told {
    fn new(query: Option<&Query>, outcome: DnsOutcome, reason: impl Into<String>) -> Told {
        Told {
            name: query.map(|query| shown(query.name())).unwrap_or_default(),
            record_type: query.map(|query| query.query_type().to_string()).unwrap_or_default(),
            outcome,
            answers: Vec::new(),
            reason: reason.into(),
        }
    }
}

/// A name as it is shown: without the dot at its end, which only the root keeps.
fn shown(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').filter(|text| !text.is_empty()).map_or_else(|| text.clone(), str::to_owned)
}

impl Asked {
    /// What is sent where nobody could answer.
    pub(super) fn failure(&self) -> Option<Vec<u8>> {
        reply(&self.request, ResponseCode::ServFail).to_vec().ok()
    }

    /// What is sent of an upstream resolver's answer: all of it, under the number of the question, or, where that is more than
    /// the asker takes by datagram, that there is more.
    pub(super) fn passed_on(&self, mut packet: Vec<u8>, transport: DnsTransport) -> Option<Vec<u8>> {
        if transport == DnsTransport::Udp && packet.len() > taken_bytes(&self.request) {
            return truncated(&reply(&self.request, ResponseCode::NoError));
        }
        packet.get_mut(..2)?.copy_from_slice(&self.request.metadata.id.to_be_bytes());
        Some(packet)
    }

    /// What an upstream resolver's answer says, for a person.
    pub(super) fn answers(packet: &[u8]) -> (Vec<String>, &'static str) {
        let Ok(message) = Message::from_vec(packet) else { return (Vec::new(), "the answer can't be read") };
        let text = |record: &Record| record.data.to_string().trim_end_matches('.').to_owned();
        let answers: Vec<String> = message.answers.iter().map(text).collect();
        let reason = match message.metadata.response_code {
            ResponseCode::NoError if answers.is_empty() => {
                "the name has nothing of that type, says the upstream resolver"
            }
            ResponseCode::NoError => "no container has the name, so the upstream resolver was asked",
            ResponseCode::NXDomain => "there is no such name, says the upstream resolver",
            ResponseCode::ServFail => "the upstream resolver failed",
            ResponseCode::Refused => "the upstream resolver refused",
            _ => "the upstream resolver answered with an error",
        };
        (answers, reason)
    }
}

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
