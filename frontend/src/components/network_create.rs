//! The form of a new network.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        modal::Modal,
        proposal::{Buttons, Planned, Proposal},
    },
    gateway::{Choice, MODES, can_masquerade, explain, is_possible},
};
use drawbridge_api::{GatewayMode, NetworkCreate};
use leptos::{ev, prelude::*};

/// The dialog with the form, while it is open.
#[component]
pub fn CreateNetwork() -> impl IntoView {
    let dialog = app().dialog;
    view! {
        <Show when=move || dialog.get() == Dialog::CreateNetwork>
            <Form />
        </Show>
    }
}

#[component]
fn Form() -> impl IntoView {
    let app = app();
    let proposal = Proposal::begin();
    let name = RwSignal::new(String::new());
    let subnet = RwSignal::new(String::new());
    let gateway = RwSignal::new(String::new());
    let ip_range = RwSignal::new(String::new());
    let ipv4 = RwSignal::new(true);
    let ipv6 = RwSignal::new(false);
    let subnet6 = RwSignal::new(String::new());
    let internal = RwSignal::new(false);
    let icc = RwSignal::new(true);
    let masquerade = RwSignal::new(true);
    let mode = RwSignal::new(GatewayMode::Nat);
    // Not internal any more: a mode that only internal networks have is let go of.
    Effect::new(move |_| {
        if !is_possible(mode.get(), internal.get()) {
            mode.set(GatewayMode::Nat);
        }
    });
    let has_choice = Memo::new(move |_| can_masquerade(mode.get(), internal.get()));

    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let choice = Choice {
            internal: internal.get_untracked(),
            icc: icc.get_untracked(),
            masquerade: masquerade.get_untracked(),
            mode: mode.get_untracked(),
        };
        proposal.preview(Ask::CreateNetwork(choice.write(NetworkCreate {
            name: name.get_untracked().trim().to_owned(),
            subnet: filled(&subnet.get_untracked()),
            gateway: filled(&gateway.get_untracked()),
            ip_range: filled(&ip_range.get_untracked()),
            ipv4: Some(ipv4.get_untracked()),
            ipv6: ipv6.get_untracked(),
            subnet6: filled(&subnet6.get_untracked()).filter(|_| ipv6.get_untracked()),
            gateway6: None,
            internal: false,
            icc: None,
            masquerade: None,
            gateway_mode: None,
        })));
    };
    view! {
        <Modal id="network-dialog" title="New network" on_close=close>
            <form id="network-create" on:submit=submit on:input=move |_| proposal.edit() autocomplete="off">
                <div class="dialog-body">
                    <div class="fields">
                        <label class="field wide">
                            <span>"Name"</span>
                            <input id="network-name" required autofocus spellcheck="false" placeholder="demo-network" bind:value=name />
                        </label>
                        <label class="field">
                            <span>"Subnet"</span>
                            <input id="network-subnet" class="mono" spellcheck="false" placeholder="the next free one" bind:value=subnet />
                            <small>"As CIDR: 172.30.0.0/24. Left empty, the next free range is taken."</small>
                        </label>
                        <label class="field">
                            <span>"Gateway"</span>
                            <input id="network-gateway" class="mono" spellcheck="false" placeholder="the first address" bind:value=gateway />
                            <small>"The bridge’s own address in the subnet. Needs a subnet."</small>
                        </label>
                        <label class="field">
                            <span>"Range for containers"</span>
                            <input id="network-ip-range" class="mono" spellcheck="false" placeholder="the whole subnet" bind:value=ip_range />
                            <small>"The part of the subnet that addresses are given from. Needs a subnet."</small>
                        </label>
                        <label class="field">
                            <span>"IPv6 subnet"</span>
                            <input
                                id="network-subnet6"
                                class="mono"
                                spellcheck="false"
                                placeholder="a free one"
                                disabled=move || !ipv6.get()
                                bind:value=subnet6
                            />
                            <small>"As CIDR: fd00:30::/64. Left empty, one of this machine’s own is taken."</small>
                        </label>
                        <label class="check wide">
                            <input id="network-ipv4" type="checkbox" bind:checked=ipv4 />
                            <span>"IPv4"</span>
                            <small>"Its containers get IPv4 addresses."</small>
                        </label>
                        <label class="check wide">
                            <input id="network-ipv6" type="checkbox" bind:checked=ipv6 />
                            <span>"IPv6"</span>
                            <small>"Its containers get IPv6 addresses, beside IPv4 or alone."</small>
                        </label>
                        <label class="check wide">
                            <input id="network-internal" type="checkbox" bind:checked=internal />
                            <span>"Internal"</span>
                            <small>"No way out and none in: its containers reach each other only."</small>
                        </label>
                        <label class="check wide">
                            <input id="network-icc" type="checkbox" bind:checked=icc />
                            <span>"Containers reach one another"</span>
                            <small>"Otherwise only at ports that are published."</small>
                        </label>
                        <label class="check wide">
                            <input
                                id="network-masquerade"
                                type="checkbox"
                                disabled=move || !has_choice.get()
                                prop:checked=move || masquerade.get() && has_choice.get()
                                on:change:target=move |event| masquerade.set(event.target().checked())
                            />
                            <span>"Leave with the host’s address"</span>
                            <small>
                                {move || match (internal.get(), has_choice.get()) {
                                    (true, _) => "Nothing leaves an internal network.",
                                    (false, true) => "Masquerade: outside, packets seem to come from this machine.",
                                    (false, false) => "This gateway mode translates nothing.",
                                }}
                            </small>
                        </label>
                        <fieldset class="wide choices">
                            <legend>"Gateway mode"</legend>
                            {MODES.map(|offered| view! {
                                <label class="check">
                                    <input
                                        type="radio"
                                        name="gateway-mode"
                                        value=offered.as_str()
                                        disabled=move || !is_possible(offered, internal.get())
                                        prop:checked=move || mode.get() == offered
                                        on:change=move |_| mode.set(offered)
                                    />
                                    <span class="mono">{offered.as_str()}</span>
                                    <small>
                                        {explain(offered)}
                                        {(!is_possible(offered, false)).then_some(" For internal networks only.")}
                                    </small>
                                </label>
                            }).collect_view()}
                        </fieldset>
                    </div>
                    <Planned proposal />
                </div>
                <Buttons proposal words=Signal::stored(("Create network", "Creating…")) on_cancel=close />
            </form>
        </Modal>
    }
}

/// The text without blanks around it; none when nothing is left.
pub fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
