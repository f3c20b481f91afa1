//! The inspector's contents, one component for each kind of thing.

use crate::{
    app::{App, app},
    ask::Ask,
    commands::{self, Look},
    components::{
        change::origin_word,
        code::Commands,
        container_actions::ContainerActions,
        container_networks::ContainerNetworks,
        inspector::{host_ports::HostPorts, rules::ContainerRules},
        port_list::PortList,
        state::{self, StateBadge},
        time::Ago,
    },
    gateway::{explain, modes, ways_out},
    reduce::is_member,
    route::{Route, Selection},
    text::{self, sentence},
    words,
};
use drawbridge_api::{Container, Endpoint, NetworkMode};
use leptos::prelude::*;
use std::sync::Arc;

/// A term and what it stands for; left out when there is nothing to say.
pub(super) fn fact(term: &'static str, value: impl Into<Option<String>>) -> Option<impl IntoView> {
    let value: String = value.into()?;
    Some(view! {
        <dt>{term}</dt>
        <dd>{value}</dd>
    })
}

/// The same, for what is typed into a shell.
pub(super) fn code_fact(term: &'static str, value: impl Into<Option<String>>) -> Option<impl IntoView> {
    let value: String = value.into()?;
    Some(view! {
        <dt>{term}</dt>
        <dd class="mono">{value}</dd>
    })
}

/// The commands that look at it.
pub(super) fn looks(looks: Vec<Look>) -> impl IntoView {
    view! {
        <h3>"Look at it yourself"</h3>
        {looks.into_iter().map(|(what, command)| view! {
            <p class="look">{what}</p>
            <Commands lines=vec![command] />
        }).collect_view()}
    }
}

/// What was last done to a thing.
fn history(app: App, thing: Selection) -> impl IntoView {
    let changes = app.memo(move |live| {
        live.changes
            .iter()
            .filter(|change| Selection::of(change).as_ref() == Some(&thing))
            .take(5)
            .cloned()
            .collect::<Vec<_>>()
    });
    move || {
        let changes = changes.get();
        (!changes.is_empty()).then(|| view! {
            <h3>"What made it so"</h3>
            <ul class="history">
                {changes.into_iter().map(|change| view! {
                    <li>
                        <a href=Route::Change(change.id).href()>{format!("#{} {}", change.id, sentence(&change.verb))}</a>
                        <span class="muted">{origin_word(change.origin)}</span>
                        <span class="muted"><Ago ms=Signal::stored(change.opened_at_ms) /></span>
                    </li>
                }).collect_view()}
            </ul>
        })
    }
}

/// Said when the selected thing is not there: a link to something that was removed, or a name mistyped.
pub(super) fn gone(kind: &'static str, name: &str) -> AnyView {
    view! {
        <p class="kind">{kind}</p>
        <h2>{name.to_owned()}</h2>
        <p class="muted">"It is not there, or not any more. What was done is among the changes."</p>
        <a class="button" href="/changes">"Changes"</a>
    }
    .into_any()
}

/// The machine.
#[component]
pub fn HostFacts() -> impl IntoView {
    let app = app();
    let host = app.memo(|live| Some(live.host.clone()));
    move || {
        host.get().map(|host| {
            view! {
                <p class="kind">"Host"</p>
                <h2>{host.name.clone()}</h2>
                <dl>
                    {fact("Kernel", format!("Linux {}", host.kernel))}
                    {fact("Runtime", host.runtime.clone())}
                    {host.addresses.iter().map(|address| view! {
                        <dt class="mono">{address.interface.clone()}</dt>
                        <dd class="mono">{address.address.to_string()}</dd>
                    }).collect_view()}
                </dl>
                <HostPorts />
                {looks(commands::host())}
            }
        })
    }
}

