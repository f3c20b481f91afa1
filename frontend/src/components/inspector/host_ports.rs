//! The published ports of the machine, as a list of the containers that they lead to.

use crate::{
    app::app,
    i18n::inspector,
    listing::Listing,
    ports::entry,
    route::{Route, Selection},
};
use leptos::prelude::*;

/// Which ports of the host lead to which container.
#[component]
pub fn HostPorts() -> impl IntoView {
    /// More are left to the page of containers.
    const SHOWN: usize = 100;
    let doors = app().memo(|live| {
        let doors = live
            .containers
            .iter()
            .filter_map(|container| Some((container.name.to_string(), entry(&container.ports)?.outside)));
        doors.collect::<Vec<_>>()
    });
    move || {
        let doors = doors.get();
        let more = doors.len().saturating_sub(SHOWN);
        (!doors.is_empty()).then(|| {
            view! {
                <h3>{inspector::published_ports()}</h3>
                <ul class="members">
                    {doors.into_iter().take(SHOWN).map(|(name, outside)| view! {
                        <li>
                            <a href=Route::select(Selection::Container(name.clone())).href()>{name.clone()}</a>
                            <span class="mono muted">{outside}</span>
                        </li>
                    }).collect_view()}
                </ul>
                {(more > 0).then(|| view! {
                    <a href=Route::Containers(Listing::find("→")).href()>
                        {inspector::and_more(more)}
                    </a>
                })}
            }
        })
    }
}
