//! All containers in a table, with a filter that is part of the address.

use crate::{
    app::{Dialog, app},
    components::{
        container_actions::ContainerActions,
        empty::Empty,
        state::{self, StateBadge},
        time::Ago,
    },
    ports::{publishes, ranges},
    route::{Route, Selection},
    words,
};
use drawbridge_api::{Container, ContainerId, Endpoint};
use leptos::prelude::*;

/// All containers, oldest first.
#[component]
pub fn ContainersPage() -> impl IntoView {
    let app = app();
    let find = Memo::new(move |_| {
        let Route::Containers { find } = app.nav.route.get() else { return String::new() };
        find
    });
    let containers = app.containers();
    let is_empty = Memo::new(move |_| containers.with(Vec::is_empty));
    let ids = Memo::new(move |_| {
        let find = find.get();
        containers.with(|containers| {
            let found = containers.iter().filter(|container| matches(container, &find));
            found.map(|container| container.id.clone()).collect::<Vec<_>>()
        })
    });
    let new = move || {
        view! {
            <button
                class="button primary"
                data-test="new-container"
                on:click=move |_| app.dialog.set(Dialog::CreateContainer)
            >
                "New container"
            </button>
        }
    };
    view! {
        <div class="page">
            <div class="page-head">
                <h1>"Containers"</h1>
                <input
                    id="find"
                    type="search"
                    aria-label="Filter by name, image, address or port"
                    placeholder="Filter by name, image, address, port"
                    prop:value=move || find.get()
                    on:input:target=move |event| app.nav.replace(Route::Containers { find: event.target().value() })
                />
                {new()}
            </div>
            <Show
                when=move || !is_empty.get()
                fallback=move || view! {
                    <Empty title="No containers yet">
                        <p>"Make one here with “New container”, or with any Docker client:"</p>
                        <pre class="command"><code>"docker run -d --name box1 busybox sleep 3600"</code></pre>
                    </Empty>
                }
            >
                <div class="table" role="region" aria-label="Containers" tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                <th>"Name"</th>
                                <th>"State"</th>
                                <th>"Address"</th>
                                <th>"Network"</th>
                                <th>"Ports"</th>
                                <th>"Image"</th>
                                <th>"Created"</th>
                                <th><span class="hidden">"Actions"</span></th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || ids.get() key=|id| id.clone() let(id)>
                                <Row id />
                            </For>
                        </tbody>
                    </table>
                    <Show when=move || ids.with(Vec::is_empty)>
                        <p class="no-match" role="status">
                            "No container matches. "
                            <a href="/containers">"Show all"</a>
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
) -> impl IntoView {
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
            <th scope="row">
                <a href=part(|container| Route::select(Selection::Container(container.name.to_string())).href())>
                    {part(|container| container.name.to_string())}
                </a>
                <div class="muted mono small">{part(|container| container.id.short().to_owned())}</div>
            </th>
            <td data-label="State">
                {move || container.get().map(|container| view! {
                    <StateBadge word=state::word(&container) state=container.state />
                })}
                {move || container.get().filter(|container| !container.error.is_empty()).map(|container| view! {
                    <div class="refusal small">{container.error.clone()}</div>
                })}
            </td>
            <td class="mono" data-label="Address">
                {move || container.get().map(|container| {
                    let addresses = container.endpoints.iter().flat_map(Endpoint::addresses).map(|address| address.addr().to_string());
                    addresses.map(|address| view! { <div>{address}</div> }).collect_view()
                })}
            </td>
            <td data-label="Network">{part(networks)}</td>
            <td class="mono" data-label="Ports">
                {move || ports.with(|(lines, is_open)| {
                    let class = if *is_open { "" } else { "muted" };
                    let title = (!is_open).then_some("Published when it starts");
                    lines.iter().map(|line| view! { <div class=class title=title>{line.clone()}</div> }).collect_view()
                })}
            </td>
            <td data-label="Image">
                {part(|container| container.image.clone())}
                <div class="muted mono small clip" title=part(|container| words::join(&container.command))>
                    {part(|container| words::join(&container.command))}
                </div>
            </td>
            <td data-label="Created">
                <Ago ms=Signal::derive(move || container.with(|c| c.as_ref().map_or(0, |c| c.created_at_ms))) />
            </td>
            <td class="end"><ContainerActions container /></td>
        </tr>
    }
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
        lines.push(format!("and {more} more"));
    }
    (lines, is_running)
}

/// Whether a row is shown: the text stands in the name, the image, the id's beginning, an address or a port, in any case.
fn matches(container: &Container, find: &str) -> bool {
    let find = find.trim().to_lowercase();
    container.name.as_str().to_lowercase().contains(&find)
        || container.image.to_lowercase().contains(&find)
        || container.id.as_str().starts_with(&find)
        || ranges(&container.ports).iter().any(|range| range.to_string().contains(&find))
        || publishes(&container.port_requests).iter().any(|publish| publish.to_string().contains(&find))
        || container.endpoints.iter().flat_map(Endpoint::addresses).any(|address| address.to_string().contains(&find))
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
