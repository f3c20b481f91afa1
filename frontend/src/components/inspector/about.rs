//! What the host and its networks are.

use crate::{
    app::app,
    components::{inspector::host_ports::HostPorts, state, time::Ago},
    gateway::{explain, modes, ways_out},
    i18n::inspector,
    reduce::is_member,
    route::{Route, Selection},
    text,
};
use leptos::prelude::*;

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
    let traffic = app.traffic.follow();
    move || {
        let Some(network) = network.get() else { return ().into_any() };
        let members = {
            let network = network.clone();
            app.memo(move |live| {
                live.containers.iter().filter(|container| is_member(container, &network)).cloned().collect::<Vec<_>>()
            })
        };
        let id = network.id.clone();
        let counted = Memo::new(move |_| {
            traffic.with(|polled| {
                let report = polled.value.as_ref()?;
                let counted = report.networks.iter().find(|counted| counted.network == id)?;
                Some((counted.sent, counted.received))
            })
        });
        view! {
            <dl>
                {code_fact(inspector::interface(), network.bridge.as_ref().map(ToString::to_string))}
                {network.subnets.iter().map(|subnet| view! {
                    {code_fact(inspector::subnet(), subnet.subnet.to_string())}
                    {code_fact(inspector::gateway(), subnet.gateway.to_string())}
                }).collect_view()}
                {ways_out(&network).into_iter().map(|(family, way)| view! {
                    <dt>{inspector::way_out(&family)}</dt>
                    <dd>{way}</dd>
                }).collect_view()}
                {modes(&network).into_iter().map(|mode| view! {
                    <dt>{inspector::gateway_mode()}</dt>
                    <dd>
                        <span class="mono">{mode.as_str()}</span>
                        <div class="muted small">{explain(mode)}</div>
                    </dd>
                }).collect_view()}
                {fact(inspector::containers(), if network.icc {
                    inspector::icc_on()
                } else {
                    inspector::icc_off()
                }.to_owned())}
                {move || counted.get().map(|(sent, received)| view! {
                    <dt>{inspector::sent()}</dt>
                    <dd class="number" data-test="sent">{text::traffic(sent)}</dd>
                    <dt>{inspector::received()}</dt>
                    <dd class="number" data-test="received">{text::traffic(received)}</dd>
                })}
                {fact("MTU", inspector::bytes(&network.mtu))}
                {code_fact(inspector::id(), network.id.short().to_owned())}
                <dt>{inspector::created()}</dt>
                <dd><Ago ms=Signal::stored(network.created_at_ms) /></dd>
            </dl>
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
