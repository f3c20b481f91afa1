//! The choice of a network for a container: what dragging it onto a bridge asks, for the keyboard.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        modal::Modal,
        proposal::{Buttons, Planned, Proposal},
    },
    i18n::topology,
};
use drawbridge_api::{Attachment, ContainerId, Driver, Network};
use leptos::{ev, prelude::*};

/// The dialog.
#[component]
pub fn Connect(
    /// Which container.
    id: ContainerId,
) -> impl IntoView {
    let app = app();
    let proposal = Proposal::begin();
    let container = app.container(id).get_untracked()?;
    let name = container.name.to_string();
    let joinable = |network: &&std::sync::Arc<Network>| {
        matches!(network.driver, Driver::Bridge | Driver::Macvlan)
            && !container.attachments.iter().any(|attachment| attachment.network == network.name)
    };
    let options: Vec<(String, String)> = app.networks().with_untracked(|networks| {
        let options = networks.iter().filter(joinable).map(|network| {
            let range = network.subnets.first().map(|subnet| format!(" ({})", subnet.subnet)).unwrap_or_default();
            (network.name.to_string(), format!("{}{range}", network.name))
        });
        options.collect()
    });
    let chosen = RwSignal::new(options.first().map(|(name, _)| name.clone()).unwrap_or_default());
    let has_options = !options.is_empty();
    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match chosen.get_untracked().parse() {
            Ok(network) => proposal.preview(Ask::connect(&container, Attachment::to(network))),
            Err(_) => proposal.refuse(topology::connect_everywhere().to_owned()),
        }
    };
    Some(view! {
        <Modal id="connect-dialog" title=topology::connect_title(&name) on_close=close>
            <form id="connect" on:submit=submit on:input=move |_| proposal.edit() autocomplete="off">
                <div class="dialog-body">
                    {if has_options {
                        view! {
                            <label class="field">
                                <span>{topology::network()}</span>
                                <select
                                    id="connect-network"
                                    autofocus
                                    on:change:target=move |event| chosen.set(event.target().value())
                                >
                                    {options.into_iter().map(|(name, words)| view! { <option value=name>{words}</option> }).collect_view()}
                                </select>
                                <small>{topology::connect_hint()}</small>
                            </label>
                        }
                        .into_any()
                    } else {
                        view! { <p class="muted">{topology::connect_everywhere()}</p> }.into_any()
                    }}
                    <Planned proposal />
                </div>
                <Buttons proposal words=Signal::stored((topology::connect(), topology::connecting())) on_cancel=close />
            </form>
        </Modal>
    })
}
