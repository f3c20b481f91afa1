//! What a container uses, as small charts over the last minute, asked for once a second while somebody looks.

use crate::{
    api,
    chart::{History, Point},
    i18n::containers as texts,
    text,
};
use drawbridge_api::ContainerId;
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// From one measurement to the next.
const EVERY: Duration = Duration::from_secs(1);

/// The charts of one container that runs.
#[component]
pub fn UsageCharts(
    /// Which container.
    id: ContainerId,
) -> impl IntoView {
    let history = RwSignal::new(History::default());
    let failure = RwSignal::new(None::<String>);
    let is_asking = StoredValue::new(false);
    let ask = move || {
        if document().hidden() || is_asking.try_get_value() != Some(false) {
            return;
        }
        is_asking.set_value(true);
        let id = id.clone();
        spawn_local(async move {
            let answer = api::usage(&id).await;
            // The page may be left by now.
            if is_asking.try_set_value(false).is_some() {
                return;
            }
            match answer {
                Ok(usage) => {
                    failure.set(None);
                    if let Some(usage) = usage {
                        history.update(|history| history.add(usage));
                    }
                }
                Err(why) => failure.set(Some(why.to_string())),
            }
        });
    };
    ask();
    if let Ok(timer) = set_interval_with_handle(ask, EVERY) {
        on_cleanup(move || timer.clear());
    }
    let bytes = |value: f64| text::bytes(value as u64);
    let limit = move || {
        history.with(|history| {
            history
                .last()
                .filter(|usage| usage.memory_limit_bytes > 0)
                .map(|usage| text::bytes(usage.memory_limit_bytes))
        })
    };
    let pids = move || history.with(|history| history.last().and_then(|usage| usage.pids));
    view! {
        <section class="card" data-test="usage">
            <h2>{texts::usage()}</h2>
            {move || failure.get().map(|why| view! { <p class="warning">{why}</p> })}
            <div class="charts">
                <Chart what=texts::cpu() history of=|point| point.cpu_percent top=1.0 say=move |value| format!("{value:.1} %") />
                <Chart what=texts::memory() history of=|point| point.memory_bytes top=1.0 say=move |value| match limit() {
                    Some(limit) => format!("{} {}", bytes(value), texts::of_limit(&limit)),
                    None => bytes(value),
                } />
                <Chart what=texts::received() history of=|point| point.received top=100.0 say=move |value| texts::per_second(&bytes(value)) />
                <Chart what=texts::sent() history of=|point| point.sent top=100.0 say=move |value| texts::per_second(&bytes(value)) />
            </div>
            {move || pids().map(|pids| view! { <p class="muted number">{texts::pids()} ": " {pids}</p> })}
        </section>
    }
}

#[component]
fn Chart(
    /// What it shows.
    what: &'static str,
    /// The measurements.
    history: RwSignal<History>,
    /// The number of a point.
    of: fn(&Point) -> f64,
    /// The top of the chart is no lower, lest noise look like load.
    top: f64,
    /// The words for a number.
    say: impl Fn(f64) -> String + Send + Sync + 'static,
) -> impl IntoView {
    let line = Memo::new(move |_| history.with(|history| history.line(of, top)));
    let value = Memo::new(move |_| {
        history.with(|history| history.now()).map_or_else(|| texts::measuring().to_owned(), |point| say(of(&point)))
    });
    view! {
        <figure class="chart">
            <figcaption>
                <span class="muted">{what}</span>
                <strong class="number" data-test="usage-value">{move || value.get()}</strong>
            </figcaption>
            <svg viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label=move || texts::chart(&what, &value.get())>
                <polyline points=move || line.get() />
            </svg>
        </figure>
    }
}
