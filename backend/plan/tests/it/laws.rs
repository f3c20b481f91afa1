//! The laws that every plan keeps, on the kernel in memory. The kernel's own crate tries them on the real one.

use crate::world::{desired, observed};
use drawbridge_plan::{Desired, Observed, Scope, Step, explain, plan, sim::simulate};
use proptest::prelude::*;

/// Does the steps; each must be one that the kernel would take.
fn run<'a>(state: &Observed, steps: impl IntoIterator<Item = &'a Step>) -> Result<Observed, TestCaseError> {
    let mut state = state.clone();
    for step in steps {
        simulate(&mut state, step).map_err(|refused| TestCaseError::fail(format!("{refused} in {step:?}")))?;
    }
    Ok(state)
}

fn steps(desired: &Desired, observed: &Observed) -> Vec<Step> {
    plan(desired, observed, &Scope::Everything)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn simulated_is_desired(before in observed(), desired in desired()) {
        let after = run(&before, &steps(&desired, &before))?;
        prop_assert_eq!(after.objects, desired.objects());
        for wanted in &desired.sysctls {
            prop_assert_eq!(after.sysctls.get(&wanted.key), Some(&wanted.value));
        }
    }

    #[test]
    fn planned_again_is_nothing(before in observed(), desired in desired()) {
        let after = run(&before, &steps(&desired, &before))?;
        prop_assert_eq!(steps(&desired, &after), Vec::new());
    }

    #[test]
    fn undone_at_every_step_is_before(before in observed(), desired in desired()) {
        let steps = steps(&desired, &before);
        for count in 0..=steps.len() {
            let undo: Vec<Step> = steps[..count].iter().rev().flat_map(Step::undo).collect();
            let middle = run(&before, &steps[..count])?;
            prop_assert_eq!(&run(&middle, &undo)?, &before, "{} of {:#?}", count, &steps);
        }
    }

    #[test]
    fn repeated_is_once(before in observed(), desired in desired()) {
        let mut state = before.clone();
        let mut done = Vec::new();
        for step in &steps(&desired, &before) {
            state = run(&state, [step])?;
            prop_assert_eq!(&run(&state, [step])?, &state, "{:?}", step);
            done.push((step.clone(), state.clone()));
        }
        for (step, after) in done.iter().rev() {
            let undo = step.undo();
            let once = run(after, &undo)?;
            prop_assert_eq!(&run(&once, &undo)?, &once, "undoing {:?}", step);
        }
    }

    #[test]
    fn every_step_is_explained_and_can_be_stored(before in observed(), desired in desired()) {
        let steps = steps(&desired, &before);
        for step in steps.iter().cloned().chain(steps.iter().flat_map(Step::undo)) {
            let explained = explain(&step);
            prop_assert!(!explained.title.is_empty() && !explained.why.is_empty());
            prop_assert!(!explained.commands.is_empty() && explained.commands.iter().all(|command| !command.is_empty()));
            let stored = serde_json::to_string(&step).expect("plain data");
            prop_assert_eq!(serde_json::from_str::<Step>(&stored).expect("as it was"), step);
        }
    }
}