/// A network and its bridge.
#[component]
pub fn NetworkFacts(
    /// Its name.
    name: String,
) -> impl IntoView {
    let app = app();
    let network = {
        let name = name.clone();
        app.memo(move |live| live.networks.iter().find(|network| network.name.as_str() == name).cloned())
    };
    let traffic = app.traffic.follow();
    move || {
        let Some(network) = network.get() else { return gone("Network", &name) };
        let members = {
            let network = network.clone();
            app.memo(move |live| {
                live.containers.iter().filter(|container| is_member(container, &network)).cloned().collect::<Vec<_>>()
            })
        };
        let removed = network.clone();
        let id = network.id.clone();
        let counted = Memo::new(move |_| {
            traffic.with(|polled| {
                let report = polled.value.as_ref()?;
                let counted = report.networks.iter().find(|counted| counted.network == id)?;
                Some((counted.sent, counted.received))
            })
        });
        view! {
            <p class="kind">"Network · bridge"</p>
            <h2>{network.name.to_string()}</h2>
            {(!network.predefined).then(|| view! {
                <div class="actions">
                    <button
                        class="button small quiet-danger"
                        data-test="remove"
                        on:click=move |_| app.confirm(Ask::remove_network(&removed))
                    >
                        "Remove"
                    </button>
                </div>
            })}
            <dl>
                {code_fact("Interface", network.bridge.as_ref().map(ToString::to_string))}
                {network.subnets.iter().map(|subnet| view! {
                    {code_fact("Subnet", subnet.subnet.to_string())}
                    {code_fact("Gateway", subnet.gateway.to_string())}
                }).collect_view()}
                {ways_out(&network).into_iter().map(|(family, way)| view! {
                    <dt>{format!("Way out, {family}")}</dt>
                    <dd>{way}</dd>
                }).collect_view()}
                {modes(&network).into_iter().map(|mode| view! {
                    <dt>"Gateway mode"</dt>
                    <dd>
                        <span class="mono">{mode.as_str()}</span>
                        <div class="muted small">{explain(mode)}</div>
                    </dd>
                }).collect_view()}
                {fact("Containers", if network.icc {
                    "Reach one another"
                } else {
                    "Reach one another at published ports only"
                }.to_owned())}
                {move || counted.get().map(|(sent, received)| view! {
                    <dt>"Sent"</dt>
                    <dd class="number" data-test="sent">{text::traffic(sent)}</dd>
                    <dt>"Received"</dt>
                    <dd class="number" data-test="received">{text::traffic(received)}</dd>
                })}
                {fact("MTU", format!("{} bytes", network.mtu))}
                {code_fact("Id", network.id.short().to_owned())}
                <dt>"Created"</dt>
                <dd><Ago ms=Signal::stored(network.created_at_ms) /></dd>
            </dl>
            {move || {
                let members = members.get();
                (!members.is_empty()).then(|| view! {
                    <h3>"Containers"</h3>
                    <ul class="members">
                        {members.iter().map(|container| view! {
                            <li>
                                <a href=Route::select(Selection::Container(container.name.to_string())).href()>
                                    {container.name.to_string()}
                                </a>
                                <span class="mono muted">
                                    {container.endpoints.first().map_or_else(
                                        || state::word(container),
                                        text::addresses,
                                    )}
                                </span>
                            </li>
                        }).collect_view()}
                    </ul>
                })
            }}
            {looks(commands::network(&network))}
            {history(app, Selection::Network(name.clone()))}
        }
        .into_any()
    }
}

/// A container and its namespace.
#[component]
pub fn ContainerFacts(
    /// Its name.
    name: String,
) -> impl IntoView {
    let app = app();
    let container = {
        let name = name.clone();
        app.memo(move |live| live.containers.iter().find(|container| container.name.as_str() == name).cloned())
    };
    let exists = Memo::new(move |_| container.with(Option::is_some));
    let id = Memo::new(move |_| container.with(|container| container.as_ref().map(|container| container.id.clone())));
    let traffic = app.traffic.follow();
    move || {
        if !exists.get() {
            return gone("Container", &name);
        }
        view! {
            <p class="kind">"Container · network namespace"</p>
            <h2>
                {name.clone()}
                {move || container.get().map(|container| view! {
                    <StateBadge word=state::word(&container) state=container.state />
                })}
            </h2>
            // Apart from the facts, so that a button keeps the focus while they change.
            <ContainerActions container />
            <ContainerNetworks container />
            <PortList container traffic />
            {move || container.get().map(|container| facts(&container))}
            {
                let name = name.clone();
                move || id.get().map(|id| view! { <ContainerRules id name=name.clone() /> })
            }
            {history(app, Selection::Container(name.clone()))}
        }
        .into_any()
    }
}

