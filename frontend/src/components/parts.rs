//! What of the panel is not there from the start: three parts, each a WebAssembly module of its own, which holds what is
//! reached from its function here and from nowhere else. wasm-split cuts them off (`xtask/src/panel.rs`). They are fetched when
//! the browser has nothing else to do, or when something of them is asked for.

use crate::{
    app::{Dialog, app},
    components::{
        confirm::Confirm,
        connect::Connect,
        container_create::CreateContainer,
        drawing::{Canvas, found::FoundNode},
        empty::NoPage,
        filters::Filters,
        inspector::Inspector,
        network_create::CreateNetwork,
        ports_edit::EditPorts,
        several::ConfirmSeveral,
    },
    i18n::{common, shell},
    live::{Connection, Link},
    pages::{
        Page, change::ChangePage, changes::ChangesPage, container::ContainerPage, containers::ContainersPage,
        dns::DnsPage, doctor::DoctorPage, image::ImagePage, images::ImagesPage, labs::LabsPage, login::LoginPage,
        network::NetworkPage, networks::NetworksPage, rules::RulesPage, settings::SettingsPage, terminal::TerminalPage,
        trial::TryPage,
    },
    route::{Picture, Selection, Tab},
};
use leptos::{
    prelude::*,
    task::spawn_local,
    wasm_split::{SplitLoaderError, wasm_split},
};
use std::{
    future::Future,
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};

#[wasm_split(pages, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_pages))]
fn draw_page(page: Page) -> Result<AnyView, SplitLoaderError> {
    Ok(match page {
        Page::Networks => view! { <NetworksPage /> }.into_any(),
        Page::Network(name) => view! { <NetworkPage name /> }.into_any(),
        Page::Containers => view! { <ContainersPage /> }.into_any(),
        Page::Container(name) => view! { <ContainerPage name /> }.into_any(),
        Page::Try(name) => view! { <TryPage name /> }.into_any(),
        Page::Terminal => view! { <TerminalPage /> }.into_any(),
        Page::Rules => view! { <RulesPage /> }.into_any(),
        Page::Dns => view! { <DnsPage /> }.into_any(),
        Page::Doctor => view! { <DoctorPage /> }.into_any(),
        Page::Images => view! { <ImagesPage /> }.into_any(),
        Page::Image(name) => view! { <ImagePage name /> }.into_any(),
        Page::Labs => view! { <LabsPage /> }.into_any(),
        Page::Settings => view! { <SettingsPage /> }.into_any(),
        Page::Changes => view! { <ChangesPage /> }.into_any(),
        Page::Change(id) => view! { <ChangePage id /> }.into_any(),
        // Drawn by the shell, which has them.
        Page::Login | Page::Connecting | Page::Topology => ().into_any(),
        Page::Unknown => view! {
            <NoPage title=shell::no_such_page()>
                <p>{shell::mistyped()}</p>
                <a class="button primary" href="/">{shell::to_topology()}</a>
            </NoPage>
        }
        .into_any(),
    })
}

#[wasm_split(dialogs, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_dialogs))]
fn draw_dialogs() -> Result<AnyView, SplitLoaderError> {
    let dialog = app().dialog;
    let drawn = move || match dialog.get() {
        Dialog::Closed => ().into_any(),
        Dialog::CreateNetwork => view! { <CreateNetwork /> }.into_any(),
        Dialog::CreateContainer => view! { <CreateContainer chosen="bridge".to_owned() /> }.into_any(),
        Dialog::CreateContainerIn(chosen) => view! { <CreateContainer chosen /> }.into_any(),
        Dialog::Connect(id) => view! { <Connect id /> }.into_any(),
        Dialog::EditPorts(id) => view! { <EditPorts id /> }.into_any(),
        Dialog::Confirm(ask) => view! { <Confirm ask /> }.into_any(),
        Dialog::ConfirmSeveral(asks) => view! { <ConfirmSeveral asks /> }.into_any(),
    };
    Ok(drawn.into_any())
}

#[wasm_split(dialogs, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_login))]
fn draw_login() -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <LoginPage /> }.into_any())
}

#[wasm_split(topology, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_filters))]
fn draw_filters(picture: Memo<Picture>) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Filters picture /> }.into_any())
}

#[wasm_split(topology, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_found))]
fn draw_found(canvas: Canvas, selection: Selection) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <FoundNode canvas selection /> }.into_any())
}

#[wasm_split(topology, wasm_split_path = ::leptos::wasm_split, fallible, preload(fetch_inspector))]
fn draw_inspector(
    picture: Memo<Picture>,
    choose: Callback<Option<Selection>>,
    show: Callback<Tab>,
) -> Result<AnyView, SplitLoaderError> {
    Ok(view! { <Inspector picture choose show /> }.into_any())
}

#[wasm_split(topology, wasm_split_path = ::leptos::wasm_split, fallible)]
fn follow(link: Link, text: String, generation: u32) -> Result<(), SplitLoaderError> {
    link.go_on(&text, generation);
    Ok(())
}

