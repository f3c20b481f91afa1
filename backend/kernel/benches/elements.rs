//! How long a transaction of 1, 4, 800 and 5000 elements takes, coming and going, in tables that hold as many as 5000 others;
//! beside the same typed into `nft`. `cargo bench -p drawbridge-kernel --bench elements`.

use drawbridge_api::{HostPort, Protocol};
use drawbridge_kernel::{Kernel, Session, testing::in_sandbox};
use drawbridge_plan::{Element, Object, Step, explain};
use std::{
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

fn main() {
    in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let mut session = kernel.session().expect("a session");
        session.execute(&Step::Add { object: Object::Tables }).expect("written");
        println!(
            "µs, median and p95: adding; removing; removing what is not there; a session that removes; counts; nft adding"
        );
        for others in [0, 5000] {
            session.execute(&Step::Elements { add: elements(others, 30_000), remove: Vec::new() }).expect("added");
            println!("beside {others} others:");
            for count in [1, 4, 800, 5000] {
                measure(&kernel, &mut session, &elements(count, 0));
            }
            let start = Instant::now();
            let traffic = kernel.all_traffic().expect("root may look");
            println!("  all {} counts: {} µs", traffic.len(), start.elapsed().as_micros());
        }
    });
}

/// Ports, each with its counter.
fn elements(count: u16, first: u16) -> Vec<Element> {
    let element = |number: u16| {
        let port = 1 + first + number / 2;
        let host = HostPort { address: Ipv4Addr::UNSPECIFIED.into(), protocol: Protocol::Tcp, port };
        let address = Ipv4Addr::from(0xac11_0000 + u32::from(number));
        match number % 2 {
            0 => Element::Counted(host),
            _ => Element::Published { host, to: SocketAddr::new(address.into(), 80) },
        }
    };
    (0..count).map(element).collect()
}

fn measure(kernel: &Kernel, session: &mut Session, elements: &[Element]) {
    let rounds = if elements.len() > 100 { 20 } else { 500 };
    let step = Step::Elements { add: elements.to_vec(), remove: Vec::new() };
    let undo = &step.undo()[0];
    let mut times: [Vec<Duration>; 6] = Default::default();
    for round in 0..rounds {
        times[0].push(time(|| session.execute(&step).expect("added")));
        times[4].push(time(|| drop(kernel.traffic(elements).expect("root may look"))));
        times[1].push(time(|| session.execute(undo).expect("removed")));
        times[2].push(time(|| session.execute(undo).expect("nothing to remove")));
        session.execute(&step).expect("added");
        times[3].push(time(|| kernel.session().expect("a session").execute(undo).expect("removed")));
        if round % 10 == 0 {
            times[5].push(time(|| typed(&step)));
            session.execute(undo).expect("removed");
        }
    }
    print!("  {:>4}", elements.len());
    for times in &mut times {
        times.sort();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_micros();
        print!("  {:>7} {:>7}", at(50), at(95));
    }
    println!();
}

fn time(body: impl FnOnce()) -> Duration {
    let start = Instant::now();
    body();
    start.elapsed()
}

/// Thousands of elements are longer than an argument may be.
fn typed(step: &Step) {
    let mut shell = Command::new("sh").stdin(Stdio::piped()).spawn().expect("a shell");
    let mut stdin = shell.stdin.take().expect("piped");
    stdin.write_all(explain(step).commands.join("\n").as_bytes()).expect("it reads");
    drop(stdin);
    assert!(shell.wait().expect("it ends").success());
}
