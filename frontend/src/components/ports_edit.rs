//! The form of a container's published ports. Those of a running container change at once, without a restart.

use crate::i18n::{ask, forms as texts};
use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        modal::Modal,
        port_rows::{PortFields, PortRows},
        proposal::{Buttons, Planned, Proposal},
    },
};
use drawbridge_api::{Container, ContainerId, ContainerState, NetworkMode, PortsUpdate};
use leptos::{ev, prelude::*};

/// The dialog with the form.
#[component]
pub fn EditPorts(
    /// Whose ports.
    id: ContainerId,
) -> impl IntoView {
    let app = app();
    let proposal = Proposal::begin();
    // As they were when the form was opened: what is typed is not written over by what happens meanwhile.
    let container = app.container(id.clone()).get_untracked()?;
    let rows = PortRows::begin(&container.port_requests);
    let name = container.name.to_string();
    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let ask = {
        let name = name.clone();
        move |ports| Ask::UpdatePorts { id: id.clone(), name: name.clone(), update: PortsUpdate { ports } }
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match rows.read() {
            Ok(ports) => proposal.preview(ask(ports)),
            Err(problem) => proposal.refuse(problem),
        }
    };
    Some(view! {
        <Modal id="ports-dialog" title=ask::ports_of(&name) on_close=close>
            <form id="ports-edit" on:submit=submit on:input=move |_| proposal.edit() autocomplete="off">
                <div class="dialog-body">
                    <p class="muted">{explain(&container)}</p>
                    <PortFields
                        rows
                        on_change=Callback::new(move |()| proposal.edit())
                        none=texts::no_ports()
                    />
                    <Planned proposal />
                </div>
                <Buttons proposal words=Signal::stored((ask::save_ports(), ask::saving())) on_cancel=close />
            </form>
        </Modal>
    })
}

/// When what is saved takes effect.
fn explain(container: &Container) -> &'static str {
    match (&container.network_mode, container.state) {
        (NetworkMode::Host, _) => texts::ports_host(),
        (NetworkMode::Container(_), _) => texts::ports_container(),
        (NetworkMode::None, _) => texts::ports_none(),
        (NetworkMode::Network(_), ContainerState::Running) => texts::ports_running(),
        (NetworkMode::Network(_), ContainerState::Created | ContainerState::Exited) => texts::ports_idle(),
    }
}
