//! What containers and their veth pairs are, and what may be done with them.

use super::about::code_fact;
use crate::{
    app::app,
    components::{container_networks::ContainerNetworks, facts::Facts, port_list::PortList},
    i18n::inspector,
    rates::{self, Measured},
    route::{Route, Selection},
    said::said,
    words,
};
use drawbridge_api::{Container, Endpoint, NetworkMode};
use leptos::prelude::*;
use std::sync::Arc;

/// A container and its namespace.
#[component]
pub fn ContainerFacts(
    /// Its name.
    name: String,
) -> impl IntoView {
    let app = app();
    let container = container(name);
    let traffic = app.follow_traffic();
    view! {
        <ContainerNetworks container />
        <PortList container traffic />
        {move || container.get().map(|container| facts(&container))}
    }
}

/// A container by its name, as long as it is there.
pub(super) fn container(name: String) -> Memo<Option<Arc<Container>>> {
    app().memo(move |live| live.containers.iter().find(|container| container.name.as_str() == name).cloned())
}

/// A veth pair by the name of its end on the host: whose it is, and which of that one's endpoints.
pub(super) fn veth(name: String) -> Memo<Option<(Arc<Container>, Endpoint)>> {
    app().memo(move |live| {
        live.containers.iter().find_map(|container| {
            let endpoint = container
                .endpoints
                .iter()
                .find(|endpoint| endpoint.host_end.as_ref().is_some_and(|host_end| host_end.as_str() == name))?;
            Some((container.clone(), endpoint.clone()))
        })
    })
}

fn facts(container: &Arc<Container>) -> impl IntoView + use<> {
    let mode = match &container.network_mode {
        NetworkMode::Network(name) if container.endpoints.is_empty() => Some(name.to_string()),
        NetworkMode::Network(_) => None,
        NetworkMode::Host => Some(inspector::mode_host().to_owned()),
        NetworkMode::None => Some(inspector::mode_none().to_owned()),
        NetworkMode::Container(other) => Some(inspector::mode_container(&other.as_str().get(..12).unwrap_or_default())),
    };
    let endpoints = container.endpoints.iter().map(endpoint_facts).collect_view();
    let facts = Facts::default()
        .code(inspector::namespace(), container.namespace.as_ref().map(|ns| format!("/run/netns/{ns}")))
        .words(inspector::network(), mode)
        .code(inspector::process(), container.pid.map(|pid| format!("pid {pid}")))
        .words(inspector::image(), container.image.clone())
        .code(inspector::command(), words::join(&container.command))
        .code(inspector::id(), container.id.short().to_owned())
        .words(inspector::when_it_ends(), container.auto_remove.then(|| inspector::is_removed().to_owned()))
        .moment(inspector::created(), container.created_at_ms)
        .moment(inspector::last_started(), container.started_at_ms)
        .moment(inspector::ended(), container.finished_at_ms.filter(|_| container.pid.is_none()));
    view! {
        {(!container.error.is_empty()).then(|| view! { <p class="refusal">{said(&container.error).into_owned()}</p> })}
        {endpoints}
        {facts.list(().into_any())}
    }
}

/// One attachment, as a table of both ends.
fn endpoint_facts(endpoint: &Endpoint) -> impl IntoView + use<> {
    view! {
        <dl class="endpoint">
            <dt>{inspector::network()}</dt>
            <dd>
                <a href=Route::select(Selection::Network(endpoint.network.to_string())).href()>
                    {endpoint.network.to_string()}
                </a>
            </dd>
            {endpoint.addresses().iter().map(|address| code_fact(inspector::address(), address.to_string())).collect_view()}
            {endpoint.gateways().iter().map(|gateway| code_fact(inspector::gateway(), gateway.to_string())).collect_view()}
            {code_fact("MAC", endpoint.mac.to_string())}
            {match &endpoint.host_end {
                Some(host_end) => view! {
                    <dt>{inspector::kind_veth()}</dt>
                    <dd class="mono">
                        <a href=Route::select(Selection::Veth(host_end.to_string())).href()>{host_end.to_string()}</a>
                        {format!(" ↔ {}", endpoint.interface)}
                    </dd>
                }.into_any(),
                None => code_fact(inspector::interface(), endpoint.interface.to_string()).into_any(),
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
    let found = veth(name.clone());
    let links = app().follow_links();
    let named = name.clone();
    let measured = Memo::new(move |before: Option<&Measured>| {
        let first = Measured::default();
        links.with(|polled| before.unwrap_or(&first).then(polled.value.as_ref()))
    });
    let rate = Memo::new(move |_| measured.with(|measured| measured.rates.get(&named).copied().unwrap_or_default()));
    move || {
        let Some((container, endpoint)) = found.get() else { return ().into_any() };
        let owner = container.name.to_string();
        view! {
            <p class="muted">
                {inspector::veth_note(&endpoint.interface)}
            </p>
            <dl>
                {code_fact(inspector::on_the_host(), name.clone())}
                <dt>{inspector::port_of()}</dt>
                <dd>
                    <a href=Route::select(Selection::Network(endpoint.network.to_string())).href()>
                        {endpoint.network.to_string()}
                    </a>
                </dd>
                {code_fact(inspector::in_the_namespace(), endpoint.interface.to_string())}
                <dt>{inspector::container()}</dt>
                <dd><a href=Route::select(Selection::Container(owner.clone())).href()>{owner.clone()}</a></dd>
                {endpoint.addresses().iter().map(|address| code_fact(inspector::address(), address.to_string())).collect_view()}
                {code_fact("MAC", endpoint.mac.to_string())}
                <dt>{inspector::rate()}</dt>
                <dd class="number">
                    {move || {
                        let rate = rate.get();
                        inspector::rate_words(&rates::words(rate.sent), &rates::words(rate.received))
                    }}
                </dd>
                {code_fact(inspector::endpoint_id(), endpoint.id.short().to_owned())}
            </dl>
        }
        .into_any()
    }
}
