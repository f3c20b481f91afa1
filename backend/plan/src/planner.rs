//! The planner: the difference between what is wanted and what is there, in an order that the kernel accepts.

use crate::{
    element::Element,
    object::Object,
    state::{Desired, Observed, Scope},
    step::Step,
};
use std::collections::BTreeSet;

/// The steps from `observed` to `desired` within `scope`; empty when the kernel is as wanted. What goes is removed
/// first, so that a name or an address is free for what comes.
pub fn plan(desired: &Desired, observed: &Observed, scope: &Scope) -> Vec<Step> {
    let mut wanted = desired.objects();
    wanted.retain(|object| scope.covers(object));
    let there: BTreeSet<&Object> = observed.objects.iter().filter(|object| scope.covers(object)).collect();

    let gone: Vec<&Object> = there.iter().copied().filter(|object| !wanted.contains(*object)).collect();
    // What is wanted but lies in something that goes is lost with it, and has to be made again.
    let lost: BTreeSet<&Object> = gone.iter().flat_map(|holder| holder.taken(&there)).chain(gone.clone()).collect();
    let kept: BTreeSet<&Object> = there.difference(&lost).copied().collect();
    let missing: Vec<&Object> = wanted.iter().filter(|object| !kept.contains(object)).collect();

    let mut steps = removals(&gone, &there);
    if scope.covers_sysctls() {
        steps.extend(sysctls(desired, observed));
    }
    steps.extend(additions(missing, &gone));
    steps
}

/// Removals in reverse order of making. An object that goes with its holder has no step of its own, and is among what
/// goes with the first holder only: when that is undone, the others are there again.
fn removals(gone: &[&Object], there: &BTreeSet<&Object>) -> Vec<Step> {
    let with_others: BTreeSet<&Object> = gone.iter().flat_map(|holder| holder.taken(there)).collect();
    let mut left = there.clone();
    let mut steps = Vec::new();
    for object in gone.iter().rev().filter(|object| !with_others.contains(*object)) {
        if matches!(object, Object::Element(_)) {
            continue;
        }
        let takes = object.taken(&left);
        left.retain(|other| !takes.contains(other));
        steps.push(Step::Remove { object: (*object).clone(), takes: takes.into_iter().cloned().collect() });
    }
    steps
}

fn sysctls(desired: &Desired, observed: &Observed) -> Vec<Step> {
    desired
        .sysctls
        .iter()
        .filter_map(|wanted| {
            let from = observed.sysctls.get(&wanted.key)?;
            (*from != wanted.value).then(|| Step::SetSysctl {
                key: wanted.key.clone(),
                from: from.clone(),
                to: wanted.value.clone(),
            })
        })
        .collect()
}

/// Additions in order of making. All elements, coming and going, are one transaction, at the place of an element.
fn additions(missing: Vec<&Object>, gone: &[&Object]) -> Vec<Step> {
    let tables_go = gone.iter().any(|object| matches!(object, Object::Tables));
    let remove: Vec<Element> = if tables_go { Vec::new() } else { elements(gone.iter().copied()) };
    let add = elements(missing.iter().copied());
    let mut transaction = (!add.is_empty() || !remove.is_empty()).then_some(Step::Elements { add, remove });
    let mut steps = Vec::new();
    for object in missing {
        match object {
            Object::Element(_) => steps.extend(transaction.take()),
            Object::Tables
            | Object::Bridge { .. }
            | Object::Namespace { .. }
            | Object::Veth { .. }
            | Object::Macvlan { .. }
            | Object::Port { .. }
            | Object::Address { .. }
            | Object::RouteLocalnet { .. }
            | Object::Hairpin { .. }
            | Object::Ipv6 { .. }
            | Object::Up { .. }
            | Object::Route { .. }
            | Object::Resolver { .. } => steps.push(Step::Add { object: object.clone() }),
        }
    }
    // Only removals: the elements go first, while what they name is still there.
    match transaction {
        Some(step) => std::iter::once(step).chain(steps).collect(),
        None => steps,
    }
}

fn elements<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Element> {
    objects.cloned().filter_map(Object::into_element).collect()
}
