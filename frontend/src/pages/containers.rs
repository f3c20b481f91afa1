//! All containers in a table, with a filter that is part of the address.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        container_actions::ContainerActions,
        empty::Empty,
        listing::{Choose, ChooseAll, Chosen, Filter, SeveralBar, SortChoice, SortHead, View},
        state::{self, StateBadge},
        time::Ago,
    },
    i18n::{common, containers as texts, shell},
    listing::{Key, Listing},
    ports::{publishes, ranges},
    route::Route,
    said::said,
    text::lower,
    words,
};
use drawbridge_api::{Container, ContainerId, ContainerState, Endpoint};
use leptos::prelude::*;

/// All containers, oldest first.
#[component]
pub fn ContainersPage() -> impl IntoView {
    let app = app();
    let listing = Memo::new(move |_| match app.nav.route.get() {
        Route::Containers(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| app.nav.replace(Route::Containers(listing))) };
    let containers = app.containers();
    let is_empty = Memo::new(move |_| containers.with(Vec::is_empty));
    let ids = Memo::new(move |_| {
        let listing = listing.get();
        containers.with(|containers| {
            let mut found: Vec<_> =
                containers.iter().filter(|container| matches(container, &listing.find)).cloned().collect();
            listing.sort(&mut found, |container, column| key(container, column));
            found.into_iter().map(|container| container.id.clone()).collect::<Vec<_>>()
        })
    });
    let chosen = Chosen::begin();
    let shown = Signal::derive(move || ids.with(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let act = move |make: fn(&Container) -> Option<Ask>| {
        Callback::new(move |ids: Vec<String>| {
            let all = containers.get_untracked();
            let named = all.iter().filter(|container| ids.contains(&container.id.to_string()));
            app.confirm_several(named.filter_map(|container| make(container)).collect());
        })
    };
    let buttons = vec![
        ("start-chosen", common::start(), act(|container| (!is_running(container)).then(|| Ask::start(container)))),
        ("stop-chosen", common::stop(), act(|container| is_running(container).then(|| Ask::stop(container)))),
        ("remove-chosen", common::remove(), act(|container| Some(Ask::remove_container(container)))),
    ];
    let columns = vec![
        ("name", common::name()),
        ("state", common::state()),
        ("address", common::address()),
        ("image", common::image()),
        ("created", common::created()),
    ];
    let new = move || {
        view! {
            <button
                class="button primary"
                data-test="new-container"
                on:click=move |_| app.dialog.set(Dialog::CreateContainer)
            >
                {texts::new()}
            </button>
        }
    };
    view! {
        <div class="page">
            <div class="page-head">
                <h1>{shell::containers()}</h1>
                <Filter id="find" label=texts::filter() view />
                <SortChoice columns view />
                {new()}
            </div>
            <Show
                when=move || !is_empty.get()
                fallback=move || view! {
                    <Empty title=texts::none_yet()>
                        <p>{texts::none_note()}</p>
                        <pre class="command"><code>"docker run -d --name box1 busybox sleep 3600"</code></pre>
                    </Empty>
                }
            >
                <SeveralBar chosen ids=shown buttons=buttons.clone() />
                <div class="table" role="region" aria-label=shell::containers() tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                <ChooseAll chosen ids=shown />
                                <SortHead column="name" words=common::name() view />
                                <SortHead column="state" words=common::state() view />
                                <SortHead column="address" words=common::address() view />
                                <SortHead column="network" words=common::network() view />
                                <th>{common::ports()}</th>
                                <SortHead column="image" words=common::image() view />
                                <SortHead column="created" words=common::created() view />
                                <th><span class="hidden">{common::actions()}</span></th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || ids.get() key=|id| id.clone() let(id)>
                                <Row id chosen />
                            </For>
                        </tbody>
                    </table>
                    <Show when=move || ids.with(Vec::is_empty)>
                        <p class="no-match" role="status">
                            {texts::no_match()}
                            " "
                            <a href="/containers">{common::show_all()}</a>
                        </p>
                    </Show>
                </div>
            </Show>
        </div>
    }
}

#[component]
fn Row(
    /// Which container.
    id: ContainerId,
    /// What is chosen.
    chosen: Chosen,
) -> impl IntoView {
    let own_id = id.to_string();
    let container = app().container(id);
    // Cells are drawn on their own, so that a button keeps the focus while the state next to it changes.
    let part = move |part: fn(&Container) -> String| {
        move || container.with(|container| container.as_deref().map(part).unwrap_or_default())
    };
    let ports = Memo::new(move |_| container.with(|container| container.as_deref().map(ports).unwrap_or_default()));
    view! {
        <tr
            data-container=part(|container| container.name.to_string())
            data-state=part(|container| container.state.as_str().to_owned())
        >
            <Choose chosen id=own_id name=Signal::derive(part(|container| container.name.to_string())) />
            <th scope="row">
                <a href=part(|container| Route::Container(container.name.to_string()).href())>
                    {part(|container| container.name.to_string())}
                </a>
                <div class="muted mono small">{part(|container| container.id.short().to_owned())}</div>
            </th>
            <td data-label=common::state()>
                {move || container.get().map(|container| view! {
                    <StateBadge word=state::word(&container) state=container.state />
                })}
                {move || container.get().filter(|container| !container.error.is_empty()).map(|container| view! {
                    <div class="refusal small">{said(&container.error).into_owned()}</div>
                })}
            </td>
            <td class="mono" data-label=common::address()>
                {move || container.get().map(|container| {
                    let addresses = container.endpoints.iter().flat_map(Endpoint::addresses).map(|address| address.addr().to_string());
                    addresses.map(|address| view! { <div>{address}</div> }).collect_view()
                })}
            </td>
            <td data-label=common::network()>{part(networks)}</td>
            <td class="mono" data-label=common::ports()>
                {move || ports.with(|(lines, is_open)| {
                    let class = if *is_open { "" } else { "muted" };
                    let title = (!is_open).then(texts::when_started);
                    lines.iter().map(|line| view! { <div class=class title=title>{line.clone()}</div> }).collect_view()
                })}
            </td>
            <td data-label=common::image()>
                {part(|container| container.image.clone())}
                <div class="muted mono small clip" title=part(|container| words::join(&container.command))>
                    {part(|container| words::join(&container.command))}
                </div>
            </td>
            <td data-label=common::created()>
                <Ago ms=Signal::derive(move || container.with(|c| c.as_ref().map_or(0, |c| c.created_at_ms))) />
            </td>
            <td class="end"><ContainerActions container /></td>
        </tr>
    }
}

fn is_running(container: &Container) -> bool {
    container.state == ContainerState::Running
}

/// The networks it is in whenever it runs.
fn networks(container: &Container) -> String {
    let names: Vec<&str> = container.attachments.iter().map(|attachment| attachment.network.as_str()).collect();
    names.join(", ")
}

/// The lines of its ports, and whether they are open: what is published as `docker ps` shows it, while it does not run what
/// would be.
fn ports(container: &Container) -> (Vec<String>, bool) {
    /// More are left to the inspector.
    const LINES: usize = 4;
    let is_running = container.pid.is_some();
    let mut lines: Vec<String> = if is_running {
        ranges(&container.ports).iter().map(ToString::to_string).collect()
    } else {
        publishes(&container.port_requests).iter().map(|publish| format!("-p {publish}")).collect()
    };
    if lines.len() > LINES {
        let more = lines.len() - (LINES - 1);
        lines.truncate(LINES - 1);
        lines.push(texts::more(&more));
    }
    (lines, is_running)
}

/// Whether a row is shown: the text stands in the name, the image, the id's beginning, an address or a port, in any case.
fn matches(container: &Container, find: &str) -> bool {
    let find = lower(find.trim());
    lower(container.name.as_str()).contains(&find)
        || lower(&container.image).contains(&find)
        || container.id.as_str().starts_with(&find)
        || ranges(&container.ports).iter().any(|range| range.to_string().contains(&find))
        || publishes(&container.port_requests).iter().any(|publish| publish.to_string().contains(&find))
        || container.endpoints.iter().flat_map(Endpoint::addresses).any(|address| address.to_string().contains(&find))
}

fn key(container: &Container, column: &str) -> Key {
    let address = || container.endpoints.iter().flat_map(Endpoint::addresses).next();
    match column {
        "state" => Key::text(state::word(container)),
        "address" => Key::text(address().map(|address| address.addr().to_string()).unwrap_or_default()),
        "network" => Key::text(networks(container)),
        "image" => Key::text(&container.image),
        "created" => Key::Number(container.created_at_ms),
        _ => Key::text(container.name.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn ports_are_short_lines() {
        let (lines, is_open) = ports(&sample::publishing(sample::container(1, 1), 20));
        assert_eq!((lines.as_slice(), is_open), (["0.0.0.0:8000-8019→80-99/tcp".to_owned()].as_slice(), true));
        let mut many = sample::container(1, 1);
        many.ports =
            (0..9).map(|n| sample::published("0.0.0.0", 8000 + n, 80, drawbridge_api::Protocol::Tcp)).collect();
        assert_eq!(ports(&many).0.len(), 4);
        assert_eq!(ports(&many).0[3], "and 6 more");
        let mut stopped = sample::publishing(sample::container(1, 1), 2);
        (stopped.pid, stopped.ports) = (None, Vec::new());
        assert_eq!(ports(&stopped), (vec!["-p 8000-8001:80-81".to_owned()], false));
    }

    #[test]
    fn the_filter_looks_at_name_image_id_and_address() {
        let container = sample::publishing(sample::container(1, 1), 1);
        for find in ["8000", "80/tcp", "", " BOX1 ", "busy", "0101", "172.17.0.2"] {
            assert!(matches(&container, find), "{find:?} should match");
        }
        for find in ["box2", "8001", "10.0.0.1", "1010"] {
            assert!(!matches(&container, find), "{find:?} should not match");
        }
    }
}
