//! The published ports of a container, with what went through each.

use crate::i18n::forms as texts;
use crate::{
    poll::Polled,
    ports::{Publish, Range, publishes, ranges},
    text,
};
use drawbridge_api::{Container, ContainerId, HostPort, PublishedPort, TrafficReport};
use leptos::{ev, html, prelude::*};
use std::sync::Arc;

/// What is drawn: nothing of it changes with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shown {
    id: ContainerId,
    ranges: Vec<Range>,
    asked: Vec<Publish>,
    is_running: bool,
}

/// The published ports of a container; absent when there are none, and none are asked for.
#[component]
pub fn PortList(
    /// The container, as long as it is there.
    container: Memo<Option<Arc<Container>>>,
    /// What the counters say.
    traffic: ReadSignal<Polled<TrafficReport>>,
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        container.with(|container| {
            let container = container.as_ref()?;
            Some(Shown {
                id: container.id.clone(),
                ranges: ranges(&container.ports),
                asked: publishes(&container.port_requests),
                is_running: container.pid.is_some(),
            })
        })
    });
    move || {
        let Shown { id, ranges, asked, is_running } = shown.get()?;
        if ranges.is_empty() && asked.is_empty() {
            return None;
        }
        let when = if is_running { texts::asked_not_published() } else { texts::when_starts() };
        let waiting = ranges.is_empty().then(|| {
            view! {
                <p class="muted small">{when}</p>
                <ul class="ports">
                    {asked.into_iter().map(|publish| view! {
                        <li><span class="mono">{format!("-p {publish}")}</span></li>
                    }).collect_view()}
                </ul>
            }
        });
        Some(view! {
            <section class="port-list" data-test="ports-list">
                <h3>{texts::published()}</h3>
                {waiting}
                <ul class="ports">
                    {ranges.into_iter().map(|range| view! {
                        <li><Ports id=id.clone() range traffic /></li>
                    }).collect_view()}
                </ul>
            </section>
        })
    }
}

/// One range with its sum, unfolded to its ports.
#[component]
fn Ports(
    /// Whose.
    id: ContainerId,
    /// Which.
    range: Range,
    /// What the counters say.
    traffic: ReadSignal<Polled<TrafficReport>>,
) -> impl IntoView {
    if range.host.0 == range.host.1 {
        return view! { <Line id range traffic /> }.into_any();
    }
    let details = NodeRef::<html::Details>::new();
    let is_open = RwSignal::new(false);
    let toggle = move |_: ev::Event| is_open.set(details.get_untracked().is_some_and(|details| details.open()));
    let each = id.clone();
    view! {
        <details node_ref=details on:toggle=toggle>
            <summary><Line id range traffic /></summary>
            {move || is_open.get().then(|| {
                let lines = singles(range).into_iter().map(|range| view! {
                    <li><Line id=each.clone() range traffic /></li>
                });
                view! { <ul class="ports">{lines.collect_view()}</ul> }
            })}
        </details>
    }
    .into_any()
}

#[component]
fn Line(
    /// Whose.
    id: ContainerId,
    /// Which.
    range: Range,
    /// What the counters say.
    traffic: ReadSignal<Polled<TrafficReport>>,
) -> impl IntoView {
    let counted = Memo::new(move |_| {
        traffic.with(|polled| {
            let report = polled.value.as_ref()?;
            let counted = range.traffic(report.ports.iter().filter(|port| port.container == id));
            Some(counted.map_or_else(|| texts::not_counted().to_owned(), text::traffic))
        })
    });
    view! {
        <span class="port-line">
            <span class="mono">{range.to_string()}</span>
            <span class="muted number small">{move || counted.get()}</span>
        </span>
    }
}

/// The ports of a range, one by one.
fn singles(range: Range) -> Vec<Range> {
    let ports = (range.host.0..=range.host.1).zip(range.container.0..=range.container.1);
    let ports = ports.map(|(port, container_port)| PublishedPort {
        host: HostPort { address: range.address, protocol: range.protocol, port },
        container_port,
    });
    ports.flat_map(|port| ranges(&[port])).collect()
}
