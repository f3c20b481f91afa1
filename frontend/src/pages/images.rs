//! Images: those that are here, and how more come: pulled, loaded from a file, built.

use crate::{
    api::{self, Errand},
    app::app,
    components::{
        code::DockerSays,
        drop::{DropPage, FileDrop},
        empty::Empty,
        listing::{Choose, ChooseAll, Chosen, Filter, SeveralBar, SortChoice, SortHead, View},
        modal::Modal,
        time::Ago,
        work::{Work, WorkView},
    },
    docker,
    i18n::{ask, common, images as words},
    images,
    listing::Listing,
    route::Route,
    text,
};
use drawbridge_api::{Image, ImageBuild, ImageId};
use leptos::{ev, prelude::*, task::spawn_local};
use std::sync::Arc;
use web_sys::File;

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
    let listing = Memo::new(move |_| match app.nav.route.get() {
        Route::Images(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| app.nav.replace(Route::Images(listing))) };
    let all = app.memo(|live| live.images.clone());
    let ids = Memo::new(move |_| {
        all.with(|all| images::chosen(all, &listing.get()).iter().map(|image| image.id.clone()).collect::<Vec<_>>())
    });
    let chosen = Chosen::begin();
    let shown = Signal::derive(move || ids.with(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>()));
    let going = RwSignal::new(Vec::<Arc<Image>>::new());
    let remove = Callback::new(move |ids: Vec<String>| {
        let mut named = all.get_untracked();
        named.retain(|image| ids.contains(&image.id.to_string()));
        going.set(named);
    });
    let buttons = vec![("remove-chosen", common::remove(), remove)];
    let columns = vec![("name", words::name()), ("size", words::size()), ("created", words::created())];
    // An archive that was dropped on the page, for the dialog that loads it.
    let dropped = StoredValue::new_local(None::<File>);
    let on_file = Callback::new(move |file| {
        if open.get_untracked() == Open::Nothing {
            dropped.set_value(Some(file));
            open.set(Open::Load);
        }
    });
    view! {
        <DropPage test="images" on_file>
            <div class="page-head">
                <h1>{words::title()}</h1>
                <Filter id="find" label=words::filter() view />
                <SortChoice columns view />
                <button class="button primary" data-test="pull" on:click=move |_| open.set(Open::Pull)>{words::pull()}</button>
                <button class="button" data-test="load" on:click=move |_| open.set(Open::Load)>{words::load()}</button>
                <button class="button" data-test="build" on:click=move |_| open.set(Open::Build)>{words::build()}</button>
            </div>
            <Show
                when=move || all.with(|all| !all.is_empty())
                fallback=|| view! { <Empty title=words::none()><p>{words::none_yet()}</p></Empty> }
            >
                <SeveralBar chosen ids=shown buttons=buttons.clone() />
                <div class="table" role="region" aria-label=words::title() tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                <ChooseAll chosen ids=shown />
                                <SortHead column="name" words=words::name() view />
                                <SortHead column="size" words=words::size() view end=true />
                                <SortHead column="created" words=words::created() view />
                                <th>{words::used_by()}</th>
                                <th><span class="hidden">{words::actions()}</span></th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || ids.get() key=|id| id.clone() let(id)>
                                <Row id chosen going />
                            </For>
                        </tbody>
                    </table>
                    <Show when=move || ids.with(Vec::is_empty)>
                        <p class="no-match" role="status">{words::no_match()}" "<a href="/images">{words::show_all()}</a></p>
                    </Show>
                </div>
            </Show>
            {move || {
                let images = going.get();
                let close = Callback::new(move |()| going.set(Vec::new()));
                (!images.is_empty()).then(|| view! { <Remove images close /> })
            }}
            {move || {
                let close = Callback::new(move |()| open.set(Open::Nothing));
                match open.get() {
                    Open::Nothing => ().into_any(),
                    Open::Pull => view! { <Pull close /> }.into_any(),
                    Open::Load => view! { <Load dropped close /> }.into_any(),
                    Open::Build => view! { <Build close /> }.into_any(),
                }
            }}
        </DropPage>
    }
}

#[component]
fn Row(
    /// Which image.
    id: ImageId,
    /// What is chosen.
    chosen: Chosen,
    /// Set to what shall go.
    going: RwSignal<Vec<Arc<Image>>>,
) -> impl IntoView {
    let app = app();
    let image = app.memo(move |live| live.images.iter().find(|image| image.id == id).cloned());
    move || image.get().map(|image| row(image, chosen, going))
}

