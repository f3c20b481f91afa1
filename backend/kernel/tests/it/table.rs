//! The table is whole, or it is noticed.

use crate::wanted::{Net, desired, observe, reach, shell};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Element, Object, Step};

const DAMAGE: &[&str] = &[
    "nft delete table inet drawbridge",
    "nft flush chain inet drawbridge forward",
    "nft add rule inet drawbridge forward counter accept",
    "nft insert rule inet drawbridge postrouting accept",
    "nft add chain inet drawbridge mine",
    "nft 'table inet drawbridge { flags dormant; }'",
    "nft add set inet drawbridge mine '{ type ipv4_addr; }'",
    "nft 'chain inet drawbridge forward { policy drop; }'",
    "nft add element inet drawbridge masqueraded '{ 10.0.0.1-10.0.0.5 }'",
];

#[test]
fn a_damaged_table_is_written_anew_with_its_elements() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 0), Net { internal: true, ..Net::new(1, 0) }]);
        reach(&kernel, &wanted);
        for damage in DAMAGE {
            shell(damage);
            let observed = observe(&kernel);
            let of_table = |object: &&Object| matches!(object, Object::Table | Object::Element(_));
            assert_eq!(observed.objects.iter().find(of_table), None, "{damage} was not noticed");
            let steps = reach(&kernel, &wanted);
            assert!(
                matches!(steps.as_slice(), [Step::Add { object: Object::Table }, Step::Elements { .. }]),
                "{steps:?}"
            );
            assert_eq!(observe(&kernel).objects, wanted.objects(), "after {damage}");
        }
    });
}

#[test]
fn a_strange_element_is_taken_out() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        let wanted = desired(&[Net::new(0, 0)]);
        reach(&kernel, &wanted);
        shell("nft add element inet drawbridge pairs '{ \"eth0\" . \"docker0\" }'");
        shell("nft add element inet drawbridge masqueraded '{ 10.0.0.1 }'");
        let steps = reach(&kernel, &wanted);
        assert!(matches!(steps.as_slice(), [Step::Elements { add, remove }] if add.is_empty() && remove.len() == 2));
        assert_eq!(observe(&kernel).objects, wanted.objects());
    });
}

#[test]
fn elements_come_and_go_in_one_transaction() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        reach(&kernel, &desired(&[Net::new(0, 0)]));
        let before = observe(&kernel);
        let range = |text: &str| Element::Masquerade(text.parse().expect("valid"));
        let step = Step::Elements {
            add: vec![range("172.17.0.0/24"), range("192.0.2.1/32")],
            remove: vec![range("172.17.0.0/16"), range("198.51.100.0/24")],
        };
        let mut session = kernel.session().expect("a session");
        session.execute(&step).expect("what overlaps goes in the same transaction");
        let after = observe(&kernel);
        assert!(after.objects.contains(&Object::Element(range("192.0.2.1/32"))));
        assert!(!after.objects.contains(&Object::Element(range("172.17.0.0/16"))));

        // One that can't be added takes the others with it.
        let overlapping = Step::Elements { add: vec![range("192.0.2.0/24"), range("10.0.0.0/8")], remove: Vec::new() };
        let error = session.execute(&overlapping).expect_err("it overlaps");
        assert!(error.to_string().contains("nft refused"), "{error}");
        assert_eq!(observe(&kernel), after);

        let mut expected = before.objects.clone();
        expected.insert(Object::Element(range("198.51.100.0/24")));
        session.execute(&step.undo()[0]).expect("undone");
        assert_eq!(observe(&kernel).objects, expected);
    });
}
