//! Labs: those that are there, a file brought up, what there is as a file.

use crate::{
    api::{self, Errand, Failure},
    app::app,
    components::{
        code::DockerSays,
        drop::{DropPage, FileDrop},
        empty::Empty,
        listing::{Choose, ChooseAll, Chosen, Filter, SeveralBar, SortChoice, SortHead, View},
        modal::Modal,
        plan::{PlanView, Telling},
        work::{Work, WorkView},
    },
    docker,
    i18n::{ask, common, labs as words},
    labs::{self, Lab},
    listing::Listing,
    route::{Route, Selection},
};
use drawbridge_api::{LabFile, LabPlan};
use leptos::{ev, prelude::*, task::spawn_local};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

/// All labs.
#[component]
pub fn LabsPage() -> impl IntoView {
    let app = app();
    let up = RwSignal::new(false);
    let down = RwSignal::new(Vec::<String>::new());
    let all = app.memo(|live| labs::labs(&live.containers, &live.networks));
    let listing = Memo::new(move |_| match app.nav.route.get() {
        Route::Labs(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| app.nav.replace(Route::Labs(listing))) };
    let found = Memo::new(move |_| all.with(|all| labs::chosen(all, &listing.get())));
    let chosen = Chosen::begin();
    let shown =
        Signal::derive(move || found.with(|found| found.iter().map(|lab| lab.name.clone()).collect::<Vec<_>>()));
    // A file that was dropped on the page, for the dialog that brings it up.
    let dropped = StoredValue::new_local(None::<File>);
    let on_file = Callback::new(move |file| {
        if !up.get_untracked() && down.with_untracked(Vec::is_empty) {
            dropped.set_value(Some(file));
            up.set(true);
        }
    });
    let buttons = vec![("down-chosen", words::take_down(), Callback::new(move |names| down.set(names)))];
    let columns = vec![("name", words::name()), ("containers", words::containers()), ("networks", words::networks())];
    view! {
        <DropPage test="labs" on_file>
            <div class="page-head">
                <h1>{words::title()}</h1>
                <p class="muted">{words::what()}</p>
                <Filter id="find" label=words::filter() view />
                <SortChoice columns view />
                <button class="button primary" data-test="bring-up" on:click=move |_| up.set(true)>{words::bring_up()}</button>
            </div>
            <Show
                when=move || all.with(|all| !all.is_empty())
                fallback=|| view! {
                    <Empty title=words::none()>
                        <p>{words::none_yet()}</p>
                        <pre class="command"><code>"drawbridge lab up compose.yaml"</code></pre>
                    </Empty>
                }
            >
                <SeveralBar chosen ids=shown buttons=buttons.clone() />
                <div class="table" role="region" aria-label=words::title() tabindex="0">
                    <table>
                        <thead>
                            <tr>
                                <ChooseAll chosen ids=shown />
                                <SortHead column="name" words=words::name() view />
                                <SortHead column="containers" words=words::containers() view />
                                <SortHead column="networks" words=words::networks() view />
                                <th><span class="hidden">{words::actions()}</span></th>
                            </tr>
                        </thead>
                        <tbody>
                            <For each=move || found.get() key=|lab| format!("{lab:?}") let(lab)>
                                <Row lab chosen down />
                            </For>
                        </tbody>
                    </table>
                    <Show when=move || found.with(Vec::is_empty)>
                        <p class="no-match" role="status">{words::no_match()}" "<a href="/labs">{common::show_all()}</a></p>
                    </Show>
                </div>
            </Show>
            <section class="export">
                <h2>{words::export()}</h2>
                <p class="muted">{words::export_what()}</p>
                <div class="buttons start">
                    <a class="button" data-test="export-file" href=api::export_url(None) download="compose.yaml">{words::as_file()}</a>
                    <a class="button" data-test="export-script" href=api::SCRIPT download="networks.sh">{words::as_script()}</a>
                </div>
            </section>
            <Show when=move || up.get()><BringUp dropped close=Callback::new(move |()| up.set(false)) /></Show>
            {move || {
                let names = down.get();
                (!names.is_empty()).then(|| view! { <Down names close=Callback::new(move |()| down.set(Vec::new())) /> })
            }}
        </DropPage>
    }
}

#[component]
fn Row(
    /// Which lab.
    lab: Lab,
    /// What is chosen.
    chosen: Chosen,
    /// Set to the names of the labs that shall go.
    down: RwSignal<Vec<String>>,
) -> impl IntoView {
    let Lab { name, containers, running, networks } = lab;
    let total = containers.len();
    let links = |names: Vec<String>, select: fn(String) -> Selection| {
        names
            .into_iter()
            .map(|name| view! { <a href=Route::select(select(name.clone())).href()>{name.clone()}</a>" " })
            .collect_view()
    };
    let (export, of_down) = (api::export_url(Some(&name)), name.clone());
    view! {
        <tr data-lab=name.clone()>
            <Choose chosen id=name.clone() name=Signal::stored(name.clone()) />
            <th scope="row">{name.clone()}<div class="muted small">{words::running(&running, &total)}</div></th>
            <td data-label=words::containers()>{links(containers, Selection::Container)}</td>
            <td data-label=words::networks()>{links(networks, Selection::Network)}</td>
            <td class="end">
                <a class="button small" download="compose.yaml" href=export>{words::as_file()}</a>" "
                <button class="button small quiet-danger" data-test="down" on:click=move |_| down.set(vec![of_down.clone()])>
                    {words::take_down()}
                </button>
            </td>
        </tr>
    }
}

/// What is known of what a file would do.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Preview {
    Unknown,
    Asking,
    Known(LabPlan),
    Refused(String),
}

