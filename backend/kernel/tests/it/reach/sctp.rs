//! Enough of SCTP to knock and be answered, over raw sockets: a kernel without SCTP of its own still routes, translates and
//! follows it, and this is what shows that. The one side says INIT, the other INIT ACK with the address that it saw (RFC 9260
//! §3.3.2 and §3.3.3). A packet whose checksum does not hold is no packet.

use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, bind, ipproto, recvfrom, sendto,
    socket_with,
};
use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    os::fd::OwnedFd,
    sync::{
        Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

const SCTP: Protocol = ipproto::SCTP;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
/// Source port, destination port, verification tag, checksum.
const HEADER: usize = 12;
/// Type, flags and length of a chunk; initiate tag, window, two counts of streams, first TSN.
const INIT_CHUNK: usize = 20;
/// A parameter that whoever does not know it skips.
const PARAMETER: u16 = 0x8042;

/// The source ports of those who knocked at a server: with another's address one may be heard, though the answer goes elsewhere.
static HEARD: Mutex<Vec<u16>> = Mutex::new(Vec::new());

/// What is read of a packet.
struct Packet {
    from_port: u16,
    to_port: u16,
    kind: u8,
    initiate_tag: u32,
    text: String,
}

/// CRC32c, as SCTP has it (RFC 9260, appendix A).
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 })
    })
}

/// `tag` is the other's initiate tag, and that of this side too.
fn written(from_port: u16, to_port: u16, kind: u8, tag: u32, text: &str) -> Vec<u8> {
    let parameter = u16::try_from(4 + text.len()).expect("short");
    let length = u16::try_from(INIT_CHUNK).expect("short") + parameter;
    let mut packet = Vec::new();
    packet.extend(from_port.to_be_bytes());
    packet.extend(to_port.to_be_bytes());
    packet.extend(if kind == INIT { 0 } else { tag }.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend([kind, 0]);
    packet.extend(length.to_be_bytes());
    packet.extend(tag.to_be_bytes());
    packet.extend(65_536_u32.to_be_bytes());
    packet.extend([0, 1, 0, 1]);
    packet.extend(1_u32.to_be_bytes());
    packet.extend(PARAMETER.to_be_bytes());
    packet.extend(parameter.to_be_bytes());
    packet.extend(text.bytes());
    packet.resize(packet.len().next_multiple_of(4), 0);
    let sum = checksum(&packet);
    packet[8..HEADER].copy_from_slice(&sum.to_le_bytes());
    packet
}

fn read(packet: &[u8]) -> Option<Packet> {
    let number = |at: usize| Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
    let mut unsummed = packet.to_vec();
    unsummed.get_mut(8..HEADER)?.fill(0);
    if checksum(&unsummed).to_le_bytes() != packet[8..HEADER] {
        return None;
    }
    let initiate_tag = u32::from_be_bytes(packet.get(HEADER + 4..HEADER + 8)?.try_into().ok()?);
    let parameter = HEADER + INIT_CHUNK;
    let text = packet.get(parameter + 4..parameter + usize::from(number(parameter + 2)?))?;
    let text = String::from_utf8(text.to_vec()).ok()?;
    Some(Packet { from_port: number(0)?, to_port: number(2)?, kind: packet[HEADER], initiate_tag, text })
}

fn raw(is_ipv4: bool) -> io::Result<OwnedFd> {
    let family = if is_ipv4 { AddressFamily::INET } else { AddressFamily::INET6 };
    Ok(socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK, Some(SCTP))?)
}

/// The next packet that waits, and who sent it. Of IPv4 the kernel hands out the IP header too (raw(7)).
fn next(socket: &OwnedFd) -> Option<(IpAddr, Option<Packet>)> {
    let mut buffer = [0; 512];
    let (length, _, from) = recvfrom(socket, &mut buffer, RecvFlags::empty()).ok()?;
    let from = SocketAddr::try_from(from?).ok()?;
    let header = if from.is_ipv4() { 4 * usize::from(buffer[0] & 0xf) } else { 0 };
    Some((from.ip(), read(buffer.get(header..length).unwrap_or_default())))
}

/// Answers at some ports of a namespace.
pub(super) struct Server {
    sockets: [OwnedFd; 2],
    ports: Vec<u16>,
}

impl Server {
    /// In the namespace of the calling thread.
    pub(super) fn open(ports: &[u16]) -> Server {
        let sockets = [true, false].map(|is_ipv4| raw(is_ipv4).expect("root may"));
        Server { sockets, ports: ports.to_vec() }
    }

    /// Answers all that wait.
    pub(super) fn serve(&self) {
        for socket in &self.sockets {
            while let Some((from, packet)) = next(socket) {
                let Some(Packet { from_port, to_port, kind: INIT, initiate_tag, .. }) = packet else { continue };
                if self.ports.contains(&to_port) {
                    HEARD.lock().expect("no panic").push(from_port);
                    let answer = written(to_port, from_port, INIT_ACK, initiate_tag, &from.to_string());
                    let _ = sendto(socket, &answer, SendFlags::empty(), &SocketAddr::new(from, 0));
                }
            }
        }
    }
}

/// Knocks, as `source` if that is given, and `again` after some time without an answer, as a knock may be lost; returns the address
/// that the answer says was seen. Whoever is heard and gets no answer is told so by another kind of error than that of a knock that
/// is lost.
pub(super) fn ask(to: SocketAddr, source: Option<IpAddr>, patience: Duration, again: Duration) -> io::Result<IpAddr> {
    static PORTS: AtomicU16 = AtomicU16::new(30_000);
    let port = PORTS.fetch_add(1, Ordering::Relaxed);
    let socket = raw(to.is_ipv4())?;
    let any = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    bind(&socket, &SocketAddr::new(source.unwrap_or(any), 0))?;
    let knock = written(port, to.port(), INIT, u32::from(port), "");
    let deadline = Instant::now() + patience;
    let mut knock_at = Instant::now();
    while Instant::now() < deadline {
        if Instant::now() >= knock_at {
            sendto(&socket, &knock, SendFlags::empty(), &SocketAddr::new(to.ip(), 0))?;
            knock_at += again;
        }
        match next(&socket) {
            Some((from, Some(packet))) if packet.kind == INIT_ACK && packet.to_port == port => {
                // It comes from where it was asked.
                assert_eq!((from, packet.from_port), (to.ip(), to.port()));
                return packet.text.parse().map_err(|_| io::Error::other(format!("not an address: {:?}", packet.text)));
            }
            Some(_) => {}
            None => thread::sleep(Duration::from_millis(1)),
        }
    }
    let heard = HEARD.lock().expect("no panic").contains(&port);
    Err(if heard { io::Error::other("heard and not answered") } else { ErrorKind::TimedOut.into() })
}

#[test]
fn the_checksum_is_the_one_of_the_book() {
    // RFC 3720, appendix B.4: 32 bytes of zeros, and of ones.
    assert_eq!((checksum(&[0; 32]), checksum(&[0xff; 32])), (0x8a91_36aa, 0x62a8_ab43));
    let packet = written(1, 2, INIT, 3, "192.0.2.1");
    assert_eq!(
        read(&packet).map(|packet| (packet.from_port, packet.to_port, packet.text)),
        Some((1, 2, "192.0.2.1".into()))
    );
    let mut broken = packet.clone();
    broken[3] = 7;
    assert!(read(&broken).is_none(), "a port was changed and the checksum was not");
}
