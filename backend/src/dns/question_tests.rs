//! Questions as programs send them, and packets that no program should.

use super::super::table::{Membership, Naming};
use super::*;
use drawbridge_api::NetworkId;
use proptest::prelude::*;

fn container(number: u8) -> ContainerId {
    ContainerId::from_bytes([number; 32])
}

/// Container 1 on an open network with web (2, 3 in both families) and 70 workers, container 9 on an internal one.
fn table() -> Table {
    let member = |way_out, names: &[&str], addresses: &[&str]| {
        let number = if way_out == WayOut::Open { 1 } else { 2 };
        vec![Membership {
            network: NetworkId::from_bytes([number; 32]),
            network_name: "net".to_owned(),
            naming: Naming::Names,
            way_out,
            subnets: vec!["10.0.0.0/24".parse().unwrap()],
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            links: Vec::new(),
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        }]
    };
    let mut table = Table::default();
    table.set(&container(1), member(WayOut::Open, &["me"], &["10.0.0.2"]));
    table.set(&container(2), member(WayOut::Open, &["web-1", "web"], &["10.0.0.3"]));
    table.set(&container(3), member(WayOut::Open, &["web-2", "web"], &["10.0.0.4", "fd00::4"]));
    for number in 100..170 {
        table.set(&container(number), member(WayOut::Open, &["worker"], &[&format!("10.0.1.{number}")]));
    }
    table.set(&container(9), member(WayOut::Closed, &["alone"], &["10.0.0.9"]));
    table
}

fn asker(number: u8) -> Asker {
    Asker {
        container: container(number),
        namespace: "ns".parse().unwrap(),
        servers: Vec::new(),
        bare_names: BareNames::Forwarded,
    }
}

fn request(name: &str, record_type: RecordType) -> Message {
    let mut request = Message::new(0x1234, MessageType::Query, OpCode::Query);
    request.metadata.recursion_desired = true;
    request.queries.push(Query::query(Name::from_ascii(name).unwrap(), record_type));
    request
}

/// What is answered; none when somebody else is asked.
fn asked(asker: &Asker, request: &Message, transport: DnsTransport) -> Option<(Message, Told)> {
    match examine(&request.to_vec().unwrap(), &table(), asker, transport) {
        Examined::Answer { packet, told } => Some((Message::from_vec(&packet).unwrap(), told)),
        Examined::Forward(_) => None,
        Examined::Ignore => panic!("{request:?} was ignored"),
    }
}

/// The code and the sorted data of the answer to a question by datagram; "elsewhere" when somebody else is asked.
fn told(asker: &Asker, name: &str, record_type: RecordType) -> String {
    let Some((message, _)) = asked(asker, &request(name, record_type), DnsTransport::Udp) else {
        return "elsewhere".to_owned();
    };
    assert_eq!(message.metadata.id, 0x1234);
    assert!(message.metadata.recursion_available && message.metadata.recursion_desired);
    assert_eq!(message.queries, request(name, record_type).queries, "the question comes back as it was written");
    let mut answers: Vec<String> = message.answers.iter().map(|record| record.data.to_string()).collect();
    answers.sort_unstable();
    format!("{:?} {}", message.metadata.response_code, answers.join(" ")).trim_end().to_owned()
}

#[test]
fn a_name_has_what_it_has_and_nothing_of_the_rest() {
    let me = asker(1);
    for (name, record_type, expected) in [
        ("web.", RecordType::A, "NoError 10.0.0.3 10.0.0.4"),
        ("WeB.", RecordType::A, "NoError 10.0.0.3 10.0.0.4"),
        ("web.net.", RecordType::A, "NoError 10.0.0.3 10.0.0.4"),
        ("web.", RecordType::AAAA, "NoError fd00::4"),
        ("web-1.", RecordType::AAAA, "NoError"),
        ("web-1.", RecordType::MX, "NoError"),
        ("web-1.", RecordType::HTTPS, "NoError"),
        ("web-2.", RecordType::ANY, "NoError 10.0.0.4 fd00::4"),
        ("me.", RecordType::A, "NoError 10.0.0.2"),
        ("4.0.0.10.in-addr.arpa.", RecordType::PTR, "NoError web-2.net."),
        ("77.0.0.10.in-addr.arpa.", RecordType::PTR, "NXDomain"),
        ("1.1.1.1.in-addr.arpa.", RecordType::PTR, "elsewhere"),
        ("0.0.10.in-addr.arpa.", RecordType::PTR, "elsewhere"),
        ("nobody.", RecordType::A, "elsewhere"),
        ("www.example.", RecordType::A, "elsewhere"),
        (".", RecordType::NS, "elsewhere"),
    ] {
        assert_eq!(told(&me, name, record_type), expected, "{name} {record_type}");
    }
}

