//! One image: its names, what containers of it run, its layers, who uses it.

use crate::{
    api,
    app::app,
    components::{code::DockerSays, empty::NoPage, time::Ago},
    docker,
    i18n::images as words,
    images,
    pages::images::Remove,
    route::{Route, Selection},
    text,
};
use drawbridge_api::{Image, ImageDetails, ImageRun};
use leptos::{ev, prelude::*, task::spawn_local};
use std::sync::Arc;

/// The image that the address names.
#[component]
pub fn ImagePage(
    /// Its name, or the beginning of its id.
    name: String,
) -> impl IntoView {
    let app = app();
    let image = app.memo(move |live| images::meant(&live.images, &name));
    move || match image.get() {
        None => view! {
            <NoPage title=words::gone()>
                <p>{words::gone_why()}</p>
                <a class="button primary" href="/images">{words::all()}</a>
            </NoPage>
        }
        .into_any(),
        Some(image) => page(image).into_any(),
    }
}

fn page(image: Arc<Image>) -> impl IntoView {
    let app = app();
    let details = RwSignal::new(None::<Result<ImageDetails, String>>);
    let id = image.id.to_string();
    spawn_local(async move {
        let found = api::image(&id).await.map_err(|failure| failure.to_string());
        // The page may be left by now.
        details.try_set(Some(found));
    });
    let containers = app.containers();
    let of_users = image.clone();
    let users = Memo::new(move |_| containers.with(|all| images::users(all, &of_users)));
    let remove = RwSignal::new(false);
    let of_removal = image.clone();
    let tags = image.tags.clone();
    let removed = Callback::new(move |()| remove.set(false));
    view! {
        <div class="page" data-test="image">
            <div class="page-head">
                <h1>{images::address(&image)}</h1>
                <p class="muted">
                    <span class="mono">{image.id.short().to_owned()}</span>" · "{text::bytes(image.size_bytes.unsigned_abs())}" · "
                    <Ago ms=Signal::stored(image.created_at_ms) />
                </p>
                <a class="button" href="/images">{words::all()}</a>
                <button class="button quiet-danger" data-test="remove" on:click=move |_| remove.set(true)>{words::remove()}</button>
            </div>
            <Show when=move || remove.get()><Remove images=vec![of_removal.clone()] close=removed /></Show>
            <div class="facts-page">
                <section>
                    <h2>{words::names()}</h2>
                    <ul>{tags.into_iter().map(|tag| view! { <li class="mono">{tag}</li> }).collect_view()}</ul>
                    <Tag id=image.id.short().to_owned() />
                </section>
                <section>
                    <h2>{words::used_by()}</h2>
                    {move || match users.get() {
                        users if users.is_empty() => view! { <p class="muted">{words::nobody()}</p> }.into_any(),
                        users => view! {
                            <ul>
                                {users.into_iter().map(|name| view! {
                                    <li><a href=Route::select(Selection::Container(name.clone())).href()>{name.clone()}</a></li>
                                }).collect_view()}
                            </ul>
                        }.into_any(),
                    }}
                </section>
                {move || match details.get() {
                    None => view! { <p class="waiting" role="status">{words::asking()}</p> }.into_any(),
                    Some(Err(failure)) => view! { <p class="refusal" role="alert">{failure}</p> }.into_any(),
                    Some(Ok(details)) => shown(details).into_any(),
                }}
            </div>
        </div>
    }
}

/// Gives it one more name.
#[component]
fn Tag(
    /// Of which image.
    id: String,
) -> impl IntoView {
    let name = RwSignal::new(String::new());
    let refusal = RwSignal::new(None::<String>);
    let said = id.clone();
    let command = move || {
        let name = name.get();
        let name = name.trim();
        (!name.is_empty()).then(|| view! { <DockerSays command=docker::tag(&said, name) /> })
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        let id = id.clone();
        spawn_local(async move {
            let said = api::tag_image(&id, name.get_untracked().trim()).await;
            // The page may be left by now.
            refusal.try_set(said.as_ref().err().map(ToString::to_string));
            if said.is_ok() {
                name.try_set(String::new());
            }
        });
    };
    view! {
        <form class="inline-form" on:submit=submit autocomplete="off">
            <input id="tag-name" required spellcheck="false" aria-label=words::new_name() placeholder=words::new_name() bind:value=name />
            <button type="submit" class="button" data-test="tag">{words::tag()}</button>
            {move || refusal.get().map(|text| view! { <p class="refusal" role="alert" data-test="refusal">{text}</p> })}
        </form>
        {command}
    }
}

fn shown(details: ImageDetails) -> impl IntoView {
    let ImageRun { entrypoint, command, env, working_dir, user, ports, volumes, labels } = details.run;
    let one = |text: String| if text.is_empty() { Vec::new() } else { vec![text] };
    let facts = [
        (words::platform(), one(details.platform)),
        (words::author(), one(details.author)),
        ("Entrypoint", one(crate::words::join(&entrypoint))),
        (words::command(), one(crate::words::join(&command))),
        (words::environment(), env),
        (words::folder(), one(working_dir)),
        (words::user(), one(user)),
        (words::ports(), ports),
        (words::volumes(), volumes),
        (words::labels(), labels),
        (words::digests(), details.digests),
    ];
    let facts = facts.into_iter().filter(|(_, values)| !values.is_empty());
    view! {
        <section>
            <h2>{words::configuration()}</h2>
            <dl class="facts">
                {facts.map(|(title, values)| view! {
                    <dt>{title}</dt>
                    <dd>{values.into_iter().map(|value| view! { <div class="mono">{value}</div> }).collect_view()}</dd>
                }).collect_view()}
            </dl>
        </section>
        <section>
            <h2>{words::layers()}</h2>
            <ol class="steps" data-test="layers">
                {details.steps.into_iter().map(|step| view! {
                    <li>
                        <code>{step.created_by}</code>
                        <span class="muted number">{text::bytes(step.size_bytes.unsigned_abs())}</span>
                    </li>
                }).collect_view()}
            </ol>
        </section>
    }
}
