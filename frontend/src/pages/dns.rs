//! What containers ask for and what they are told, as it happens.

use crate::{
    api,
    app::app,
    components::empty::Empty,
    dns::{self, Questions},
    route::{Route, Selection},
    text,
};
use drawbridge_api::DnsQuery;
use leptos::{prelude::*, task::spawn_local};
use std::sync::Arc;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{EventSource, MessageEvent};

/// As many rows are drawn; what is older is found by the filter.
const ROWS: usize = 200;

/// The open stream; closed when dropped. The closure lives as long as the browser may call it.
struct Stream {
    source: EventSource,
    _message: Closure<dyn FnMut(MessageEvent)>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.source.close();
    }
}

/// The questions, kept up to date until the component that calls this is gone. The browser takes a stream that was cut up
/// again by itself and says what it has seen; a login that has ended is found out by the panel's other stream.
fn follow() -> ReadSignal<Questions> {
    let (questions, set_questions) = signal(Questions::default());
    let message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data().as_string().unwrap_or_default();
        // Another version of the daemon says it otherwise; the page has a snapshot to find that out by.
        if let Ok(query) = serde_json::from_str::<DnsQuery>(&data) {
            // The page may be gone already.
            let _ = set_questions.try_update(|questions| questions.add(query));
        }
    });
    let stream = StoredValue::new_local(EventSource::new(api::DNS_EVENTS).ok().map(|source| {
        source.set_onmessage(Some(message.as_ref().unchecked_ref()));
        Stream { source, _message: message }
    }));
    on_cleanup(move || {
        // Not in the stream's own callback, which this may drop.
        let stream = stream.try_update_value(Option::take).flatten();
        spawn_local(async move { drop(stream) });
    });
    questions
}

/// The questions, newest first, with a filter that is part of the address.
#[component]
pub fn DnsPage() -> impl IntoView {
    let app = app();
    let questions = follow();
    let find = Memo::new(move |_| {
        let Route::Dns { find } = app.nav.route.get() else { return String::new() };
        find
    });
    let names = app.memo(|live| dns::names(&live.containers));
    // What is shown stands still while somebody reads; what comes meanwhile is there afterwards.
    let (frozen, set_frozen) = signal(None::<Questions>);
    let shown = Memo::new(move |_| {
        let find = find.get();
        names.with(|names| match frozen.get() {
            Some(frozen) => frozen.found(names, &find),
            None => questions.with(|questions| questions.found(names, &find)),
        })
    });
    let is_empty = Memo::new(move |_| questions.with(Questions::is_empty));
    let toggle = move |_| {
        set_frozen.update(|frozen| *frozen = if frozen.is_some() { None } else { Some(questions.get_untracked()) });
    };
    view! {
        <div class="page" data-test="dns">
            <div class="page-head">
                <h1>"DNS"</h1>
                <p class="muted number" role="status">
                    {move || questions.with(|questions| text::count_long(questions.len(), "question"))}
                </p>
                <button class="button" aria-pressed=move || frozen.with(Option::is_some).to_string() on:click=toggle>"Pause"</button>
                <input
                    id="find-dns"
                    type="search"
                    aria-label="Filter by container, name, type, answer or outcome"
                    placeholder="Filter by container, name, answer"
                    prop:value=move || find.get()
                    on:input:target=move |event| app.nav.replace(Route::Dns { find: event.target().value() })
                />
            </div>
            <Show
                when=move || !is_empty.get()
                fallback=|| view! {
                    <Empty title="Nobody has asked for a name yet">
                        <p>
                            "Containers on a network of your own find one another by name: they ask at 127.0.0.11, and what they ask appears here at once."
                        </p>
                        <pre class="command"><code>"docker exec box1 ping -c 1 box2"</code></pre>
                    </Empty>
                }
            >
                <div class="table" role="region" aria-label="Questions for names" tabindex="0">
                    <table class="dns-table">
                        <thead>
                            <tr>
                                <th>"Name"</th>
                                <th>"Asked by"</th>
                                <th>"Outcome"</th>
                                <th>"Answer"</th>
                                <th class="end">"Took"</th>
                                <th class="end">"At"</th>
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
                        <p class="no-match" role="status">"No question matches. " <a href="/dns">"Show all"</a></p>
                    </Show>
                    <Show when=move || shown.with(|shown| shown.len() > ROWS)>
                        <p class="no-match">
                            {format!("The latest {ROWS} are shown; older ones are found by the filter.")}
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
                {if query.name.is_empty() { "(unreadable)".to_owned() } else { query.name.clone() }}
                <span class="tag">{dns::kind(&query)}</span>
            </th>
            <td data-label="Asked by">
                <a href=move || Route::select(Selection::Container(asked_by.get())).href()>{move || asked_by.get()}</a>
            </td>
            <td data-label="Outcome">
                <span class="badge" data-state=dns::state(query.outcome)>{dns::outcome(query.outcome)}</span>
                <div class="muted small">{query.reason.clone()}</div>
            </td>
            <td class="mono" data-label="Answer">
                {answers}
                {query.upstream.map(|upstream| view! { <div class="muted small">{format!("from {upstream}")}</div> })}
            </td>
            <td class="end number" data-label="Took">
                {text::duration(i64::try_from(query.duration_us).unwrap_or(i64::MAX))}
            </td>
            <td class="end" data-label="At">
                <time class="number" datetime=time.to_iso_string().as_string() title=time.to_string().as_string()>
                    {time.to_locale_time_string("en-GB").as_string()}
                </time>
            </td>
        </tr>
    }
}
