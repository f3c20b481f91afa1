//! A kernel in memory: what a step leaves behind, and what the real kernel would refuse. The property tests compare
//! plans with it; it makes the same promises as the real one, no more.

use crate::{
    object::{Object, Place},
    state::Observed,
    step::Step,
};
use drawbridge_api::{IfName, NsName};
use std::collections::BTreeSet;

/// Why the kernel would refuse a step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{object:?} needs {missing}")]
pub struct Refused {
    /// What was to be made.
    pub object: Box<Object>,
    /// What it needs that isn't there.
    pub missing: String,
}

/// Does one step to `state`.
///
/// # Errors
/// When the step makes something in or on a thing that isn't there.
pub fn simulate(state: &mut Observed, step: &Step) -> Result<(), Refused> {
    match step {
        Step::Add { object } => add(state, object.clone()),
        Step::Remove { object, .. } => {
            remove(state, object);
            Ok(())
        }
        Step::Elements { add: coming, remove: going } => {
            for element in going {
                state.objects.remove(&Object::Element(element.clone()));
            }
            coming.iter().try_for_each(|element| add(state, Object::Element(element.clone())))
        }
        Step::SetSysctl { key, to, .. } => {
            state.sysctls.insert(key.clone(), to.clone());
            Ok(())
        }
    }
}

fn remove(state: &mut Observed, object: &Object) {
    let there = state.objects.iter().collect();
    let taken: BTreeSet<Object> = object.taken(&there).into_iter().cloned().collect();
    state.objects.retain(|other| other != object && !taken.contains(other));
}

fn add(state: &mut Observed, object: Object) -> Result<(), Refused> {
    let missing = missing(state, &object);
    if let Some(missing) = missing {
        return Err(Refused { object: Box::new(object), missing });
    }
    state.objects.insert(object);
    Ok(())
}

fn missing(state: &Observed, object: &Object) -> Option<String> {
    match object {
        Object::Tables | Object::Bridge { .. } | Object::Namespace { .. } => None,
        Object::Element(_) => (!state.objects.contains(&Object::Tables)).then(|| "the tables".to_owned()),
        Object::Veth { namespace, .. } | Object::Macvlan { namespace, .. } | Object::Resolver { namespace, .. } => {
            no_namespace(state, namespace)
        }
        Object::Port { link, bridge } => no_link(state, &Place::Host, link).or_else(|| no_bridge(state, bridge)),
        Object::Address { place: place @ Place::Namespace(namespace), link, address } if address.addr().is_ipv6() => {
            let on = Object::Ipv6 { namespace: namespace.clone(), link: link.clone() };
            let off = !state.objects.contains(&on);
            no_link(state, place, link).or_else(|| off.then(|| format!("IPv6 on {link}")))
        }
        Object::Address { place, link, .. } | Object::Up { place, link } => no_link(state, place, link),
        Object::Ipv6 { namespace, link } => no_link(state, &Place::Namespace(namespace.clone()), link),
        Object::RouteLocalnet { bridge } => no_bridge(state, bridge),
        Object::Hairpin { link } => {
            let plugged =
                state.objects.iter().any(|other| matches!(other, Object::Port { link: port, .. } if port == link));
            (!plugged).then(|| format!("{link} in a bridge"))
        }
        Object::Route { namespace, gateway, link } => {
            let place = Place::Namespace(namespace.clone());
            let up = state.objects.contains(&Object::Up { place: place.clone(), link: link.clone() });
            let reached = state.objects.iter().any(|other| {
                matches!(other, Object::Address { place: at, link: on, address }
                    if *at == place && on == link && address.contains(gateway))
            });
            (!(up && reached)).then(|| format!("{link} up with an address that reaches {gateway}"))
        }
    }
}

fn no_namespace(state: &Observed, wanted: &NsName) -> Option<String> {
    let there = state.objects.iter().any(|object| matches!(object, Object::Namespace { name, .. } if name == wanted));
    (!there).then(|| format!("namespace {wanted}"))
}

fn no_bridge(state: &Observed, wanted: &IfName) -> Option<String> {
    let there = state.objects.iter().any(|object| matches!(object, Object::Bridge { name, .. } if name == wanted));
    (!there).then(|| format!("bridge {wanted}"))
}

fn no_link(state: &Observed, place: &Place, wanted: &IfName) -> Option<String> {
    let there = state.objects.iter().any(|object| match (object, place) {
        (Object::Bridge { name, .. }, Place::Host) => name == wanted,
        (Object::Veth { host_end, .. }, Place::Host) => host_end == wanted,
        (
            Object::Veth { namespace, interface, .. } | Object::Macvlan { namespace, interface, .. },
            Place::Namespace(name),
        ) => namespace == name && interface == wanted,
        _ => false,
    });
    (!there).then(|| format!("link {wanted}"))
}
