//! Others' transactions are told, and our own are not.

use crate::wanted::{Net, desired, fullest, reach, shell};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Desired, Element, Step};
use std::{
    net::Ipv4Addr,
    thread,
    time::{Duration, Instant},
};

const SOON: Duration = Duration::from_secs(30);

#[test]
fn a_flush_by_another_is_told_and_our_own_changes_are_not() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let mut watch = kernel.watch_tables().expect("root may watch");
        // Tables written by our nft, elements by other threads of this process, and all of it taken away.
        thread::scope(|scope| {
            scope.spawn(|| reach(&kernel, &fullest()));
        });
        reach(&kernel, &Desired::default());
        reach(&kernel, &desired(&[Net::new(0, 1)]));
        assert_eq!(watch.next(Duration::ZERO).expect("readable"), None);

        shell("nft flush ruleset");
        let told = watch.next(SOON).expect("readable").expect("it was committed");
        assert_eq!(told.name.as_deref(), Some("nft"));
        assert!(told.pid.is_some_and(|pid| pid > 0));
        assert_eq!(watch.next(Duration::ZERO).expect("readable"), None);
    });
}

#[test]
fn a_watch_waits_for_what_comes() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let mut watch = kernel.watch_tables().expect("root may watch");
        let start = Instant::now();
        assert_eq!(watch.next(Duration::from_millis(50)).expect("readable"), None);
        assert!(start.elapsed() >= Duration::from_millis(50));
        thread::scope(|scope| {
            scope.spawn(|| shell("nft add table inet other"));
            assert!(watch.next(SOON).expect("readable").is_some());
        });
    });
}

#[test]
fn what_is_lost_is_told_as_somebodys() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        reach(&kernel, &desired(&[Net::new(0, 0)]));
        let mut watch = kernel.watch_tables().expect("root may watch");
        let leased = |number: u32| Element::Leased(Ipv4Addr::from(0x0a00_0000 + number).into());
        let step = Step::Elements { add: (0..5000).map(leased).collect(), remove: Vec::new() };
        let mut session = kernel.session().expect("a session");
        // One such transaction fits into what may wait; many don't.
        session.execute(&step).expect("done");
        assert_eq!(watch.next(Duration::ZERO).expect("readable"), None);
        for _ in 0..20 {
            session.execute(&step.undo()[0]).expect("undone");
            session.execute(&step).expect("done");
        }
        let told = watch.next(Duration::ZERO).expect("readable").expect("something was lost");
        assert_eq!((told.pid, told.name), (None, None));
    });
}
