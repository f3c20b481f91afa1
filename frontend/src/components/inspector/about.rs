//! What the host and its networks are.

use crate::{
    app::app,
    components::{
        facts::{Facts, forwarded},
        inspector::host_ports::HostPorts,
        state,
    },
    i18n::inspector,
    reduce::is_member,
    route::{Route, Selection},
    text,
};
use leptos::prelude::*;

/// A term and what it stands for, in a list with parts of other forms; left out when there is nothing to say.
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

/// The machine.
#[component]
pub fn HostFacts() -> impl IntoView {
    let app = app();
    let host = app.memo(|live| Some(live.host.clone()));
    move || {
        host.get().map(|host| {
            view! {
                <dl>
                    {fact(inspector::kernel_version(), format!("Linux {}", host.kernel))}
                    {fact(inspector::runtime(), host.runtime.clone())}
                    {host.addresses.iter().map(|address| view! {
                        <dt class="mono">{address.interface.clone()}</dt>
                        <dd class="mono">{address.address.to_string()}</dd>
                    }).collect_view()}
                </dl>
                <HostPorts />
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
    let network = app.memo(move |live| live.networks.iter().find(|network| network.name.as_str() == name).cloned());
    move || {
        let Some(network) = network.get() else { return ().into_any() };
        let members = {
            let network = network.clone();
            app.memo(move |live| {
                live.containers.iter().filter(|container| is_member(container, &network)).cloned().collect::<Vec<_>>()
            })
        };
        let icc = if network.icc { inspector::icc_on() } else { inspector::icc_off() };
        let facts = Facts::default()
            .code(inspector::interface(), network.bridge.as_ref().map(ToString::to_string))
            .roads(&network)
            .words(inspector::containers(), icc.to_owned())
            .words("MTU", inspector::bytes(&network.mtu))
            .code(inspector::id(), network.id.short().to_owned())
            .moment(inspector::created(), network.created_at_ms);
        view! {
            {facts.list(forwarded(network.id.clone()))}
            {move || {
                let members = members.get();
                (!members.is_empty()).then(|| view! {
                    <h3>{inspector::containers()}</h3>
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
        }
        .into_any()
    }
}
