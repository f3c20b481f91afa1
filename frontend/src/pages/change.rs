//! One change, by its number: the page that a shared link leads to.

use crate::{
    api::{self, Failure},
    app::app,
    components::{change::ChangeRow, empty::Empty},
    i18n::{changes as texts, common},
};
use drawbridge_api::Change;
use leptos::{prelude::*, task::spawn_local};
use std::sync::Arc;

/// One change.
#[component]
pub fn ChangePage(
    /// Its number.
    id: i64,
) -> impl IntoView {
    let live = app().memo(move |live| live.changes.iter().find(|change| change.id == id).cloned());
    let read = RwSignal::new(None::<Result<Arc<Change>, Failure>>);
    let ask = move || {
        spawn_local(async move {
            let answer = api::change(id).await.map(Arc::new);
            read.try_set(Some(answer));
        });
    };
    if live.with_untracked(Option::is_none) {
        ask();
    }
    app().link.when_back(move || {
        if matches!(read.get_untracked(), Some(Err(_))) {
            ask();
        }
    });
    let answer = Memo::new(move |_| live.get().map(Ok).or_else(|| read.get()));
    // Drawn anew only when there is an answer of another kind; the change itself is followed inside.
    let kind = Memo::new(move |_| answer.with(|answer| answer.as_ref().map(Result::is_ok)));
    view! {
        <div class="page">
            <div class="page-head">
                <h1>{texts::one(&id)}</h1>
                <a href="/changes">{texts::all()}</a>
            </div>
            {move || match kind.get() {
                None => view! { <p class="waiting" role="status">{common::loading()}</p> }.into_any(),
                Some(true) => {
                    let first = answer.get_untracked().and_then(Result::ok);
                    first.map(|first| view! {
                        <div class="changes">
                            <ChangeRow
                                open=true
                                change=Signal::derive(move || {
                                    answer.get().and_then(Result::ok).unwrap_or_else(|| first.clone())
                                })
                            />
                        </div>
                    }).into_any()
                }
                Some(false) => {
                    let text = answer.get_untracked().and_then(Result::err).map(|failure| failure.to_string());
                    view! {
                        <Empty title=texts::cannot_show()>
                            <p>{text}</p>
                            <a class="button" href="/changes">{texts::all()}</a>
                        </Empty>
                    }
                    .into_any()
                }
            }}
        </div>
    }
}
