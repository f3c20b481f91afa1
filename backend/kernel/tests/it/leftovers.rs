//! What a crash or another tool left behind is found and goes, and nothing of ours stays.

use crate::wanted::{Net, desired, examples, execute, observe, reach, shell, soon};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Desired, NO_IPV6, Object, Scope, Step, plan};
use std::{
    fs,
    process::{Child, Command},
};

#[test]
fn nothing_is_left_behind() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        // The folder is made a mount point with the first namespace, and stays one, as ip-netns(8) leaves it.
        reach(&kernel, &desired(&[Net::new(0, 1)]));
        reach(&kernel, &Desired::default());
        let count = || {
            observe(&kernel);
            shell("ip -o link | wc -l; ls /run/netns | wc -l; wc -l < /proc/self/mountinfo; nft list tables | wc -l")
        };
        // A pair that the kernel is taking away counts as gone, and is listed for some milliseconds more.
        assert!(soon(|| shell("ip -o link | grep -c veth || true").trim() == "0"), "a pair does not vanish");
        let before = count();
        for (_, wanted) in examples() {
            reach(&kernel, &wanted);
        }
        reach(&kernel, &Desired::default());
        soon(|| count() == before);
        assert_eq!(count(), before);
    });
}

#[test]
fn a_file_without_a_namespace_is_swept_reused_or_removed() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 1)]);
        reach(&kernel, &Desired::default());
        let (name, container) = (&wanted.namespaces[0].name, &wanted.namespaces[0].container);
        let file = format!("/run/netns/{name}");
        let mark = format!("drawbridge:container:{container}");
        fs::write("/run/netns/other", "").expect("a file");

        fs::write(&file, &mark).expect("a file");
        assert_eq!(observe(&kernel).objects, Desired::default().objects());
        assert_eq!(kernel.sweep().expect("swept"), std::slice::from_ref(name));
        assert!(!fs::exists(&file).expect("known") && fs::exists("/run/netns/other").expect("known"));

        fs::write(&file, &mark).expect("a file");
        reach(&kernel, &wanted);
        assert_eq!(observe(&kernel).objects, wanted.objects());
        assert_eq!(kernel.sweep().expect("swept"), []);
        reach(&kernel, &Desired::default());

        fs::write(&file, &mark).expect("a file");
        let object = Object::Namespace { name: name.clone(), container: container.clone() };
        execute(&mut kernel.session().expect("a session"), &[Step::Remove { object, takes: Vec::new() }]);
        assert!(!fs::exists(&file).expect("known"));
    });
}

#[test]
fn a_cable_whose_namespace_lost_its_name_is_taken_away() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 1)]);
        reach(&kernel, &wanted);
        let name = wanted.namespaces[0].name.as_str();
        let mut process = hold(name);
        shell(&format!("ip netns del {name}"));

        let observed = observe(&kernel);
        let is_lost =
            |object: &&Object| matches!(object, Object::Veth { interface, .. } if interface.as_str() == "unknown");
        let lost = observed.objects.iter().find(is_lost).expect("it is still there");
        let steps = plan(&Desired::default(), &observed, &Scope::Everything);
        let removes = |step: &Step| matches!(step, Step::Remove { object, .. } if object == lost);
        assert!(steps.iter().any(removes), "{steps:?}");

        // It may vanish by itself before it is removed.
        process.kill().expect("it runs");
        process.wait().expect("it ends");
        execute(&mut kernel.session().expect("a session"), &steps);
        assert_eq!(observe(&kernel).objects, Desired::default().objects());
    });
}

#[test]
fn a_container_gets_a_new_cable_where_the_old_one_hangs() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 1)]);
        reach(&kernel, &wanted);
        let name = wanted.namespaces[0].name.as_str();
        let mut process = hold(name);
        shell(&format!("ip netns del {name}"));
        reach(&kernel, &wanted);
        assert_eq!(observe(&kernel).objects, wanted.objects());

        // Without looking first: the name is still that of the old cable when the new one is made.
        shell(&format!("ip netns del {name}"));
        let mut session = kernel.session().expect("a session");
        execute(&mut session, &plan(&wanted, &Default::default(), &Scope::Everything));
        drop(session);
        assert_eq!(observe(&kernel).objects, wanted.objects());
        process.kill().expect("it runs");
        process.wait().expect("it ends");
    });
}

/// A process in a namespace, which keeps it alive without its name.
fn hold(namespace: &str) -> Child {
    let child = Command::new("ip").args(["netns", "exec", namespace, "sleep", "60"]).spawn().expect("there is ip");
    let inside = || fs::read_to_string(format!("/proc/{}/comm", child.id())).is_ok_and(|name| name == "sleep\n");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !inside() {
        assert!(std::time::Instant::now() < deadline, "sleep does not start");
        std::thread::yield_now();
    }
    child
}

#[test]
fn ip_netns_and_drawbridge_delete_each_others() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 1)]);
        reach(&kernel, &wanted);
        let name = wanted.namespaces[0].name.as_str();
        assert!(shell("ip netns list").contains(name));
        assert!(shell(&format!("ip netns exec {name} ip addr")).contains("172.17.0.2/16"));
        shell(&format!("ip netns del {name}"));
        assert!(!fs::exists(format!("/run/netns/{name}")).expect("known"));

        shell(&format!("ip netns add {name}"));
        let mark = format!("drawbridge:container:{}", wanted.namespaces[0].container);
        shell(&format!("ip -n {name} link set lo alias {mark} up"));
        shell(&format!("ip netns exec {name} sysctl -qw {NO_IPV6}=1"));
        reach(&kernel, &wanted);
        assert_eq!(observe(&kernel).objects, wanted.objects());
        reach(&kernel, &Desired::default());
        assert_eq!(shell("ip netns list"), "");
    });
}
