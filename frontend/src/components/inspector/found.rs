//! The inspector's contents for what others have made.

use super::facts::{code_fact, fact, gone, looks};
use crate::{
    app::app,
    commands,
    route::{Route, Selection},
};
use drawbridge_api::FoundLink;
use leptos::prelude::*;

/// Said of everything here.
const FOREIGN: &str = "Not made by Drawbridge: it is shown, and never changed.";

/// A link of the host.
#[component]
pub fn LinkFacts(
    /// Its name.
    name: String,
) -> impl IntoView {
    let found = app().memo(|live| live.found.clone());
    move || {
        let found = found.get();
        let Some(link) = found.links.iter().find(|link| link.name == name) else { return gone("Link", &name) };
        let kind = match link.kind.as_str() {
            "bridge" => "Bridge",
            "veth" => "Veth pair",
            _ => "Link",
        };
        let ports: Vec<&FoundLink> = found.links.iter().filter(|port| port.bridge.as_ref() == Some(&name)).collect();
        view! {
            <p class="kind">{kind}</p>
            <h2>{name.clone()}</h2>
            <p class="muted">{FOREIGN}</p>
            <dl>{facts(link)}</dl>
            {(!ports.is_empty()).then(|| view! {
                <h3>"Plugged in"</h3>
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
            {looks(commands::link(link))}
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
            return gone("Network namespace", &name);
        };
        view! {
            <p class="kind">"Network namespace"</p>
            <h2>{name.clone()}</h2>
            <p class="muted">{FOREIGN}</p>
            {namespace.links.iter().map(|link| view! {
                <h3 class="mono">{link.name.clone()}</h3>
                <dl class="endpoint">{facts(link)}</dl>
            }).collect_view()}
            {looks(commands::namespace(&name))}
        }
        .into_any()
    }
}

fn facts(link: &FoundLink) -> impl IntoView + use<> {
    let peer = link.peer.as_ref().map(|peer| {
        let name = peer.name.clone().unwrap_or_else(|| "in a namespace without a name".to_owned());
        match &peer.namespace {
            Some(namespace) => format!("{name} in {namespace}"),
            None => name,
        }
    });
    let addresses: Vec<String> = link.addresses.iter().map(ToString::to_string).collect();
    view! {
        {fact("State", if link.up { "up" } else { "down" }.to_owned())}
        {code_fact("Addresses", Some(addresses.join("\n")).filter(|text| !text.is_empty()))}
        {code_fact("MAC address", link.mac.map(|mac| mac.to_string()))}
        {fact("Largest packet", format!("{} bytes", link.mtu))}
        {code_fact("Bridge", link.bridge.clone())}
        {code_fact("Other end", peer)}
    }
}