#[test]
fn from_internal_networks_nothing_gets_out() {
    let alone = asker(9);
    assert_eq!(told(&alone, "alone.", RecordType::A), "NoError 10.0.0.9");
    assert_eq!(told(&alone, "nobody.", RecordType::A), "NXDomain");
    assert_eq!(told(&alone, "www.example.", RecordType::A), "ServFail");
    assert_eq!(told(&alone, "1.1.1.1.in-addr.arpa.", RecordType::PTR), "ServFail");
    let own = Asker { servers: vec!["10.0.0.1".parse().unwrap()], ..alone };
    assert_eq!(told(&own, "www.example.", RecordType::A), "elsewhere", "its own resolver, from its own namespace");
}

#[test]
fn a_bare_name_stays_here_where_the_container_completes_it() {
    let me = Asker { bare_names: BareNames::Completed, ..asker(1) };
    assert_eq!(told(&me, "nobody.", RecordType::A), "NoError");
    assert_eq!(told(&me, "web-1.", RecordType::A), "NoError 10.0.0.3");
    assert_eq!(told(&me, "nobody.example.", RecordType::A), "elsewhere");
}

#[test]
fn several_addresses_come_in_any_order() {
    let first = || {
        let (message, told) = asked(&asker(1), &request("web.", RecordType::A), DnsTransport::Udp).unwrap();
        assert_eq!(told.answers.len(), 2);
        message.answers[0].data.to_string()
    };
    let firsts: std::collections::HashSet<String> = (0..100).map(|_| first()).collect();
    assert_eq!(firsts.len(), 2, "100 times the same first, by a chance of 1 in 2^99");
}

#[test]
fn what_does_not_fit_is_asked_for_by_stream() {
    let question = request("worker.", RecordType::A);
    let (short, _) = asked(&asker(1), &question, DnsTransport::Udp).unwrap();
    assert!(short.metadata.truncation && short.answers.is_empty() && short.queries == question.queries);
    let (whole, _) = asked(&asker(1), &question, DnsTransport::Tcp).unwrap();
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 70);
    let mut larger = question.clone();
    larger.edns = Some(Edns::new());
    larger.edns.as_mut().unwrap().set_max_payload(4096);
    let (whole, _) = asked(&asker(1), &larger, DnsTransport::Udp).unwrap();
    assert_eq!((whole.answers.len(), whole.metadata.truncation), (70, false));
    assert!(whole.edns.is_some(), "who speaks EDNS is answered in it");
    assert!(short.edns.is_none());
}

