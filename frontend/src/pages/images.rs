//! Images: those that are here, and how more come: pulled, loaded from a file, built.

use crate::{
    api::{self, Errand},
    app::app,
    components::{
        drop::FileDrop,
        empty::Empty,
        modal::Modal,
        time::Ago,
        work::{Work, WorkView},
    },
    i18n::{common, images as words},
    images::{self, Order},
    route::Route,
    text,
};
use drawbridge_api::{Image, ImageBuild, ImageId};
use leptos::{ev, prelude::*, task::spawn_local};
use std::sync::Arc;

/// The dialog of this page that is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Open {
    #[default]
    Nothing,
    Pull,
    Load,
    Build,
}

/// All images.
#[component]
pub fn ImagesPage() -> impl IntoView {
    let app = app();
    let open = RwSignal::new(Open::default());
    let look = Memo::new(move |_| match app.nav.route.get() {
        Route::Images { find, order } => (find, order),
        _ => (String::new(), Order::default()),
    });
    let all = app.memo(|live| live.images.clone());
    let ids = Memo::new(move |_| {
        let (find, order) = look.get();
        all.with(|all| images::chosen(all, &find, order).iter().map(|image| image.id.clone()).collect::<Vec<_>>())
    });
    let sorted = move |order: Order, title: &'static str| {
        let current =
            move || (look.get().1 == order).then_some(if order == Order::Name { "ascending" } else { "descending" });
        let href = move || Route::Images { find: look.get().0, order }.href();
        view! { <th aria-sort=current><a class="sort" href=href>{title}</a></th> }
    };
    view! {
        <div class="page" data-test="images">
            <div class="page-head">
                <h1>{words::title()}</h1>
                <input
                    id="find"
                    type="search"
                    aria-label=words::filter()
                    placeholder=words::filter()
                    prop:value=move || look.get().0
                    on:input:target=move |event| {
                        app.nav.replace(Route::Images { find: event.target().value(), order: look.get_untracked().1 });
                    }
                />
                <button class="button primary" data-test="pull" on:click=move |_| open.set(Open::Pull)>{words::pull()}</button>
                <button class="button" data-test="load" on:click=move |_| open.set(Open::Load)>{words::load()}</button>
                <button class="button" data-test="build" on:click=move |_| open.set(Open::Build)>{words::build()}</button>
            </div>
            <Show
                when=move || all.with(|all| !all.is_empty())
                fallback=|| view! { <Empty title=words::none()><p>{words::none_yet()}</p></Empty> }
            >
                <div class="table" role="region" aria-label=words::title() tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                {sorted(Order::Name, words::name())}
                                {sorted(Order::Size, words::size())}
                                {sorted(Order::Created, words::created())}
                                <th>{words::used_by()}</th>
                                <th><span class="hidden">{words::actions()}</span></th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || ids.get() key=|id| id.clone() let(id)>
                                <Row id />
                            </For>
                        </tbody>
                    </table>
                    <Show when=move || ids.with(Vec::is_empty)>
                        <p class="no-match" role="status">{words::no_match()}" "<a href="/images">{words::show_all()}</a></p>
                    </Show>
                </div>
            </Show>
            {move || {
                let close = Callback::new(move |()| open.set(Open::Nothing));
                match open.get() {
                    Open::Nothing => ().into_any(),
                    Open::Pull => view! { <Pull close /> }.into_any(),
                    Open::Load => view! { <Load close /> }.into_any(),
                    Open::Build => view! { <Build close /> }.into_any(),
                }
            }}
        </div>
    }
}

#[component]
fn Row(
    /// Which image.
    id: ImageId,
) -> impl IntoView {
    let app = app();
    let image = app.memo(move |live| live.images.iter().find(|image| image.id == id).cloned());
    move || image.get().map(row)
}

fn row(image: Arc<Image>) -> impl IntoView {
    let app = app();
    let containers = app.containers();
    let href = Route::Image(images::address(&image)).href();
    let names = if image.tags.is_empty() {
        view! { <a class="muted" href=href>{words::unnamed()}</a> }.into_any()
    } else {
        image
            .tags
            .iter()
            .map(|tag| view! { <div><a href=Route::Image(tag.clone()).href()>{tag.clone()}</a></div> })
            .collect_view()
            .into_any()
    };
    let (of_users, of_removal) = (image.clone(), image.clone());
    let users = Memo::new(move |_| containers.with(|all| images::users(all, &of_users)));
    let remove = RwSignal::new(false);
    view! {
        <tr data-image=images::address(&image)>
            <th scope="row">
                {names}
                <div class="muted mono small">{image.id.short().to_owned()}</div>
            </th>
            <td class="number" data-label=words::size()>{text::bytes(image.size_bytes.unsigned_abs())}</td>
            <td data-label=words::created()><Ago ms=Signal::stored(image.created_at_ms) /></td>
            <td data-label=words::used_by()>
                {move || match users.get() {
                    users if users.is_empty() => view! { <span class="muted">{words::nobody()}</span> }.into_any(),
                    users => users.join(", ").into_any(),
                }}
            </td>
            <td class="end">
                <button
                    class="button small quiet-danger"
                    data-test="remove"
                    aria-label=words::remove_image(&images::address(&image))
                    on:click=move |_| remove.set(true)
                >
                    {words::remove()}
                </button>
                <Show when=move || remove.get()>
                    <Remove image=of_removal.clone() close=Callback::new(move |()| remove.set(false)) />
                </Show>
            </td>
        </tr>
    }
}

