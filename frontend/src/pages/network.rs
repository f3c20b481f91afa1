//! One network: what it is, a map of its addresses, and who is in it.

use crate::{
    addresses::{Cell, Map, Use, maps},
    app::app,
    ask::Ask,
    components::{
        empty::NoPage,
        facts::{Facts, forwarded},
    },
    i18n::{common, networks as texts},
    reduce::is_member,
    route::{Route, Selection},
    text,
};
use drawbridge_api::{Container, Driver, Network};
use leptos::prelude::*;
use std::sync::Arc;

/// One network, by its name.
#[component]
pub fn NetworkPage(
    /// Its name.
    name: String,
) -> impl IntoView {
    let app = app();
    let network = {
        let name = name.clone();
        app.memo(move |live| live.networks.iter().find(|network| network.name.as_str() == name).cloned())
    };
    move || match network.get() {
        Some(network) => view! { <Whole network /> }.into_any(),
        None => view! {
            <NoPage title=texts::not_there(&name)>
                <p>{texts::gone()}</p>
                <a class="button" href="/networks">{texts::all()}</a>
            </NoPage>
        }
        .into_any(),
    }
}

#[component]
fn Whole(
    /// Which.
    network: Arc<Network>,
) -> impl IntoView {
    let app = app();
    let name = network.name.to_string();
    let members = {
        let network = network.clone();
        app.memo(move |live| {
            live.containers.iter().filter(|container| is_member(container, &network)).cloned().collect::<Vec<_>>()
        })
    };
    let maps = {
        let network = network.clone();
        Memo::new(move |_| members.with(|members| maps(&network, members.iter().map(AsRef::as_ref))))
    };
    let remove = {
        let network = network.clone();
        move |_| app.confirm(Ask::remove_network(&network))
    };
    view! {
        <div class="page" data-test="network" data-network=name.clone()>
            <div class="page-head">
                <h1>{name.clone()}</h1>
                <span class="tag">{network.driver.as_str()}</span>
                <p></p>
                <a class="button" href=Route::select(Selection::Network(name.clone())).href()>{texts::in_topology()}</a>
                {(!network.predefined).then(|| view! {
                    <button class="button quiet-danger" data-test="remove" on:click=remove>{common::remove()}</button>
                })}
            </div>
            <div class="columns">
                <Options network=network.clone() />
                <section class="card">
                    <h2>{texts::endpoints()}</h2>
                    {move || members.with(|members| endpoints(&network, members))}
                </section>
            </div>
            {move || maps.get().into_iter().map(|map| view! { <AddressMap map /> }).collect_view()}
        </div>
    }
}

#[component]
fn Options(
    /// Which network.
    network: Arc<Network>,
) -> impl IntoView {
    let yes = |is: bool| if is { texts::yes() } else { texts::no() }.to_owned();
    let mut facts = Facts::default().code(texts::interface(), network.bridge.as_ref().map(ToString::to_string));
    if let Some(macvlan) = &network.macvlan {
        facts = facts.code(texts::interface(), format!("{} ({})", macvlan.parent, macvlan.mode.as_str()));
    }
    if network.driver == Driver::Bridge {
        let icc = if network.icc { texts::icc_on() } else { texts::icc_off() };
        facts = facts.words(texts::internal(), yes(network.internal)).words(texts::icc(), icc.to_owned());
    }
    facts = facts.roads(&network).words(texts::mtu(), texts::bytes(&network.mtu));
    for (key, value) in &network.options {
        facts = facts.code(key.clone(), value.clone());
    }
    let labels: Vec<String> = network.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let facts = facts
        .code(texts::labels(), labels.join(", "))
        .code(texts::id(), network.id.short().to_owned())
        .moment(common::created(), network.created_at_ms);
    view! {
        <section class="card">
            <h2>{texts::options()}</h2>
            {facts.list(forwarded(network.id.clone()))}
        </section>
    }
}

