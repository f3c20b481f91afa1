//! The form of a new container.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        modal::Modal,
        network_create::filled,
        port_rows::{PortFields, PortRows},
        proposal::{Buttons, Planned, Proposal},
    },
    i18n::{ask, forms as texts, networks},
    words,
};
use drawbridge_api::{ContainerCreate, Driver};
use leptos::{ev, prelude::*};

/// The dialog with the form.
#[component]
pub fn CreateContainer(
    /// The network that is chosen at first, by name.
    chosen: String,
) -> impl IntoView {
    let app = app();
    let proposal = Proposal::begin();
    let name = RwSignal::new(String::new());
    let image = RwSignal::new(first_tag(app));
    let command = RwSignal::new(String::new());
    let network = RwSignal::new(chosen);
    let ports = PortRows::begin(&[]);
    let start = RwSignal::new(true);
    let auto_remove = RwSignal::new(false);

    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let command = match words::split(&command.get_untracked()) {
            Ok(command) => command,
            Err(words::Unfinished { open: '\\' }) => {
                return proposal.refuse(texts::open_backslash().into());
            }
            Err(words::Unfinished { open }) => {
                return proposal.refuse(texts::open_quote(&open));
            }
        };
        let ports = match ports.read() {
            Ok(ports) => ports,
            Err(problem) => return proposal.refuse(problem),
        };
        proposal.preview(Ask::CreateContainer(ContainerCreate {
            name: filled(&name.get_untracked()),
            image: image.get_untracked().trim().to_owned(),
            command,
            network: filled(&network.get_untracked()),
            auto_remove: auto_remove.get_untracked(),
            ports,
            start: start.get_untracked(),
        }));
    };
    // Docker drops ports without a word there; the form says it.
    let no_ports = Signal::derive(move || match network.get().as_str() {
        "host" => texts::no_ports_host(),
        "none" => texts::no_ports_none(),
        _ => texts::no_ports(),
    });
    let words = Signal::derive(move || {
        (if start.get() { ask::create_and_start() } else { ask::create_container() }, ask::creating())
    });
    view! {
        <Modal id="container-dialog" title=ask::new_container() on_close=close>
            <form id="container-create" on:submit=submit on:input=move |_| proposal.edit() autocomplete="off">
                <div class="dialog-body">
                    <div class="fields">
                        <label class="field">
                            <span>{texts::name()}</span>
                            <input id="container-name" autofocus spellcheck="false" placeholder=texts::made_up() bind:value=name />
                        </label>
                        <label class="field">
                            <span>{texts::image()}</span>
                            <input id="container-image" required list="images" spellcheck="false" bind:value=image />
                            <datalist id="images">
                                {move || tags(app).into_iter().map(|tag| view! { <option value=tag></option> }).collect_view()}
                            </datalist>
                        </label>
                        <label class="field wide">
                            <span>{texts::command()}</span>
                            <input
                                id="container-command"
                                class="mono"
                                spellcheck="false"
                                placeholder=texts::images_own()
                                bind:value=command
                            />
                            <small>
                                {texts::split_note()}
                                " "
                                <code>"sh -c \"while true; do sleep 3600; done\""</code>
                            </small>
                        </label>
                        <label class="field wide">
                            <span>{texts::network()}</span>
                            <Networks value=network />
                        </label>
                        <PortFields rows=ports on_change=Callback::new(move |()| proposal.edit()) none=no_ports />
                        <label class="check">
                            <input id="container-start" type="checkbox" bind:checked=start />
                            <span>{texts::start_now()}</span>
                        </label>
                        <label class="check">
                            <input id="container-auto-remove" type="checkbox" bind:checked=auto_remove />
                            <span>{texts::auto_remove()}</span>
                        </label>
                    </div>
                    <Planned proposal />
                </div>
                <Buttons proposal words on_cancel=close />
            </form>
        </Modal>
    }
}

/// The networks to choose from, with what each is.
#[component]
fn Networks(
    /// The name of the chosen one.
    value: RwSignal<String>,
) -> impl IntoView {
    let networks = app().networks();
    let options = move || {
        let option = |network: &drawbridge_api::Network| {
            let what = match network.driver {
                Driver::Bridge | Driver::Macvlan => {
                    network.subnets.first().map(|s| s.subnet.to_string()).unwrap_or_default()
                }
                Driver::Host => networks::host_own().to_owned(),
                Driver::Null => networks::loopback_only().to_owned(),
            };
            let name = network.name.to_string();
            let chosen = name == value.get_untracked();
            view! { <option value=name.clone() selected=chosen>{format!("{name} ({what})")}</option> }
        };
        networks.with(|networks| networks.iter().map(|network| option(network)).collect_view())
    };
    view! {
        <select id="container-network" on:change:target=move |event| value.set(event.target().value())>
            {options}
        </select>
    }
}

fn tags(app: crate::app::App) -> Vec<String> {
    app.link.live.with(|live| {
        live.iter().flat_map(|live| &live.images).flat_map(|image| image.tags.iter()).map(|tag| short(tag)).collect()
    })
}

fn first_tag(app: crate::app::App) -> String {
    untrack(|| tags(app)).into_iter().next().unwrap_or_default()
}

/// `busybox:latest` as people type it: `busybox`.
fn short(tag: &str) -> String {
    tag.strip_suffix(":latest").unwrap_or(tag).to_owned()
}