#[test]
fn what_is_no_question_is_refused_or_ignored() {
    let code = |request: &Message| {
        let (message, told) = asked(&asker(1), request, DnsTransport::Udp).unwrap();
        assert_eq!(told.outcome, DnsOutcome::Refused);
        message.metadata.response_code
    };
    let mut update = request("web.", RecordType::A);
    update.metadata.op_code = OpCode::Update;
    assert_eq!(code(&update), ResponseCode::NotImp);
    let mut chaos = request("version.bind.", RecordType::TXT);
    chaos.queries[0].set_query_class(DNSClass::CH);
    assert_eq!(code(&chaos), ResponseCode::Refused);
    let mut two = request("web.", RecordType::A);
    two.queries.push(two.queries[0].clone());
    assert_eq!(code(&two), ResponseCode::FormErr);
    let mut later = request("web.", RecordType::A);
    later.edns = Some(Edns::new());
    later.edns.as_mut().unwrap().set_version(1);
    assert_eq!(u16::from(code(&later)), u16::from(ResponseCode::BADVERS), "16 is the number of two");

    let mut answer = request("web.", RecordType::A);
    answer.metadata.message_type = MessageType::Response;
    let ignored = |packet: &[u8]| matches!(examine(packet, &table(), &asker(1), DnsTransport::Udp), Examined::Ignore);
    assert!(ignored(&answer.to_vec().unwrap()), "an answer");
    assert!(ignored(&[]) && ignored(&[1, 2, 3]) && ignored(&[0; 11]), "less than a header");
    let mut broken = request("web.", RecordType::A).to_vec().unwrap();
    broken.truncate(14);
    match examine(&broken, &table(), &asker(1), DnsTransport::Udp) {
        Examined::Answer { packet, .. } => assert_eq!(packet, [0x12, 0x34, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_upstream_answer_comes_back_under_the_askers_number() {
    let question = request("www.example.", RecordType::A);
    let Examined::Forward(asked) = examine(&question.to_vec().unwrap(), &table(), &asker(1), DnsTransport::Udp) else {
        panic!("nobody here knows it");
    };
    let mut answer = Message::response(7, OpCode::Query);
    answer.queries = question.queries.clone();
    let record =
        |number: u8| Record::from_rdata(question.queries[0].name().clone(), 60, record([192, 0, 2, number].into()));
    answer.answers = (0..60).map(record).collect();
    let packet = answer.to_vec().unwrap();
    let by_stream = asked.passed_on(packet.clone(), DnsTransport::Tcp).unwrap();
    assert_eq!((&by_stream[..2], &by_stream[2..]), ([0x12, 0x34].as_slice(), &packet[2..]));
    let by_datagram = Message::from_vec(&asked.passed_on(packet, DnsTransport::Udp).unwrap()).unwrap();
    assert!(by_datagram.metadata.truncation && by_datagram.answers.is_empty());
    let failure = Message::from_vec(&asked.failure().unwrap()).unwrap();
    assert_eq!((failure.metadata.id, failure.metadata.response_code), (0x1234, ResponseCode::ServFail));
}

/// A question with some bytes changed, cut off or added: nearer to what is read than bytes by chance are.
fn nearly_a_question() -> impl Strategy<Value = Vec<u8>> {
    let name = prop::sample::select(vec!["web.", "a.b.c.d.example.", "4.0.0.10.in-addr.arpa.", "worker.", "."]);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8);
    let ends = (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..40));
    (name, any::<u16>(), any::<bool>(), changes, any::<bool>(), ends).prop_map(
        |(name, record_type, edns, changes, cut, (end, more))| {
            let mut request = request(name, RecordType::from(record_type));
            request.edns = edns.then(Edns::new);
            let mut packet = request.to_vec().expect("a question");
            for (at, byte) in changes {
                *at.get_mut(&mut packet) = byte;
            }
            if cut {
                packet.truncate(end.index(packet.len()));
            }
            packet.extend(more);
            packet
        },
    )
}

fn check(packet: &[u8], table: &Table) -> Result<(), TestCaseError> {
    for (number, transport) in [(1, DnsTransport::Udp), (9, DnsTransport::Tcp)] {
        match examine(packet, table, &asker(number), transport) {
            Examined::Ignore => {}
            Examined::Answer { packet: answer, .. } => {
                prop_assert_eq!(&answer[..2], &packet[..2], "under another number");
                prop_assert!(answer[2] & 0x80 != 0, "not an answer");
                prop_assert!(Message::from_vec(&answer).is_ok(), "{:?} can't be read", answer);
                prop_assert!(transport == DnsTransport::Tcp || answer.len() <= 65_507, "more than a datagram");
            }
            Examined::Forward(asked) => {
                prop_assert!(packet.len() > HEADER_BYTES, "not a question");
                let failure = asked.failure().ok_or_else(|| TestCaseError::fail("no failure can be told"))?;
                prop_assert_eq!(&failure[..2], &packet[..2]);
            }
        }
    }
    Ok(())
}

/// The fuzz target's corpus, with each packet also cut off everywhere and with each of its bits turned.
#[test]
fn what_a_fuzzer_begins_with_is_passed() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/dns_query");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        files += 1;
        let packets = &bytes[2..];
        for end in 0..=packets.len() {
            check(&packets[..end], &table()).unwrap();
            pass(&packets[..end], &packets[end..], &table(), &asker(1), DnsTransport::Udp);
        }
        for bit in 0..8 * packets.len() {
            let mut changed = packets.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            check(&changed, &table()).unwrap();
        }
    }
    assert!(files > 20, "{files}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_packet_is_too_strange(packet in nearly_a_question()) {
        check(&packet, &table())?;
    }

    #[test]
    fn nor_are_bytes_by_chance(packet in prop::collection::vec(any::<u8>(), 0..600)) {
        check(&packet, &table())?;
    }
}
