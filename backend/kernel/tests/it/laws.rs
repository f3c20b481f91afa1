//! The laws of a plan on the real kernel.

use crate::wanted::{examples, execute, observe, reach, shell};
use drawbridge_kernel::{
    Kernel,
    testing::{check_in_sandbox, in_sandbox, is_able},
};
use drawbridge_plan::{Desired, Observed, Scope, Step, explain, plan};

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

#[test]
fn explained_commands_do_what_the_executor_does() {
    if !is_able() {
        return;
    }
    let executed = in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        walk(&kernel, |steps| execute(&mut kernel.session().expect("a session"), steps))
    });
    let typed = in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        walk(&kernel, |steps| {
            for command in steps.iter().flat_map(|step| explain(step).commands) {
                shell(&command);
            }
        })
    });
    assert_eq!(executed.len(), typed.len());
    for ((what, executed), (_, typed)) in executed.iter().zip(&typed) {
        assert_eq!(executed, typed, "{what}");
    }
}

/// Goes from each example to the next, forth, back by undoing, and forth again, and says what was there each time.
fn walk(kernel: &Kernel, run: impl Fn(&[Step])) -> Vec<(String, Observed)> {
    let mut seen = Vec::new();
    for (name, desired) in examples() {
        let before = observe(kernel);
        let steps = plan(&desired, &before, &Scope::Everything);
        run(&steps);
        seen.push((format!("going to {name}"), observe(kernel)));
        for step in steps.iter().rev() {
            // Looking lets a pair vanish whose namespace has ended; a person who types would not be as quick either.
            run(&step.undo());
            observe(kernel);
        }
        let back = observe(kernel);
        assert_eq!(back, before, "undoing the way to {name}");
        seen.push((format!("back from {name}"), back));
        run(&steps);
        seen.push((format!("again to {name}"), observe(kernel)));
    }
    seen
}

#[test]
fn undone_at_every_step_is_as_before() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        for_each_change(&kernel, |name, before, steps| {
            for count in 0..=steps.len() {
                let mut session = kernel.session().expect("a session");
                execute(&mut session, &steps[..count]);
                for step in steps[..count].iter().rev() {
                    execute(&mut session, &step.undo());
                    // Undone twice is undone once.
                    execute(&mut session, &step.undo());
                }
                drop(session);
                assert_eq!(&observe(&kernel), before, "{count} steps to {name}, undone");
            }
        });
    });
}

#[test]
fn a_step_done_twice_is_done_once() {
    check_in_sandbox(|| {
        let kernel = Kernel::open().expect("this machine can");
        for_each_change(&kernel, |name, _, steps| {
            let mut session = kernel.session().expect("a session");
            for step in steps {
                execute(&mut session, &[step.clone(), step.clone()]);
            }
            let done = observe(&kernel);
            // And once more, by someone who was not there the first time, as after a crash.
            for step in steps {
                let mut session = kernel.session().expect("a session");
                session.execute(step).unwrap_or_else(|error| panic!("again on the way to {name}: {error}"));
                assert_eq!(observe(&kernel), done, "{step:?} again after the way to {name}");
            }
        });
    });
}

/// Calls `body` for each way from one example to the next and, at the end, from the fullest to nothing; then goes it.
fn for_each_change(kernel: &Kernel, body: impl Fn(&str, &Observed, &[Step])) {
    let mut wanted = examples();
    wanted.push(("nothing, from the last", Desired::default()));
    wanted.push(wanted[4].clone());
    wanted.push(("ports again", wanted[6].1.clone()));
    wanted.push(("nothing, from the fullest", Desired::default()));
    for (name, desired) in wanted {
        let before = observe(kernel);
        body(name, &before, &plan(&desired, &before, &Scope::Everything));
        reach(kernel, &desired);
    }
}