#[component]
fn BringUp(
    /// The file that is read at once, if there is one.
    dropped: StoredValue<Option<File>, LocalStorage>,
    /// Called when it is over.
    close: Callback<()>,
) -> impl IntoView {
    let text = RwSignal::new(String::new());
    let name = RwSignal::new("lab".to_owned());
    let preview = RwSignal::new(Preview::Unknown);
    let work = Work::idle();
    let file = move || LabFile { text: text.get_untracked(), name: name.get_untracked(), ..LabFile::default() };
    let on_file = Callback::new(move |chosen: File| {
        name.set(labs::name_of_file(&chosen.name()));
        preview.set(Preview::Unknown);
        spawn_local(async move {
            // Refused only when the file went away meanwhile.
            if let Ok(read) = JsFuture::from(chosen.text()).await {
                text.try_set(read.as_string().unwrap_or_default());
            }
        });
    });
    if let Some(file) = dropped.try_update_value(Option::take).flatten() {
        on_file.run(file);
    }
    let ask = move || {
        preview.set(Preview::Asking);
        spawn_local(async move {
            let answer = match api::preview_lab(&file()).await {
                Ok(plan) => Preview::Known(plan),
                Err(Failure::Unreachable) => Preview::Refused(words::no_answer().to_owned()),
                Err(failure) => Preview::Refused(failure.to_string()),
            };
            // The dialog may be closed by now.
            preview.try_set(answer);
        });
    };
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        if preview.with_untracked(|preview| matches!(preview, Preview::Known(_))) {
            work.begin(Errand::LabUp(file()));
        } else {
            ask();
        }
    };
    let is_known = Memo::new(move |_| preview.with(|preview| matches!(preview, Preview::Known(_))));
    let is_busy = move || work.is_running() || preview.with(|preview| *preview == Preview::Asking);
    view! {
        <Modal id="lab-up" title=words::bring_up() on_close=close>
            <form on:submit=submit on:input=move |_| preview.set(Preview::Unknown) autocomplete="off">
                <div class="dialog-body">
                    <FileDrop words=words::drop() accept=".yaml,.yml" on_file />
                    <label class="field wide">
                        <span>{words::file()}</span>
                        <textarea id="lab-text" class="mono" rows="10" required spellcheck="false" bind:value=text></textarea>
                    </label>
                    <label class="field wide">
                        <span>{words::name()}</span>
                        <input id="lab-name" spellcheck="false" bind:value=name />
                        <small>{words::name_hint()}</small>
                    </label>
                    {move || match preview.get() {
                        Preview::Unknown | Preview::Refused(_) => ().into_any(),
                        Preview::Asking => view! { <p class="waiting" role="status">{words::working_out()}</p> }.into_any(),
                        Preview::Known(plan) => view! {
                            {(!plan.pulls.is_empty()).then(|| view! {
                                <p class="warning" data-test="pulls">{words::pulls(&plan.pulls.join(", "))}</p>
                            })}
                            <DockerSays command=docker::lab_up(&name.get_untracked()) />
                            <PlanView steps=plan.steps telling=Telling::Planned />
                        }.into_any(),
                    }}
                    <WorkView work />
                </div>
                <footer>
                    {move || match preview.get() {
                        Preview::Refused(message) => Some(view! {
                            <p class="refusal" role="alert" data-test="refusal">{message}</p>
                        }),
                        Preview::Unknown | Preview::Asking | Preview::Known(_) => None,
                    }}
                    <div class="buttons">
                        <button type="button" class="button" data-test="cancel" on:click=move |_| close.run(())>{common::close()}</button>
                        <button
                            type="submit"
                            class="button primary"
                            data-test=move || if is_known.get() { "apply" } else { "preview" }
                            disabled=is_busy
                        >
                            {move || if is_known.get() { words::bring_up() } else { words::preview() }}
                        </button>
                    </div>
                </footer>
            </form>
        </Modal>
    }
}

