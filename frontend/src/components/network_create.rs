//! The form of a new network.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        modal::Modal,
        proposal::{Buttons, Planned, Proposal},
    },
};
use drawbridge_api::NetworkCreate;
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
    let internal = RwSignal::new(false);

    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        proposal.preview(Ask::CreateNetwork(NetworkCreate {
            name: name.get_untracked().trim().to_owned(),
            subnet: filled(&subnet.get_untracked()),
            gateway: filled(&gateway.get_untracked()),
            internal: internal.get_untracked(),
        }));
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
                        <label class="check wide">
                            <input id="network-internal" type="checkbox" bind:checked=internal />
                            <span>"Internal"</span>
                            <small>"No way out and none in: its containers reach each other only."</small>
                        </label>
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
