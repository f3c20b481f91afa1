//! What containers ask for and what they are told, as it happens.

use crate::{
    api,
    app::app,
    components::{
        empty::Empty,
        listing::{Filter, SortChoice, SortHead, View},
    },
    dns::{self, Questions},
    i18n::{common, dns as texts, shell},
    listing::Listing,
    route::Route,
    said::said,
    text,
};
use drawbridge_api::DnsQuery;
use leptos::{ev, prelude::*};
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// As many rows are drawn; what is older is found by the filter.
const ROWS: usize = 200;

/// The questions, kept up to date until the component that calls this is gone. The browser takes a stream that was cut up
/// again by itself and says what it has seen; a login that has ended is found out by the panel's other stream.
///
/// The second value tells whether the daemon has been reached: before that, nobody knows whether there are any.
fn follow() -> (ReadSignal<Questions>, ReadSignal<bool>) {
    let (questions, set_questions) = signal(Questions::default());
    let (is_reached, set_reached) = signal(false);
    let opened = Closure::<dyn FnMut()>::new(move || {
        let _ = set_reached.try_set(true);
    });
    let message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data().as_string().unwrap_or_default();
        // Another version of the daemon says it otherwise; the page has a snapshot to find that out by.
        if let Ok(query) = serde_json::from_str::<DnsQuery>(&data) {
            // The page may be gone already.
            let _ = set_questions.try_update(|questions| questions.add(query));
        }
    });
    let stream = StoredValue::new_local(None::<EventSource>);
    let close = move || {
        if let Some(source) = stream.try_update_value(Option::take).flatten() {
            source.close();
        }
    };
    // As with the other stream of the panel, a page that nobody sees has none. Afterwards all that is kept is told again.
    let listen = move || {
        close();
        if !document().hidden() {
            stream.set_value(EventSource::new(api::DNS_EVENTS).ok());
            let message = message.as_ref().unchecked_ref();
            let opened = opened.as_ref().unchecked_ref();
            stream.with_value(|source| {
                source.iter().for_each(|source| {
                    source.set_onmessage(Some(message));
                    source.set_onopen(Some(opened));
                });
            });
        }
    };
    listen();
    let seen = window_event_listener(ev::visibilitychange, move |_| listen());
    let left = window_event_listener(ev::pagehide, move |_| close());
    on_cleanup(move || {
        seen.remove();
        left.remove();
        close();
    });
    (questions, is_reached)
}

/// The questions, newest first, with a filter that is part of the address.
#[component]
pub fn DnsPage() -> impl IntoView {
    let app = app();
    let (questions, is_reached) = follow();
    let listing = Memo::new(move |_| match app.nav.route.get() {
        Route::Dns(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| app.nav.replace(Route::Dns(listing))) };
    let names = app.memo(|live| dns::names(&live.containers));
    // What is shown stands still while somebody reads; what comes meanwhile is there afterwards.
    let (frozen, set_frozen) = signal(None::<Questions>);
    let shown = Memo::new(move |_| {
        let listing = listing.get();
        names.with(|names| {
            let mut found = match frozen.get() {
                Some(frozen) => frozen.found(names, &listing.find),
                None => questions.with(|questions| questions.found(names, &listing.find)),
            };
            listing.sort(&mut found, |query, column| dns::key(query, names, column));
            found
        })
    });
    let columns = vec![
        ("name", common::name()),
        ("container", texts::asked_by()),
        ("outcome", texts::outcome()),
        ("took", texts::took()),
        ("at", texts::at()),
    ];
    let is_empty = Memo::new(move |_| questions.with(Questions::is_empty));
    let toggle = move |_| {
        set_frozen.update(|frozen| *frozen = if frozen.is_some() { None } else { Some(questions.get_untracked()) });
    };
    view! {
        <div class="page" data-test="dns">
            <div class="page-head">
                <h1>{shell::dns()}</h1>
                <p class="muted number" role="status">
                    {move || questions.with(|questions| texts::questions(questions.len()))}
                </p>
                <button class="button" aria-pressed=move || frozen.with(Option::is_some).to_string() on:click=toggle>{texts::pause()}</button>
                <Filter id="find-dns" label=texts::filter() view />
                <SortChoice columns view />
            </div>
            <Show
                when=move || !is_empty.get()
                fallback=move || if is_reached.get() {
                    view! {
                        <Empty title=texts::nobody()>
                            <p>
                                {texts::nobody_note()}
                            </p>
                            <pre class="command"><code>"docker exec box1 ping -c 1 box2"</code></pre>
                        </Empty>
                    }
                    .into_any()
                } else {
                    view! { <p class="waiting" role="status">{common::loading()}</p> }.into_any()
                }
            >
                <div class="table" role="region" aria-label=texts::table() tabindex="0">
                    <table class="dns-table">
                        <thead>
                            <tr>
                                <SortHead column="name" words=common::name() view />
                                <SortHead column="container" words=texts::asked_by() view />
                                <SortHead column="outcome" words=texts::outcome() view />
                                <th>{texts::answer()}</th>
                                <SortHead column="took" words=texts::took() view end=true />
                                <SortHead column="at" words=texts::at() view end=true />
                            </tr>
                        </thead>
                        <tbody>
                            <For
                                each=move || shown.with(|shown| shown.iter().take(ROWS).cloned().collect::<Vec<_>>())
                                key=|query| query.sequence
                                let(query)
                            >
                                <Row query />
                            </For>
                        </tbody>
                    </table>
                    <Show when=move || shown.with(Vec::is_empty)>
                        <p class="no-match" role="status">{texts::no_match()} " " <a href="/dns">{common::show_all()}</a></p>
                    </Show>
                    <Show when=move || shown.with(|shown| shown.len() > ROWS)>
                        <p class="no-match">
                            {texts::latest(&ROWS)}
                        </p>
                    </Show>
                </div>
            </Show>
        </div>
    }
}

#[component]
fn Row(
    /// What was asked and told.
    query: Arc<DnsQuery>,
) -> impl IntoView {
    let names = app().memo(|live| dns::names(&live.containers));
    let asked_by = {
        let query = Arc::clone(&query);
        Memo::new(move |_| names.with(|names| dns::container(&query, names).to_owned()))
    };
    let answers = dns::answers(&query);
    let time = js_sys::Date::new(&JsValue::from_f64(query.time_ms as f64));
    view! {
        <tr data-name=query.name.clone() data-outcome=dns::state(query.outcome)>
            <th scope="row">
                {if query.name.is_empty() { texts::unreadable().to_owned() } else { query.name.clone() }}
                <span class="tag">{dns::kind(&query)}</span>
            </th>
            <td data-label=texts::asked_by()>
                <a href=move || Route::Container(asked_by.get()).href()>{move || asked_by.get()}</a>
            </td>
            <td data-label=texts::outcome()>
                <span class="badge" data-state=dns::state(query.outcome)>{dns::outcome(query.outcome)}</span>
                <div class="muted small">{said(&query.reason).into_owned()}</div>
            </td>
            <td class="mono" data-label=texts::answer()>
                {answers}
                {query.upstream.map(|upstream| view! { <div class="muted small">{texts::from(&upstream)}</div> })}
            </td>
            <td class="end number" data-label=texts::took()>
                {text::duration(i64::try_from(query.duration_us).unwrap_or(i64::MAX))}
            </td>
            <td class="end" data-label=texts::at()>
                <time class="number" datetime=time.to_iso_string().as_string() title=time.to_string().as_string()>
                    {time.to_locale_time_string("en-GB").as_string()}
                </time>
            </td>
        </tr>
    }
}
