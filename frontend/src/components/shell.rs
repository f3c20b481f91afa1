//! The frame: header, banner, the page that the address names, the dialogs and the last message.

use crate::{
    app::App,
    components::{
        confirm::Confirm, connect::Connect, connection::Banner, container_create::CreateContainer, empty::NoPage,
        header::Header, message::LastMessage, network_create::CreateNetwork, ports_edit::EditPorts,
        several::ConfirmSeveral,
    },
    i18n::shell,
    live::Connection,
    pages::{
        change::ChangePage, changes::ChangesPage, container::ContainerPage, containers::ContainersPage, dns::DnsPage,
        doctor::DoctorPage, image::ImagePage, images::ImagesPage, labs::LabsPage, login::LoginPage,
        network::NetworkPage, networks::NetworksPage, rules::RulesPage, settings::SettingsPage, terminal::TerminalPage,
        topology::TopologyPage, trial::TryPage,
    },
    route::Route,
};
use leptos::prelude::*;

/// Which page is drawn; what is chosen on it is the page's own matter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Page {
    Login,
    Connecting,
    Topology,
    Networks,
    Network(String),
    Containers,
    Container(String),
    Try(String),
    Terminal,
    Rules,
    Dns,
    Doctor,
    Images,
    Image(String),
    Labs,
    Settings,
    Changes,
    Change(i64),
    Unknown,
}

/// The whole panel, drawn anew when its language changes.
#[component]
pub fn Shell() -> impl IntoView {
    let app = App::open();
    move || {
        app.preferences.language.track();
        view! { <Frame app /> }
    }
}

#[component]
fn Frame(
    /// What every page shares.
    app: App,
) -> impl IntoView {
    let page = Memo::new(move |_| {
        let route = app.nav.route.get();
        if route == Route::Login || app.link.connection.get() == Connection::LoggedOut {
            return Page::Login;
        }
        if app.link.live.with(Option::is_none) {
            return Page::Connecting;
        }
        match route {
            Route::Topology(_) => Page::Topology,
            Route::Networks(_) => Page::Networks,
            Route::Network(name) => Page::Network(name),
            Route::Containers(_) => Page::Containers,
            Route::Container(name) => Page::Container(name),
            Route::Try { container, .. } => Page::Try(container),
            Route::Terminal { .. } => Page::Terminal,
            Route::Rules(_) => Page::Rules,
            Route::Dns(_) => Page::Dns,
            Route::Doctor => Page::Doctor,
            Route::Images(_) => Page::Images,
            Route::Image(name) => Page::Image(name),
            Route::Labs(_) => Page::Labs,
            Route::Settings => Page::Settings,
            Route::Changes(_) => Page::Changes,
            Route::Change(id) => Page::Change(id),
            Route::Login => Page::Login,
            Route::Unknown => Page::Unknown,
        }
    });
    Effect::new(move |_| {
        let title = if page.get() == Page::Login { Route::Login.title() } else { app.nav.route.read().title() };
        document().set_title(&format!("{title} · Drawbridge"));
    });
    view! {
        <a class="skip" href="#main">{shell::skip()}</a>
        <Header page_is_login=Signal::derive(move || page.get() == Page::Login) />
        <Banner />
        <main id="main" tabindex="-1">
            {move || match page.get() {
                Page::Login => view! { <LoginPage /> }.into_any(),
                Page::Connecting => view! { <Waiting /> }.into_any(),
                Page::Topology => view! { <TopologyPage /> }.into_any(),
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
                Page::Unknown => view! {
                    <NoPage title=shell::no_such_page()>
                        <p>{shell::mistyped()}</p>
                        <a class="button primary" href="/">{shell::to_topology()}</a>
                    </NoPage>
                }.into_any(),
            }}
        </main>
        <CreateNetwork />
        <CreateContainer />
        <EditPorts />
        <Connect />
        <Confirm />
        <ConfirmSeveral />
        <LastMessage />
    }
}

/// Before the first snapshot. Appears late, so that a quick answer does not flicker.
#[component]
fn Waiting() -> impl IntoView {
    let app = crate::app::app();
    let lost = move || matches!(app.link.connection.get(), Connection::Lost { .. });
    view! {
        <Show
            when=lost
            fallback=|| view! { <p class="waiting" role="status">{shell::asking()}</p> }
        >
            <NoPage title=shell::no_answer()>
                <p>{shell::is_it_running()}</p>
                <pre class="command"><code>"drawbridge serve"</code></pre>
                <p class="muted">{shell::goes_on()}</p>
            </NoPage>
        </Show>
    }
}
