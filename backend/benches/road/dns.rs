//! Names: what a question costs beside dnsmasq(8), which knows the same names and listens in the same namespace, and what they
//! add to a container's start.

use crate::{
    measure::{Times, aim, line, timed, title},
    network,
    road::{Road, applied, attach, detach},
};
use drawbridge::engine::Mode;
use drawbridge_kernel::testing::inside;
use hickory_proto::{
    op::{Message, MessageType, OpCode, Query},
    rr::{Name, RecordType},
};
use std::{
    fmt::Write as _,
    fs,
    net::UdpSocket,
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

/// How many containers have a name.
const NAMES: usize = 50;
/// How many questions are timed for each of the count that was asked for.
const QUESTIONS: usize = 50;
/// Questions in a row to one of the two, before the other has its turn.
const TURN: usize = 50;
const OURS: &str = "127.0.0.11:53";
const THEIRS: &str = "127.0.0.12:53";
const WARM_UP: usize = 5;
/// The number of the network, which no other part takes.
const NETWORK: usize = 90_000;

/// Prints both.
pub(crate) fn print(road: &Road, count: usize) {
    let named = applied(network::create(road, Mode::Apply, NETWORK).unwrap());
    starts(road, count, named.name.as_str());
    questions(road, count, named.name.as_str());
    let removed = drawbridge::ops::network::remove(
        &road.daemon,
        Mode::Apply,
        drawbridge_api::Origin::Daemon,
        named.name.as_str(),
    );
    applied(road.tokio.block_on(removed).unwrap());
}

/// The change of a start and of an end, on a network without names and on one with, by turns.
fn starts(road: &Road, count: usize, named: &str) {
    let records = ["bridge", named].map(|name| road.container(name));
    let mut times: [(Times, Times); 2] = Default::default();
    for _ in 0..count + WARM_UP {
        for (record, (start, end)) in records.iter().zip(&mut times) {
            let (scope, time) = timed(|| road.tokio.block_on(attach(&road.daemon, record, None)).unwrap());
            start.push(time);
            end.push(timed(|| road.tokio.block_on(detach(&road.daemon, record, scope)).unwrap()).1);
        }
    }
    for (start, end) in &mut times {
        start.0.drain(..WARM_UP);
        end.0.drain(..WARM_UP);
    }
    let [(plain, plain_end), (with, with_end)] = &times;
    title("the network of a container that starts, and of one that ends");
    line("start, without names", plain, &[]);
    line("start, with names", with, &[("without names", plain.median())]);
    line("end, without names", plain_end, &[]);
    line("end, with names", with_end, &[("without names", plain_end.median())]);
}

/// One question after the other, from one of the containers.
fn questions(road: &Road, count: usize, named: &str) {
    let records: Vec<_> = (0..NAMES).map(|_| road.container(named)).collect();
    let scopes: Vec<_> =
        records.iter().map(|record| road.tokio.block_on(attach(&road.daemon, record, None)).unwrap()).collect();
    let asker = records[0].id.short().to_owned();
    let names: Vec<String> = records.iter().map(|record| record.name.to_string()).collect();
    let dnsmasq = Dnsmasq::start(road, &asker, &names);
    let packets: Vec<Vec<u8>> = names.iter().map(|name| question(name)).collect();
    let mut ours = Times::default();
    let mut theirs = Times::default();
    inside(&asker, || {
        let sockets = [OURS, THEIRS].map(|to| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            socket.connect(to).unwrap();
            socket
        });
        let rounds = if dnsmasq.is_some() { 2 } else { 1 };
        for _ in 0..(count * QUESTIONS).div_ceil(TURN) {
            for (socket, times) in sockets.iter().zip([&mut ours, &mut theirs]).take(rounds) {
                for number in 0..TURN {
                    times.push(timed(|| ask(socket, &packets[number % packets.len()])).1);
                }
            }
        }
    });
    title(&format!("a question for one of {NAMES} names, by datagram, from a container"));
    match &dnsmasq {
        Some(_) => {
            line("dnsmasq in the same namespace", &theirs, &[]);
            line("drawbridge", &ours, &[("dnsmasq", theirs.median())]);
            aim("names / dnsmasq", ours.median().as_secs_f64() / theirs.median().as_secs_f64(), 1.2);
        }
        None => line("drawbridge (there is no dnsmasq here)", &ours, &[]),
    }
    drop(dnsmasq);
    for (record, scope) in records.iter().zip(scopes) {
        road.tokio.block_on(detach(&road.daemon, record, scope)).unwrap();
    }
}

fn question(name: &str) -> Vec<u8> {
    let mut question = Message::new(7, MessageType::Query, OpCode::Query);
    question.metadata.recursion_desired = true;
    question.queries.push(Query::query(Name::from_ascii(format!("{name}.")).unwrap(), RecordType::A));
    question.to_vec().unwrap()
}

fn ask(socket: &UdpSocket, packet: &[u8]) {
    let mut answer = [0; 512];
    socket.send(packet).unwrap();
    let length = socket.recv(&mut answer).unwrap();
    // One answer, whoever gave it.
    assert!(length > packet.len() && answer[7] == 1, "{:?}", &answer[..length]);
}

/// dnsmasq with the same names; ended with the value.
struct Dnsmasq {
    child: Child,
}

impl Dnsmasq {
    /// None where it is not installed.
    fn start(road: &Road, namespace: &str, names: &[String]) -> Option<Dnsmasq> {
        let file = road.folders.data_dir.join("dnsmasq-hosts");
        let mut text = String::new();
        for (number, name) in names.iter().enumerate() {
            writeln!(text, "10.9.{}.{} {name}", number / 250, number % 250 + 1).unwrap();
        }
        fs::write(&file, text).unwrap();
        let hosts = format!("--addn-hosts={}", file.display());
        let arguments = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--listen-address=127.0.0.12",
            "--user=root",
            "--pid-file=",
            &hosts,
        ];
        let there = Command::new("dnsmasq").arg("--version").output().is_ok_and(|output| output.status.success());
        if !there {
            return None;
        }
        let child = Command::new("ip").args(["netns", "exec", namespace, "dnsmasq"]).args(arguments).spawn().unwrap();
        let dnsmasq = Dnsmasq { child };
        let begun = Instant::now();
        let packet = question(&names[0]);
        let answers = || {
            inside(namespace, || {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
                socket.connect(THEIRS).unwrap();
                socket.send(&packet).is_ok() && socket.recv(&mut [0; 512]).is_ok()
            })
        };
        while !answers() {
            assert!(begun.elapsed() < Duration::from_secs(10), "dnsmasq does not answer");
            thread::sleep(Duration::from_millis(10));
        }
        Some(dnsmasq)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
