//! The tables are whole, or it is noticed.

use crate::wanted::{Net, desired, observe, reach, shell};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Object, Step};

const DAMAGE: &[&str] = &[
    "nft flush ruleset",
    "nft delete table inet drawbridge",
    "nft delete table bridge drawbridge",
    "nft flush chain inet drawbridge forward",
    "nft flush chain bridge drawbridge prerouting",
    "nft add rule inet drawbridge forward counter accept",
    "nft add rule bridge drawbridge forward accept",
    "nft insert rule inet drawbridge postrouting accept",
    "nft add chain inet drawbridge mine",
    "nft add counter inet drawbridge mine",
    "nft 'table inet drawbridge { flags dormant; }'",
    "nft add set inet drawbridge mine '{ type ipv4_addr; }'",
    "nft add set bridge drawbridge mine '{ type ipv4_addr; }'",
    "nft 'chain inet drawbridge forward { policy drop; }'",
    "nft 'chain bridge drawbridge forward { policy drop; }'",
    "nft add element inet drawbridge counted4 '{ icmp . 80 }'",
    "nft add element inet drawbridge hairpins4 '{ 10.0.0.1 . 10.0.0.2 }'",
];

#[test]
fn damaged_tables_are_written_anew_with_their_elements() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net { ports: true, ..Net::new(0, 1) }, Net { internal: true, ..Net::new(1, 0) }]);
        reach(&kernel, &wanted);
        for damage in DAMAGE {
            shell(damage);
            let observed = observe(&kernel);
            let of_tables = |object: &&Object| matches!(object, Object::Tables | Object::Element(_));
            assert_eq!(observed.objects.iter().find(of_tables), None, "{damage} was not noticed");
            let steps = reach(&kernel, &wanted);
            assert!(
                matches!(steps.as_slice(), [Step::Add { object: Object::Tables }, Step::Elements { .. }]),
                "{steps:?}"
            );
            assert_eq!(observe(&kernel).objects, wanted.objects(), "after {damage}");
        }
    });
}

#[test]
fn what_others_have_beside_them_is_no_damage() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net { ports: true, ..Net::new(0, 0) }]);
        shell(
            "nft 'table inet drawbridge2 { chain c { type filter hook forward priority 0; }; set s { type ifname; }; }'",
        );
        reach(&kernel, &wanted);
        shell("nft 'table ip drawbridge { chain c { type filter hook forward priority 0; }; }'");
        shell("nft 'add rule inet drawbridge2 c accept'");
        assert_eq!(observe(&kernel).objects, wanted.objects());
    });
}

#[test]
fn a_strange_element_is_taken_out() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 0)]);
        reach(&kernel, &wanted);
        shell("nft add element inet drawbridge pairs '{ \"eth0\" . \"docker0\" }'");
        shell("nft add element bridge drawbridge leased4 '{ 10.0.0.1 comment \"mine\" }'");
        let steps = reach(&kernel, &wanted);
        assert!(matches!(steps.as_slice(), [Step::Elements { add, remove }] if add.is_empty() && remove.len() == 2));
        assert_eq!(observe(&kernel).objects, wanted.objects());
    });
}
