//! The inspector's contents for what others have made.

use super::about::{code_fact, fact};
use crate::{
    app::app,
    i18n::inspector,
    route::{Route, Selection},
};
use drawbridge_api::FoundLink;
use leptos::prelude::*;

/// A link of the host.
#[component]
pub fn LinkFacts(
    /// Its name.
    name: String,
) -> impl IntoView {
    let found = app().memo(|live| live.found.clone());
    move || {
        let found = found.get();
        let Some(link) = found.links.iter().find(|link| link.name == name) else { return ().into_any() };
        let ports: Vec<&FoundLink> = found.links.iter().filter(|port| port.bridge.as_ref() == Some(&name)).collect();
        view! {
            <p class="muted">{inspector::foreign()}</p>
            <dl>{facts(link)}</dl>
            {(!ports.is_empty()).then(|| view! {
                <h3>{inspector::plugged_in()}</h3>
                <ul class="members">
                    {ports.into_iter().map(|port| {
                        let namespace = port.peer.as_ref().and_then(|peer| peer.namespace.clone());
                        view! {
                            <li>
                                <a href=Route::select(Selection::Link(port.name.clone())).href()>{port.name.clone()}</a>
                                {namespace.map(|namespace| view! {
                                    <a href=Route::select(Selection::Namespace(namespace.clone())).href()>{namespace.clone()}</a>
                                })}
                            </li>
                        }
                    }).collect_view()}
                </ul>
            })}
        }
        .into_any()
    }
}

/// A namespace.
#[component]
pub fn NamespaceFacts(
    /// Its name.
    name: String,
) -> impl IntoView {
    let found = app().memo(|live| live.found.clone());
    move || {
        let found = found.get();
        let Some(namespace) = found.namespaces.iter().find(|namespace| namespace.name == name) else {
            return ().into_any();
        };
        view! {
            <p class="muted">{inspector::foreign()}</p>
            {namespace.links.iter().map(|link| view! {
                <h3 class="mono">{link.name.clone()}</h3>
                <dl class="endpoint">{facts(link)}</dl>
            }).collect_view()}
        }
        .into_any()
    }
}

fn facts(link: &FoundLink) -> impl IntoView + use<> {
    let peer = link.peer.as_ref().map(|peer| {
        let name = peer.name.clone().unwrap_or_else(|| inspector::nameless().to_owned());
        match &peer.namespace {
            Some(namespace) => inspector::end_in(&name, namespace),
            None => name,
        }
    });
    let addresses: Vec<String> = link.addresses.iter().map(ToString::to_string).collect();
    view! {
        {fact(inspector::state(), if link.up { inspector::up() } else { inspector::down() }.to_owned())}
        {code_fact(inspector::addresses(), Some(addresses.join("\n")).filter(|text| !text.is_empty()))}
        {code_fact(inspector::mac(), link.mac.map(|mac| mac.to_string()))}
        {fact(inspector::mtu(), inspector::bytes(&link.mtu))}
        {code_fact(inspector::bridge(), link.bridge.clone())}
        {code_fact(inspector::other_end(), peer)}
    }
}
