//! The laws of a plan on the real kernel.

use crate::wanted::{examples, observe, reach};
use drawbridge_kernel::{Kernel, testing::check_in_sandbox};
use drawbridge_plan::{Scope, plan};

#[test]
fn what_is_executed_is_what_is_observed() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        for (name, desired) in examples() {
            reach(&kernel, &desired);
            let observed = observe(&kernel);
            assert_eq!(observed.objects, desired.objects(), "after {name}");
            assert_eq!(plan(&desired, &observed, &Scope::Everything), [], "planned again after {name}");
        }
    });
}