fn row(image: Arc<Image>, chosen: Chosen, going: RwSignal<Vec<Arc<Image>>>) -> impl IntoView {
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
    view! {
        <tr data-image=images::address(&image)>
            <Choose chosen id=image.id.to_string() name=Signal::stored(images::address(&image)) />
            <th scope="row">
                {names}
                <div class="muted mono small">{image.id.short().to_owned()}</div>
            </th>
            <td class="end number" data-label=words::size()>{text::bytes(image.size_bytes.unsigned_abs())}</td>
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
                    on:click=move |_| going.set(vec![of_removal.clone()])
                >
                    {words::remove()}
                </button>
            </td>
        </tr>
    }
}

/// Asks before images go. Those that something needs are refused first, and go when they are asked for once more.
#[component]
pub fn Remove(
    /// Which, at least one.
    images: Vec<Arc<Image>>,
    /// Called when they went, or shall not.
    close: Callback<()>,
) -> impl IntoView {
    let names: Vec<String> = images.iter().map(|image| images::address(image)).collect();
    let said = names.clone();
    let title = match names.as_slice() {
        [name] => words::remove_image(name),
        several => ask::several(several.len(), &words::remove()),
    };
    let tags: Vec<String> =
        images.iter().filter(|image| image.tags.len() > 1).flat_map(|image| image.tags.clone()).collect();
    let left = StoredValue::new(images);
    let refusals = RwSignal::new(Vec::<String>::new());
    let busy = RwSignal::new(false);
    let remove = move |_| {
        busy.set(true);
        let force = refusals.with_untracked(|refusals| !refusals.is_empty());
        spawn_local(async move {
            let (mut refused, mut why) = (Vec::new(), Vec::new());
            for image in left.try_get_value().unwrap_or_default() {
                if let Err(failure) = api::remove_image(image.id.as_str(), force).await {
                    why.push(failure.to_string());
                    refused.push(image);
                }
            }
            if why.is_empty() {
                return close.run(());
            }
            // The page may be left by now.
            left.try_set_value(refused);
            refusals.try_set(why);
            busy.try_set(false);
        });
    };
    view! {
        <Modal id="image-remove" title=title on_close=close>
            <div class="dialog-body">
                {(names.len() > 1).then(|| view! {
                    <ul>{names.into_iter().map(|name| view! { <li class="mono">{name}</li> }).collect_view()}</ul>
                })}
                <p>{words::remove_what()}</p>
                {move || {
                    let force = refusals.with(|refusals| !refusals.is_empty());
                    view! { <DockerSays command=docker::remove_images(&said, force) /> }
                }}
                {(!tags.is_empty()).then(|| view! { <p class="warning">{words::all_names(&tags.join(", "))}</p> })}
            </div>
            <footer>
                {move || refusals.get().into_iter().map(|text| view! {
                    <p class="refusal" role="alert" data-test="refusal">{text}</p>
                }).collect_view()}
                <div class="buttons">
                    <button type="button" class="button" data-test="cancel" autofocus on:click=move |_| close.run(())>
                        {words::cancel()}
                    </button>
                    <button type="button" class="button danger" data-test="apply" disabled=move || busy.get() on:click=remove>
                        {move || if refusals.with(Vec::is_empty) { words::remove() } else { words::remove_anyway() }}
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
                    {move || named(name).map(|name| view! { <DockerSays command=docker::pull(&name) /> })}
                    <WorkView work />
                </div>
                <Foot work close words=words::pull() />
            </form>
        </Modal>
    }
}

/// What stands in the field of a name, if anything does.
fn named(name: RwSignal<String>) -> Option<String> {
    Some(name.get().trim().to_owned()).filter(|name| !name.is_empty())
}

#[component]
fn Load(
    /// The file that is loaded at once, if there is one.
    dropped: StoredValue<Option<File>, LocalStorage>,
    /// Called when it is over.
    close: Callback<()>,
) -> impl IntoView {
    let work = Work::idle();
    let archive = RwSignal::new("image.tar".to_owned());
    let on_file = Callback::new(move |file: File| {
        if !work.is_running() {
            archive.set(file.name());
            work.begin(Errand::Load(file));
        }
    });
    if let Some(file) = dropped.try_update_value(Option::take).flatten() {
        on_file.run(file);
    }
    view! {
        <Modal id="image-load" title=words::load_title() on_close=close>
            <div class="dialog-body">
                <FileDrop words=words::load_hint() accept=".tar,.tar.gz,.tgz,.zst" on_file />
                {move || view! { <DockerSays command=docker::load(&archive.get()) /> }}
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
                    {move || named(name).map(|name| view! { <DockerSays command=docker::build(&name) /> })}
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
