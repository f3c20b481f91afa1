//! Carrying out a plan: each step in order, and the done ones taken back in reverse when one fails. No choice is made
//! here; the planner made them all.

use crate::{machine::Hand, store::journal::StepResult};
use drawbridge_api::Outcome;
use drawbridge_kernel::StepError;
use drawbridge_plan::Step;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Instant,
};

/// What became of a plan.
#[derive(Debug)]
pub struct Applied {
    /// What became of each step, in the plan's order.
    pub results: Vec<StepResult>,
    /// The refusal that ended it; everything before is undone.
    pub refused: Option<StepError>,
}

/// A plan is neither done nor undone: the executor panicked between two steps. The change stays open and is planned anew.
#[derive(Debug, thiserror::Error)]
#[error("the plan was cut off between two steps; the change stays open and is settled at the next start")]
pub struct CutOff;

/// Carries out `steps` and blocks until they are done.
///
/// # Errors
/// When the executor panics.
pub fn apply(mut hand: Box<dyn Hand + '_>, steps: &[Step]) -> Result<Applied, CutOff> {
    // Nothing that is seen afterwards is broken by a panic: the hand goes with it, and the results are never looked at.
    catch_unwind(AssertUnwindSafe(move || carry_out(hand.as_mut(), steps))).map_err(|_| CutOff)
}

fn carry_out(hand: &mut dyn Hand, steps: &[Step]) -> Applied {
    let mut results = Vec::with_capacity(steps.len());
    for step in steps {
        let begun = Instant::now();
        let done = hand.execute(step);
        let duration_us = Some(i64::try_from(begun.elapsed().as_micros()).unwrap_or(i64::MAX));
        match done {
            Ok(()) => results.push(StepResult { outcome: Outcome::Done, error: None, duration_us }),
            Err(refused) => {
                results.push(StepResult { outcome: Outcome::Failed, error: Some(refused.to_string()), duration_us });
                take_back(hand, steps, &mut results);
                return Applied { results, refused: Some(refused) };
            }
        }
    }
    Applied { results, refused: None }
}

/// Undoes what is done, last first, and the refused step too, which may be half done. Does not stop at a failure: what
/// can be taken back is taken back, and the rest is noted and found by the next reconcile.
fn take_back(hand: &mut dyn Hand, steps: &[Step], results: &mut [StepResult]) {
    for (step, result) in steps.iter().zip(results.iter_mut()).rev() {
        let failures: Vec<String> =
            step.undo().iter().filter_map(|undo| hand.execute(undo).err()).map(|error| error.to_string()).collect();
        match result.outcome {
            Outcome::Done if failures.is_empty() => result.outcome = Outcome::Undone,
            Outcome::Done => result.error = Some(format!("could not be undone: {}", failures.join("; "))),
            // Half done or not done at all: an undo that finds nothing to take back has not failed.
            Outcome::Failed | Outcome::Planned | Outcome::Undone => {}
        }
    }
}
