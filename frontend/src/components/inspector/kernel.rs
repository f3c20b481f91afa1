//! What the kernel has of a thing, in the words of ip(8): read again and again while somebody looks.

use crate::{
    api::{self, Place},
    components::code::Commands,
    i18n::inspector,
    poll::{PAUSE_MS, Poll},
};
use drawbridge_api::{Listing, ListingKind};
use leptos::prelude::*;

/// The listings of one or more places.
#[component]
pub fn KernelTab(
    /// Where; none while the thing is not in the kernel.
    places: Memo<Vec<Place>>,
) -> impl IntoView {
    move || {
        let places = places.get();
        if places.is_empty() {
            return view! { <p class="muted">{inspector::not_in_kernel_yet()}</p> }.into_any();
        }
        places.into_iter().map(|place| view! { <Listings place /> }).collect_view().into_any()
    }
}

#[component]
fn Listings(
    /// Where.
    place: Place,
) -> impl IntoView {
    let polled = Poll::open(PAUSE_MS).follow(move || {
        let place = place.clone();
        Box::pin(async move { api::listings(&place).await })
    });
    let count = Memo::new(move |_| polled.with(|polled| polled.value.as_ref().map_or(0, |listings| listings.len())));
    let failure = move || polled.with(|polled| polled.failure.as_ref().map(ToString::to_string));
    view! {
        {move || failure().map(|failure| view! { <p class="refusal">{failure}</p> })}
        {move || (count.get() == 0 && failure().is_none()).then(|| view! { <p class="waiting">{inspector::asking_kernel()}</p> })}
        {move || (0..count.get()).map(|index| {
            // Each by itself, so that only what has changed is drawn anew and a mark in the text stays.
            let listing = Memo::new(move |_| {
                polled.with(|polled| polled.value.as_ref().and_then(|listings| listings.get(index).cloned()))
            });
            move || listing.get().map(|listing| view! { <One listing /> })
        }).collect_view()}
    }
}

#[component]
fn One(
    /// What it is.
    listing: Listing,
) -> impl IntoView {
    view! {
        <section class="listing-of" data-listing=word(listing.kind)>
            <h3>{title(listing.kind)}</h3>
            <Commands lines=vec![listing.command] />
            {if listing.lines.is_empty() {
                view! { <p class="muted small">{inspector::prints_nothing()}</p> }.into_any()
            } else {
                view! {
                    <pre class="printed" tabindex="0">
                        {listing.lines.into_iter().map(|line| view! { <code>{line}</code> }).collect_view()}
                    </pre>
                }
                .into_any()
            }}
        </section>
    }
}

fn title(kind: ListingKind) -> &'static str {
    match kind {
        ListingKind::Addresses => inspector::links_and_addresses(),
        ListingKind::Routes4 => inspector::routes(),
        ListingKind::Routes6 => inspector::routes6(),
        ListingKind::Neighbours => inspector::neighbours(),
        ListingKind::Forwarding => inspector::forwarding(),
    }
}

fn word(kind: ListingKind) -> &'static str {
    match kind {
        ListingKind::Addresses => "addresses",
        ListingKind::Routes4 => "routes4",
        ListingKind::Routes6 => "routes6",
        ListingKind::Neighbours => "neighbours",
        ListingKind::Forwarding => "forwarding",
    }
}
