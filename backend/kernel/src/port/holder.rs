//! Who has a port of the host: the process, by what the kernel lists of sockets and what processes have open.

use drawbridge_api::{HostPort, Protocol};
use std::{
    env, fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::ffi::OsStrExt,
    process,
};

/// A process that has a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name (`/proc/PID/comm`, proc(5)), at most 15 bytes.
    pub command: String,
}

/// Which process has a port at that address or at one that overlaps with it: one that listens before one that is connected.
/// A best effort: a socket that is bound and does nothing more is not listed by the kernel, nor is one of a process in another pid
/// namespace found.
pub fn holder(port: HostPort) -> Option<Holder> {
    let mut sockets: Vec<Listed> = tables(port)
        .iter()
        .flat_map(|table| {
            // Not /proc/net, which is that of the process's first thread.
            let text = fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
            let parse = if port.protocol == Protocol::Sctp { Listed::parse_sctp } else { Listed::parse };
            text.lines().skip(1).flat_map(parse).collect::<Vec<_>>()
        })
        .filter(|socket| socket.port == port.port && overlaps(socket.address, port.address))
        .collect();
    sockets.sort_by_key(|socket| socket.state != LISTENING);
    sockets.iter().find_map(|socket| owner(socket.inode))
}

impl Holder {
    /// Whether it is a copy of this process that has not yet become the program it was made for: between fork(2) and execve(2) it
    /// has every socket of ours, those among them that were closed since.
    pub fn is_being_started(&self) -> bool {
        let program = fs::read_link(format!("/proc/{}/exe", self.pid));
        self.pid != process::id() && program.is_ok_and(|program| env::current_exe().is_ok_and(|own| own == program))
    }
}

/// `TCP_LISTEN` (include/net/tcp_states.h).
const LISTENING: u8 = 10;

/// Where sockets are listed that can be in the way. An IPv6 socket that is bound to `::` has the port for IPv4 as well unless
/// it says otherwise.
fn tables(port: HostPort) -> &'static [&'static str] {
    match (port.protocol, port.address) {
        (Protocol::Tcp, IpAddr::V4(_)) => &["tcp", "tcp6"],
        (Protocol::Tcp, IpAddr::V6(_)) => &["tcp6"],
        (Protocol::Udp, IpAddr::V4(_)) => &["udp", "udp6"],
        (Protocol::Udp, IpAddr::V6(_)) => &["udp6"],
        (Protocol::Sctp, _) => &["sctp/eps"],
    }
}

fn overlaps(socket: IpAddr, wanted: IpAddr) -> bool {
    let everywhere = socket.is_unspecified() || wanted.is_unspecified();
    match (socket, wanted) {
        (IpAddr::V4(_), IpAddr::V4(_)) | (IpAddr::V6(_), IpAddr::V6(_)) => everywhere || socket == wanted,
        (IpAddr::V6(socket), IpAddr::V4(wanted)) => match socket.to_ipv4_mapped() {
            Some(socket) => wanted.is_unspecified() || socket == wanted,
            None => socket.is_unspecified(),
        },
        (IpAddr::V4(_), IpAddr::V6(_)) => false,
    }
}

/// A line of /proc/net/tcp and its like (proc(5)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Listed {
    address: IpAddr,
    port: u16,
    state: u8,
    inode: u64,
}

impl Listed {
    fn parse(line: &str) -> Vec<Listed> {
        let parse = || {
            let mut fields = line.split_ascii_whitespace();
            let (address, port) = fields.nth(1)?.split_once(':')?;
            let state = u8::from_str_radix(fields.nth(1)?, 16).ok()?;
            let inode = fields.nth(5)?.parse().ok().filter(|inode| *inode != 0)?;
            Some(Listed { address: parse_address(address)?, port: u16::from_str_radix(port, 16).ok()?, state, inode })
        };
        parse().into_iter().collect()
    }