/// What would be done to take a lab away.
#[component]
fn DownPlan(
    /// Which.
    name: String,
) -> impl IntoView {
    let plan = RwSignal::new(Preview::Asking);
    spawn_local(async move {
        let answer = match api::preview_lab_down(&name).await {
            Ok(known) => Preview::Known(known),
            Err(failure) => Preview::Refused(failure.to_string()),
        };
        // The dialog may be closed by now.
        plan.try_set(answer);
    });
    move || match plan.get() {
        Preview::Known(plan) => view! { <PlanView steps=plan.steps telling=Telling::Planned /> }.into_any(),
        Preview::Refused(message) => view! { <p class="refusal" role="alert">{message}</p> }.into_any(),
        Preview::Unknown | Preview::Asking => {
            view! { <p class="waiting" role="status">{words::working_out()}</p> }.into_any()
        }
    }
}

#[component]
fn Down(
    /// Of which labs, at least one.
    names: Vec<String>,
    /// Called when it is over.
    close: Callback<()>,
) -> impl IntoView {
    let volumes = RwSignal::new(false);
    let title = match names.as_slice() {
        [name] => words::take_down_lab(name),
        several => ask::several(several.len(), &words::take_down()),
    };
    let has_several = names.len() > 1;
    let works: Vec<(String, Work)> = names.into_iter().map(|name| (name, Work::idle())).collect();
    let begun = works.clone();
    let begin = move |_| {
        for (name, work) in &begun {
            work.begin(Errand::LabDown(name.clone(), volumes.get_untracked()));
        }
    };
    let is_begun = {
        let works = works.clone();
        move || works.iter().any(|(_, work)| work.is_running() || work.is_done())
    };
    view! {
        <Modal id="lab-down" title=title on_close=close>
            <div class="dialog-body">
                <p>{words::down_what()}</p>
                <label class="check wide">
                    <input type="checkbox" id="lab-volumes" bind:checked=volumes />
                    <span>{words::volumes()}</span>
                    <small>{words::volumes_what()}</small>
                </label>
                {works.into_iter().map(|(name, work)| view! {
                    {has_several.then(|| view! { <h3>{name.clone()}</h3> })}
                    {
                        let name = name.clone();
                        move || view! { <DockerSays command=docker::lab_down(&name, volumes.get()) /> }
                    }
                    <DownPlan name />
                    <WorkView work />
                }).collect_view()}
            </div>
            <footer>
                <div class="buttons">
                    <button type="button" class="button" data-test="cancel" autofocus on:click=move |_| close.run(())>
                        {common::close()}
                    </button>
                    <button
                        type="button"
                        class="button danger"
                        data-test="apply"
                        disabled=is_begun
                        on:click=begin
                    >
                        {words::take_down()}
                    </button>
                </div>
            </footer>
        </Modal>
    }
}