/// What the connection does when the first page is there: reads the rest of a snapshot, and the events from there.
///
/// # Errors
/// When the part with this can't be had.
pub async fn go_on(link: Link, text: String, generation: u32) -> Result<(), SplitLoaderError> {
    follow(link, text, generation).await
}

/// A page that is not there from the start.
pub fn page(page: Page) -> AnyView {
    part(Place::Page, || Box::pin(fetch_pages()), Box::new(move || at_once(draw_page(page.clone()))))
}

/// The way in.
pub fn login() -> AnyView {
    part(Place::Page, || Box::pin(fetch_login()), Box::new(|| at_once(draw_login())))
}

/// The dialog that is open.
pub fn dialog() -> AnyView {
    part(Place::Over, || Box::pin(fetch_dialogs()), Box::new(|| at_once(draw_dialogs())))
}

/// What is selected in the topology.
pub fn inspector(picture: Memo<Picture>, choose: Callback<Option<Selection>>, show: Callback<Tab>) -> AnyView {
    part(Place::Side, || Box::pin(fetch_inspector()), Box::new(move || at_once(draw_inspector(picture, choose, show))))
}

/// The filters of the topology.
pub fn filters(picture: Memo<Picture>) -> AnyView {
    part(Place::Page, || Box::pin(fetch_filters()), Box::new(move || at_once(draw_filters(picture))))
}

/// In the drawing, something that others have made.
pub fn found(canvas: Canvas, selection: Selection) -> AnyView {
    part(Place::Drawing, || Box::pin(fetch_found()), Box::new(move || at_once(draw_found(canvas, selection.clone()))))
}

/// Fetches the part with all pages but the first, while the snapshot is still on its way. Whoever needs it tells when it can't be had.
pub async fn fetch_page() {
    let _ = fetch_pages().await;
}

/// Fetches all parts when the first page is there, so that nobody has to wait. One that can't be had is asked for again when it
/// is needed, and told of then.
pub fn fetch_all() {
    spawn_local(async {
        let _ = fetch_inspector().await;
        let _ = fetch_dialogs().await;
        let _ = fetch_pages().await;
    });
}

/// Asks for the part that something is in.
type Fetch = fn() -> Pin<Box<dyn Future<Output = Result<(), SplitLoaderError>>>>;

/// Where something is drawn, and so, where is said that it is not there.
#[derive(Clone, Copy)]
enum Place {
    Page,
    Over,
    Side,
    Drawing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fetching,
    Here,
    Missing,
}

async fn ask(fetch: Fetch) -> State {
    if fetch().await.is_ok() { State::Here } else { State::Missing }
}

/// Draws what is in a part: at once when it is here, and otherwise as soon as it is. One that could not be had is asked for
/// again when the daemon is back.
fn part(place: Place, fetch: Fetch, draw: Box<dyn Fn() -> Option<AnyView> + Send>) -> AnyView {
    let connection = app().link.connection;
    let state = RwSignal::new(State::Fetching);
    let begin = move || {
        let mut fetching = Box::pin(ask(fetch));
        match fetching.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(fetched) => state.set(fetched),
            // The place may be left by then.
            Poll::Pending => spawn_local(async move {
                state.try_set(fetching.await);
            }),
        }
    };
    begin();
    Effect::new(move |_| {
        if connection.get() == Connection::Live && state.get_untracked() == State::Missing {
            state.set(State::Fetching);
            begin();
        }
    });
    (move || match state.get() {
        State::Fetching => waiting(place),
        State::Here => draw().into_any(),
        State::Missing => missing(place),
    })
    .into_any()
}

/// What a function of a part gives that is here; it is asynchronous only since it might not be.
fn at_once(drawn: impl Future<Output = Result<AnyView, SplitLoaderError>>) -> Option<AnyView> {
    match pin!(drawn).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(drawn) => drawn.ok(),
        Poll::Pending => None,
    }
}

/// Appears late, so that a quick answer does not flicker.
fn waiting(place: Place) -> AnyView {
    framed(place, view! { <p class="waiting" role="status">{common::loading()}</p> }.into_any())
}

/// What is wrong, and what mends it. The daemon that is asked may be another than the one that this page came from.
fn missing(place: Place) -> AnyView {
    let reload = move |_| {
        if let Err(error) = window().location().reload() {
            web_sys::console::warn_1(&error);
        }
    };
    let words = view! {
        <div class="empty" role="alert" data-test="part-missing">
            <h2>{shell::part_missing()}</h2>
            <p>{shell::part_missing_why()}</p>
            <button class="button primary" data-test="reload" on:click=reload>{shell::reload()}</button>
        </div>
    };
    framed(place, words.into_any())
}

fn framed(place: Place, words: AnyView) -> AnyView {
    match place {
        Place::Page => words,
        Place::Over => view! { <div class="messages">{words}</div> }.into_any(),
        Place::Side => view! { <aside class="inspector">{words}</aside> }.into_any(),
        Place::Drawing => ().into_any(),
    }
}
