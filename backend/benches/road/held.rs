//! What published ports need in memory, part by part: the kernel's share and the daemon's, beside the floor, which is what a
//! socket costs that a program does no more with than to bind it and listen. No port is held for less, so the aim is about the rest.

use crate::{
    measure::aim,
    served::{Client, Log, Served},
};
use serde_json::json;
use std::{fs, net::TcpListener, thread, time::Duration};

/// So many containers publish so many ports each, at every address of both families, as plain `-p` does.
const CONTAINERS: u16 = 10;
const PORTS_EACH: u16 = 1_000;
const PORTS: u64 = CONTAINERS as u64 * PORTS_EACH as u64;
/// The first port. Those of the containers end below the range that the kernel chooses from.
const FIRST: u16 = 20_000;
/// The kernel's memory is still when it changes by less than this from one look to the next.
const STILL_BYTES: u64 = 128 << 10;
const LOOK_EVERY: Duration = Duration::from_millis(500);
const LOOKS: usize = 40;
/// Caches that a socket is made of, as /proc/slabinfo names them; what else it needs is in caches that are many things'.
const OF_SOCKETS: [&str; 6] = ["TCPv6", "TCP", "UDPv6", "sock_inode_cache", "filp", "dentry"];

pub(crate) fn print(_: usize) {
    let served = Served::open(Log::Warnings);
    let (mut client, mut panel) = (served.client(), served.panel());
    // The same containers run all the while, so that what those cost is in neither figure.
    let ids: Vec<String> = (0..CONTAINERS).map(|_| client.run("bridge")).collect();
    let mut publish = |ports: u16| {
        for (id, number) in ids.iter().zip(0..) {
            update(&mut panel, id, FIRST + number * PORTS_EACH, ports);
        }
        (Kernel::settled(), served.footprint().anonymous_kib * 1024)
    };
    // What the daemon needs to publish so many it keeps, as any program does, and has it before and after then.
    publish(PORTS_EACH);
    let (before, idle) = publish(0);
    let (after, busy) = publish(PORTS_EACH);
    let published = after.since(&before) / PORTS;
    let daemon = busy.saturating_sub(idle) / PORTS;
    served.close();

    let (floor, parts) = floor();
    println!(
        "\nmemory of a published port, at every address of both families ({PORTS} of them, {CONTAINERS} containers)"
    );
    println!("  {published:>6} bytes of the kernel's: socket, elements of the tables, watch");
    println!("  {floor:>6} bytes of those are the socket: a listening one of a program that does nothing else");
    println!("         of which {parts}");
    println!("  {daemon:>6} bytes of the daemon's own pages");
    let rest = published.saturating_sub(floor) + daemon;
    aim("KiB of a port beside its socket", rest as f64 / 1024.0, 1.0);
    println!("  no port can be held in 1 KiB: {floor} bytes is the least that the kernel holds one with");
}

/// Makes this many ports from `first` on all that a running container publishes.
fn update(panel: &mut Client, id: &str, first: u16, ports: u16) {
    let port =
        |number: u16| json!({ "container_port": 1_000 + number, "protocol": "tcp", "host_port": first + number });
    let body = json!({ "ports": (0..ports).map(port).collect::<Vec<_>>() });
    panel.ask("PUT", &format!("/api/containers/{id}/ports"), &body.to_string());
}

/// What a bare socket of both families costs, and the sizes of the caches that it is of.
fn floor() -> (u64, String) {
    let before = Kernel::settled();
    let sockets: Vec<TcpListener> =
        (0..CONTAINERS * PORTS_EACH / 2).map(|number| TcpListener::bind(("::", FIRST + number)).unwrap()).collect();
    let after = Kernel::now();
    let of = |(name, size, count): &(String, u64, u64)| {
        let earlier = before.caches.iter().find(|(known, ..)| known == name).map_or(0, |(.., count)| *count);
        // Those of which each socket has one.
        (count.saturating_sub(earlier) * 2 > sockets.len() as u64).then(|| format!("{size} {name}"))
    };
    let parts: Vec<String> = after.caches.iter().filter_map(of).collect();
    (after.since(&before) / sockets.len() as u64, parts.join(", "))
}

/// What the kernel has for itself in small pieces.
struct Kernel {
    /// What it can't give back, with what it has for each processor: `SUnreclaim` and `Percpu` of proc_meminfo(5).
    kept_bytes: u64,
    /// Name, size of one and number of the caches of sockets (slabinfo(5)). Sockets' inodes and directory entries are among what
    /// counts as reclaimable, which those are not as long as they are open.
    caches: Vec<(String, u64, u64)>,
}

impl Kernel {
    /// As it is when what has ended is gone: namespaces go in the background.
    fn settled() -> Kernel {
        let mut last = Kernel::now();
        for _ in 0..LOOKS {
            thread::sleep(LOOK_EVERY);
            let now = Kernel::now();
            if now.kept_bytes.abs_diff(last.kept_bytes) < STILL_BYTES {
                return now;
            }
            last = now;
        }
        last
    }

    fn now() -> Kernel {
        let text = fs::read_to_string("/proc/meminfo").unwrap();
        let kib = |name: &str| -> u64 {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).unwrap_or(0)
        };
        let slabs = fs::read_to_string("/proc/slabinfo").unwrap_or_default();
        let cache = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_asked = OF_SOCKETS.contains(fields.first()?);
            is_asked.then_some((fields[0].to_owned(), fields.get(3)?.parse().ok()?, fields.get(1)?.parse().ok()?))
        };
        Kernel {
            kept_bytes: 1024 * (kib("SUnreclaim:") + kib("Percpu:")),
            caches: slabs.lines().filter_map(cache).collect(),
        }
    }

    /// By how many bytes it has grown. Of directory entries there is one for each socket, among hundreds of thousands of files'.
    fn since(&self, before: &Kernel) -> u64 {
        let of = |kernel: &Kernel, name: &str| {
            let cache = kernel.caches.iter().find(|(known, ..)| known == name);
            cache.map_or((0, 0), |(_, size, count)| (*size, *count))
        };
        let (size, count) = of(self, "sock_inode_cache");
        let sockets = count.saturating_sub(of(before, "sock_inode_cache").1);
        self.kept_bytes.saturating_sub(before.kept_bytes) + sockets * (size + of(self, "dentry").0)
    }
}