/// The containers of a network with their places in it; those that do not run have none.
fn endpoints(network: &Network, members: &[Arc<Container>]) -> AnyView {
    if members.is_empty() {
        return view! { <p class="muted">{texts::no_endpoints()}</p> }.into_any();
    }
    let row = |container: &Arc<Container>| {
        let name = container.name.to_string();
        let endpoint = container.endpoints.iter().find(|endpoint| endpoint.network_id == network.id);
        let place = match endpoint {
            Some(endpoint) => {
                let host_end = endpoint.host_end.as_ref().map(ToString::to_string).unwrap_or_default();
                view! {
                    <td class="mono" data-label=common::address()>{text::addresses(endpoint)}</td>
                    <td class="mono" data-label=texts::mac()>{endpoint.mac.to_string()}</td>
                    <td class="mono" data-label=texts::host_end()>{host_end}</td>
                }
                .into_any()
            }
            None => view! { <td class="muted" colspan="3">{texts::not_running()}</td> }.into_any(),
        };
        view! {
            <tr data-endpoint=name.clone()>
                <th scope="row"><a href=Route::Container(name.clone()).href()>{name.clone()}</a></th>
                {place}
            </tr>
        }
    };
    view! {
        <div class="plain-table">
            <table>
                <thead>
                    <tr>
                        <th>{common::name()}</th>
                        <th>{common::address()}</th>
                        <th>{texts::mac()}</th>
                        <th>{texts::host_end()}</th>
                    </tr>
                </thead>
                <tbody>{members.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// The map of one range: for the eye as cells, for a screen reader as the list of what is taken.
#[component]
fn AddressMap(
    /// The range.
    map: Map,
) -> impl IntoView {
    let per_cell = map.cells.first().map_or(1, count);
    let free = map.free.map(|free| text::number(u64::try_from(free).unwrap_or(u64::MAX)));
    let counts = match free {
        Some(free) => texts::counts(&map.used, &map.reserved, &free),
        None => texts::counts_many(&map.used, &map.reserved),
    };
    let taken: Vec<String> = map.cells.iter().flat_map(|cell| &cell.taken).map(said).collect();
    let note = match per_cell {
        1 => texts::map_note().to_owned(),
        many => texts::map_note_many(&text::number(u64::try_from(many).unwrap_or(u64::MAX))),
    };
    let legend = [
        ("free", texts::legend_free()),
        ("used", texts::legend_used()),
        ("kept", texts::legend_kept()),
        ("reserved", texts::legend_reserved()),
        ("gateway", texts::legend_gateway()),
        ("special", texts::legend_special()),
        ("outside", texts::legend_outside()),
    ];
    view! {
        <section class="card address-map" data-test="address-map" data-subnet=map.subnet.to_string()>
            <h2>{texts::map(&map.subnet)}</h2>
            <p class="number" data-test="address-counts">{counts} ". " <span class="muted">{note}</span></p>
            <div class="cells" aria-hidden="true">
                {map.cells.iter().map(|cell| view! {
                    <span class="cell" data-use=state(cell) title=title(cell)></span>
                }).collect_view()}
            </div>
            <ul class="legend">
                {legend.map(|(state, words)| view! { <li><span class="cell" data-use=state></span> {words}</li> }).collect_view()}
            </ul>
            <details class="fold">
                <summary>{texts::map_list()} <span class="tag number">{taken.len()}</span></summary>
                <ul class="mono small">{taken.into_iter().map(|line| view! { <li>{line}</li> }).collect_view()}</ul>
            </details>
        </section>
    }
}

/// How many addresses a cell stands for.
fn count(cell: &Cell) -> u128 {
    match (cell.first, cell.last) {
        (std::net::IpAddr::V4(first), std::net::IpAddr::V4(last)) => u128::from(u32::from(last) - u32::from(first)) + 1,
        (std::net::IpAddr::V6(first), std::net::IpAddr::V6(last)) => {
            (u128::from(last) - u128::from(first)).saturating_add(1)
        }
        _ => 1,
    }
}

/// The colour of a cell: that of the most telling address in it.
fn state(cell: &Cell) -> &'static str {
    let rank = |what: &Use| match what {
        Use::Used(_) => (5, "used"),
        Use::Kept(_) => (4, "kept"),
        Use::Reserved(_) => (3, "reserved"),
        Use::Gateway => (2, "gateway"),
        Use::Special => (1, "special"),
    };
    let best = cell.taken.iter().map(|(_, what)| rank(what)).max_by_key(|(rank, _)| *rank);
    best.map_or(if cell.is_given_from { "free" } else { "outside" }, |(_, state)| state)
}

fn said((address, what): &(std::net::IpAddr, Use)) -> String {
    let name = match what {
        Use::Used(name) | Use::Reserved(name) => name.clone(),
        Use::Kept(name) => format!("{name} ({})", texts::not_running()),
        Use::Gateway => texts::legend_gateway().to_owned(),
        Use::Special => texts::legend_special().to_owned(),
    };
    texts::cell_used(address, &name)
}

fn title(cell: &Cell) -> String {
    match (cell.first == cell.last, cell.taken.first()) {
        (true, Some(taken)) => said(taken),
        (true, None) if cell.is_given_from => texts::cell_free(&cell.first),
        (true, None) => texts::cell_outside(&cell.first),
        (false, None) => texts::cell_range_free(&cell.first, &cell.last),
        (false, Some(_)) => {
            let some: Vec<String> = cell.taken.iter().take(4).map(said).collect();
            texts::cell_range(&cell.first, &cell.last, &some.join(", "))
        }
    }
}
