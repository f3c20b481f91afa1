//! What tests of names need: containers that ask, a resolver upstream, and a host that names it.

use crate::harness::{DEADLINE, Daemon, run};
use drawbridge_kernel::testing::inside;
use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{Name, RData, Record, RecordType, rdata::A},
};
use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::{TcpListener, UdpSocket},
    path::PathBuf,
    sync::{Arc, Mutex},
    thread,
};

pub(super) const RESOLVER: &str = "127.0.0.11:53";

pub(super) fn sleeper(daemon: &Daemon, name: &str, flags: &[&str]) -> String {
    let id = daemon.docker(&[&["run", "-d", "--name", name][..], flags, &["busybox", "sleep", "1000"]].concat());
    id[..12].to_owned()
}

pub(super) fn address_of(daemon: &Daemon, name: &str) -> String {
    daemon.docker(&["inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name])
}

pub(super) fn question(name: &str, record_type: RecordType) -> Message {
    let mut question = Message::new(rand::random(), MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.queries.push(Query::query(Name::from_ascii(name).unwrap(), record_type));
    question
}

/// Asks from a namespace by datagram; none when nobody answers.
pub(super) fn ask(namespace: &str, name: &str) -> Option<Message> {
    inside(namespace, || {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.connect(RESOLVER).unwrap();
        let question = question(name, RecordType::A);
        socket.send(&question.to_vec().unwrap()).ok()?;
        let mut packet = [0; 4096];
        let length = socket.recv(&mut packet).ok()?;
        let answer = Message::from_vec(&packet[..length]).unwrap();
        assert_eq!(answer.metadata.id, question.metadata.id);
        Some(answer)
    })
}

/// The addresses that are answered, sorted, or the code of an answer without. As resolvers do, it asks again when it is told that
/// nobody upstream has answered in time: the one of a test may be late on a busy machine.
pub(super) fn told(namespace: &str, name: &str) -> String {
    let failed = |answer: &Message| answer.metadata.response_code == ResponseCode::ServFail;
    let answer = (0..2).find_map(|_| ask(namespace, name).filter(|answer| !failed(answer)));
    let Some(answer) = answer.or_else(|| ask(namespace, name)) else { return "silence".to_owned() };
    let mut addresses: Vec<String> = answer.answers.iter().map(|record| record.data.to_string()).collect();
    addresses.sort_unstable();
    match addresses.as_slice() {
        [] => format!("{:?}", answer.metadata.response_code),
        addresses => addresses.join(" "),
    }
}

pub(super) fn read_in(daemon: &Daemon, container: &str, file: &str) -> String {
    daemon.docker(&["exec", container, "cat", file])
}

/// Lines of a file, without comments.
pub(super) fn said(text: &str) -> Vec<&str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// A resolver that knows every name under `.example`: by datagram that there is more for `long.example`, by stream all. It
/// keeps the names that it is asked for, and ends with the test.
pub(super) fn upstream(at: &str, address: [u8; 4]) -> Arc<Mutex<BTreeSet<String>>> {
    let names = Arc::default();
    let answer = {
        let names: Arc<Mutex<BTreeSet<String>>> = Arc::clone(&names);
        move |packet: &[u8], by_datagram: bool| {
            let question = Message::from_vec(packet).unwrap();
            let mut answer = Message::response(question.metadata.id, OpCode::Query);
            let name = question.queries[0].name().clone();
            answer.queries = question.queries;
            // Letters may come in either case (RFC 1035 §2.3.3).
            let asked = name.to_ascii().to_ascii_lowercase();
            names.lock().unwrap().insert(asked.clone());
            let is_long = asked.starts_with("long.");
            if is_long && by_datagram {
                answer.metadata.truncation = true;
            } else if asked.ends_with(".example.") {
                let record = |number| {
                    Record::from_rdata(
                        name.clone(),
                        60,
                        RData::A(A([address[0], address[1], address[2], number].into())),
                    )
                };
                answer.answers = if is_long { (0..100).map(record).collect() } else { vec![record(address[3])] };
            } else {
                answer.metadata.response_code = ResponseCode::NXDomain;
            }
            answer.to_vec().unwrap()
        }
    };
    let datagrams = UdpSocket::bind(at).unwrap();
    let by_datagram = answer.clone();
    thread::spawn(move || {
        let mut packet = [0; 4096];
        while let Ok((length, from)) = datagrams.recv_from(&mut packet) {
            let _ = datagrams.send_to(&by_datagram(&packet[..length], true), from);
        }
    });
    let streams = TcpListener::bind(at).unwrap();
    thread::spawn(move || {
        for mut stream in streams.incoming().flatten() {
            let mut length = [0; 2];
            stream.read_exact(&mut length).unwrap();
            let mut packet = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut packet).unwrap();
            let packet = answer(&packet, false);
            let length = u16::try_from(packet.len()).unwrap().to_be_bytes();
            stream.write_all(&[&length[..], &packet].concat()).unwrap();
        }
    });
    names
}

/// Puts a file over the sandbox's `/etc/resolv.conf`; gone with the value.
pub(super) struct HostResolvers(PathBuf);

impl HostResolvers {
    pub(super) fn new(text: &str) -> Self {
        let file = std::env::temp_dir().join(format!("drawbridge-resolv-{:016x}", rand::random::<u64>()));
        fs::write(&file, text).unwrap();
        run("mount", &["--bind", file.to_str().unwrap(), "/etc/resolv.conf"]);
        Self(file)
    }

    pub(super) fn set(&self, text: &str) {
        fs::write(&self.0, text).unwrap();
    }
}

impl Drop for HostResolvers {
    fn drop(&mut self) {
        let _ = drawbridge_kernel::mount::unmount(std::path::Path::new("/etc/resolv.conf"));
        let _ = fs::remove_file(&self.0);
    }
}