fn facts(container: &Arc<Container>) -> impl IntoView + use<> {
    let mode = match &container.network_mode {
        NetworkMode::Network(name) if container.endpoints.is_empty() => Some(name.to_string()),
        NetworkMode::Network(_) => None,
        NetworkMode::Host => Some("host: the host’s own namespace".to_owned()),
        NetworkMode::None => Some("none: loopback only".to_owned()),
        NetworkMode::Container(other) => {
            Some(format!("that of container {}", other.as_str().get(..12).unwrap_or_default()))
        }
    };
    let endpoints = container.endpoints.iter().map(endpoint_facts).collect_view();
    view! {
        {(!container.error.is_empty()).then(|| view! { <p class="refusal">{container.error.clone()}</p> })}
        {endpoints}
        <dl>
            {code_fact("Namespace", container.namespace.as_ref().map(|ns| format!("/run/netns/{ns}")))}
            {fact("Network", mode)}
            {code_fact("Main process", container.pid.map(|pid| format!("pid {pid}")))}
            {fact("Image", container.image.clone())}
            {code_fact("Command", Some(words::join(&container.command)).filter(|command| !command.is_empty()))}
            {code_fact("Id", container.id.short().to_owned())}
            {fact("When it ends", container.auto_remove.then(|| "It is removed".to_owned()))}
            <dt>"Created"</dt>
            <dd><Ago ms=Signal::stored(container.created_at_ms) /></dd>
            {container.started_at_ms.map(|ms| view! {
                <dt>"Last started"</dt>
                <dd><Ago ms=Signal::stored(ms) /></dd>
            })}
            {container.finished_at_ms.filter(|_| container.pid.is_none()).map(|ms| view! {
                <dt>"Ended"</dt>
                <dd><Ago ms=Signal::stored(ms) /></dd>
            })}
        </dl>
        {looks(commands::container(container))}
    }
}

/// One attachment, as a table of both ends.
fn endpoint_facts(endpoint: &Endpoint) -> impl IntoView + use<> {
    view! {
        <dl class="endpoint">
            <dt>"Network"</dt>
            <dd>
                <a href=Route::select(Selection::Network(endpoint.network.to_string())).href()>
                    {endpoint.network.to_string()}
                </a>
            </dd>
            {endpoint.addresses().iter().map(|address| code_fact("Address", address.to_string())).collect_view()}
            {endpoint.gateways().iter().map(|gateway| code_fact("Gateway", gateway.to_string())).collect_view()}
            {code_fact("MAC", endpoint.mac.to_string())}
            {match &endpoint.host_end {
                Some(host_end) => view! {
                    <dt>"veth pair"</dt>
                    <dd class="mono">
                        <a href=Route::select(Selection::Veth(host_end.to_string())).href()>{host_end.to_string()}</a>
                        {format!(" ↔ {}", endpoint.interface)}
                    </dd>
                }.into_any(),
                None => code_fact("Interface", endpoint.interface.to_string()).into_any(),
            }}
        </dl>
    }
}

/// A veth pair.
#[component]
pub fn VethFacts(
    /// The name of its end on the host.
    name: String,
) -> impl IntoView {
    let app = app();
    let found = {
        let name = name.clone();
        app.memo(move |live| {
            live.containers.iter().find_map(|container| {
                let endpoint = container
                    .endpoints
                    .iter()
                    .find(|endpoint| endpoint.host_end.as_ref().is_some_and(|host_end| host_end.as_str() == name))?;
                Some((container.clone(), endpoint.clone()))
            })
        })
    };
    move || {
        let Some((container, endpoint)) = found.get() else { return gone("veth pair", &name) };
        let owner = container.name.to_string();
        view! {
            <p class="kind">"veth pair"</p>
            <h2 class="mono">{format!("{name} ↔ {}", endpoint.interface)}</h2>
            <p class="muted">
                "Two Ethernet interfaces joined back to back: what enters one leaves the other. One end is a port of the bridge, the other is the container’s "
                {endpoint.interface.to_string()} "."
            </p>
            <dl>
                {code_fact("On the host", name.clone())}
                <dt>"Port of"</dt>
                <dd>
                    <a href=Route::select(Selection::Network(endpoint.network.to_string())).href()>
                        {endpoint.network.to_string()}
                    </a>
                </dd>
                {code_fact("In the namespace", endpoint.interface.to_string())}
                <dt>"Container"</dt>
                <dd><a href=Route::select(Selection::Container(owner.clone())).href()>{owner.clone()}</a></dd>
                {endpoint.addresses().iter().map(|address| code_fact("Address", address.to_string())).collect_view()}
                {code_fact("MAC", endpoint.mac.to_string())}
                {code_fact("Endpoint id", endpoint.id.short().to_owned())}
            </dl>
            {looks(commands::veth(&container, &name, &endpoint))}
        }
        .into_any()
    }
}