/// Asks before an image goes.
#[component]
pub fn Remove(
    /// Which.
    image: Arc<Image>,
    /// Called when it went, or shall not.
    close: Callback<()>,
) -> impl IntoView {
    let refusal = RwSignal::new(None::<String>);
    let busy = RwSignal::new(false);
    let id = image.id.to_string();
    let remove = move |_| {
        busy.set(true);
        let id = id.clone();
        spawn_local(async move {
            match api::remove_image(&id, refusal.get_untracked().is_some()).await {
                Ok(()) => close.run(()),
                Err(failure) => {
                    // The page may be left by now.
                    refusal.try_set(Some(failure.to_string()));
                    busy.try_set(false);
                }
            }
        });
    };
    view! {
        <Modal id="image-remove" title=words::remove_image(&images::address(&image)) on_close=close>
            <div class="dialog-body">
                <p>{words::remove_what()}</p>
                {(image.tags.len() > 1).then(|| view! { <p class="warning">{words::all_names(&image.tags.join(", "))}</p> })}
            </div>
            <footer>
                {move || refusal.get().map(|text| view! {
                    <p class="refusal" role="alert" data-test="refusal">{text}</p>
                })}
                <div class="buttons">
                    <button type="button" class="button" data-test="cancel" autofocus on:click=move |_| close.run(())>
                        {words::cancel()}
                    </button>
                    <button type="button" class="button danger" data-test="apply" disabled=move || busy.get() on:click=remove>
                        {move || if refusal.get().is_some() { words::remove_anyway() } else { words::remove() }}
                    </button>
                </div>
            </footer>
        </Modal>
    }
}

#[component]
fn Pull(close: Callback<()>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let work = Work::idle();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        work.begin(Errand::Pull(name.get_untracked().trim().to_owned()));
    };
    view! {
        <Modal id="image-pull" title=words::pull_title() on_close=close>
            <form on:submit=submit autocomplete="off">
                <div class="dialog-body">
                    <label class="field wide">
                        <span>{words::name()}</span>
                        <input id="pull-name" required autofocus spellcheck="false" placeholder="redis:7" bind:value=name />
                        <small>{words::pull_hint()}</small>
                    </label>
                    <WorkView work />
                </div>
                <Foot work close words=words::pull() />
            </form>
        </Modal>
    }
}

#[component]
fn Load(close: Callback<()>) -> impl IntoView {
    let work = Work::idle();
    let on_file = Callback::new(move |file| {
        if !work.is_running() {
            work.begin(Errand::Load(file));
        }
    });
    view! {
        <Modal id="image-load" title=words::load_title() on_close=close>
            <div class="dialog-body">
                <FileDrop words=words::load_hint() accept=".tar,.tar.gz,.tgz,.zst" on_file />
                <WorkView work />
            </div>
            <footer>
                <div class="buttons">
                    <button type="button" class="button" data-test="cancel" on:click=move |_| close.run(())>{common::close()}</button>
                </div>
            </footer>
        </Modal>
    }
}

#[component]
fn Build(close: Callback<()>) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let dockerfile = RwSignal::new("FROM busybox\n".to_owned());
    let work = Work::idle();
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let (name, dockerfile) = (name.get_untracked().trim().to_owned(), dockerfile.get_untracked());
        work.begin(Errand::Build(ImageBuild { name, dockerfile }));
    };
    view! {
        <Modal id="image-build" title=words::build_title() on_close=close>
            <form on:submit=submit autocomplete="off">
                <div class="dialog-body">
                    <label class="field wide">
                        <span>{words::name()}</span>
                        <input id="build-name" required autofocus spellcheck="false" placeholder="mine:1" bind:value=name />
                    </label>
                    <label class="field wide">
                        <span>"Dockerfile"</span>
                        <textarea id="build-dockerfile" class="mono" rows="8" required spellcheck="false" bind:value=dockerfile></textarea>
                        <small>{words::build_hint()}</small>
                    </label>
                    <WorkView work />
                </div>
                <Foot work close words=words::build() />
            </form>
        </Modal>
    }
}

#[component]
fn Foot(
    /// Of what.
    work: Work,
    /// Called by the other button.
    close: Callback<()>,
    /// Of the button that begins.
    words: &'static str,
) -> impl IntoView {
    view! {
        <footer>
            <div class="buttons">
                <button type="button" class="button" data-test="cancel" on:click=move |_| close.run(())>{common::close()}</button>
                <button type="submit" class="button primary" data-test="apply" disabled=move || work.is_running()>{words}</button>
            </div>
        </footer>
    }
}