    /// A line of /proc/net/sctp/eps (`sctp_eps_seq_show` in net/sctp/proc.c), which says all that is decimal, and each of the
    /// endpoint's addresses. An endpoint of SCTP has no state; connections are listed elsewhere.
    fn parse_sctp(line: &str) -> Vec<Listed> {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, _, _, _, _, port, _, inode, addresses @ ..] = &fields[..] else { return Vec::new() };
        let (Ok(port), Ok(inode)) = (port.parse(), inode.parse()) else { return Vec::new() };
        let listed = |address| Listed { address, port, state: LISTENING, inode };
        addresses.iter().filter_map(|address| address.parse().ok()).map(listed).collect()
    }
}

/// Each 4 bytes of an address are printed as a number of this machine's byte order.
fn parse_address(digits: &str) -> Option<IpAddr> {
    let word = |at: usize| Some(u32::from_str_radix(digits.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    match digits.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// The process that has a socket open: one of its descriptors leads to `socket:[INODE]` (proc(5)).
fn owner(inode: u64) -> Option<Holder> {
    let wanted = format!("socket:[{inode}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).find_map(|pid| {
        let mut descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
        let has = descriptors.any(|descriptor| {
            fs::read_link(descriptor.path()).is_ok_and(|target| target.as_os_str().as_bytes() == wanted.as_bytes())
        });
        let command = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_owned();
        has.then(|| Holder { pid, command: command() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("valid")
    }

    #[cfg(target_endian = "little")]
    #[test]
    fn a_socket_is_read_as_the_kernel_lists_it() {
        let line =
            "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4242 1 0 100";
        let expected = Listed { address: address("127.0.0.1"), port: 8080, state: LISTENING, inode: 4242 };
        assert_eq!(Listed::parse(line), [expected]);
        assert_eq!(parse_address("0000000000000000FFFF00000100007F"), Some(address("::ffff:127.0.0.1")));
        assert_eq!(parse_address("000080FE000000000000000001000000"), Some(address("fe80::1")));
        for bad in ["", "0", "0100007G", "00000000000000000000000000000000000"] {
            assert_eq!(parse_address(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_sctp_endpoint_has_each_of_its_addresses() {
        let line = "00000000a5b1c2d3 00000000e4f5a6b7 2   10  29   5001      0 31337 192.0.2.1 2001:0db8:0000:0000:0000:0000:0000:0001 ";
        let listed = |text| Listed { address: address(text), port: 5001, state: LISTENING, inode: 31337 };
        assert_eq!(Listed::parse_sctp(line), [listed("192.0.2.1"), listed("2001:db8::1")]);
        for bad in ["", " ENDPT     SOCK   STY SST HBKT LPORT   UID INODE LADDRS"] {
            assert_eq!(Listed::parse_sctp(bad), []);
        }
    }

    #[test]
    fn who_is_another_program_or_this_process_is_not_being_started() {
        let is_being_started = |pid| Holder { pid, command: String::new() }.is_being_started();
        assert!(!is_being_started(process::id()));
        let mut other = process::Command::new("sleep").arg("1000").spawn().expect("started");
        // A copy runs without its parent's say only where a debugger holds it, so none is shown here.
        assert!(!is_being_started(other.id()));
        other.kill().and_then(|()| other.wait()).expect("ended");
        assert!(!is_being_started(other.id()), "nobody has that number any more");
    }

    #[test]
    fn addresses_overlap_as_bind_sees_it() {
        let overlaps = |socket, wanted| overlaps(address(socket), address(wanted));
        for (socket, wanted) in [
            ("0.0.0.0", "10.0.0.1"),
            ("10.0.0.1", "0.0.0.0"),
            ("10.0.0.1", "10.0.0.1"),
            ("::", "10.0.0.1"),
            ("::ffff:10.0.0.1", "0.0.0.0"),
            ("::", "fd00::1"),
        ] {
            assert!(overlaps(socket, wanted), "{socket} and {wanted}");
        }
        for (socket, wanted) in [("10.0.0.2", "10.0.0.1"), ("0.0.0.0", "::"), ("fd00::1", "0.0.0.0")] {
            assert!(!overlaps(socket, wanted), "{socket} and {wanted}");
        }
    }
}
