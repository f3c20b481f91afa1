//! One container: what it is, what it uses, its networks and ports, environment, mounts and health.

use crate::{
    api,
    app::app,
    components::{
        container_head::{ContainerHead, container_called},
        container_networks::ContainerNetworks,
        container_tabs::Tab,
        empty::NoPage,
        facts::Facts,
        port_list::PortList,
        time::Ago,
        usage_charts::UsageCharts,
    },
    i18n::{common, containers as texts},
    said::said,
    text, words,
};
use drawbridge_api::{Container, ContainerDetail, ContainerState, HealthDetail, MountDetail};
use leptos::{prelude::*, task::spawn_local};
use std::sync::Arc;

/// One container, by its name.
#[component]
pub fn ContainerPage(
    /// Its name.
    name: String,
) -> impl IntoView {
    let container = container_called(Signal::stored(name.clone()));
    let is_there = Memo::new(move |_| container.with(Option::is_some));
    move || {
        if is_there.get() {
            view! { <Whole name=name.clone() container /> }.into_any()
        } else {
            view! {
                <NoPage title=texts::not_there(&name)>
                    <p>{texts::gone()}</p>
                    <a class="button" href="/containers">{texts::all()}</a>
                </NoPage>
            }
            .into_any()
        }
    }
}

#[component]
fn Whole(
    /// Its name.
    name: String,
    /// The container.
    container: Memo<Option<Arc<Container>>>,
) -> impl IntoView {
    let detail = RwSignal::new(None::<Result<ContainerDetail, String>>);
    // What only this page says is asked for anew whenever the container has changed, or the daemon is back.
    let back = RwSignal::new(());
    app().link.when_back(move || back.set(()));
    Effect::new(move |_| {
        back.track();
        let Some(id) = container.with(|container| container.as_ref().map(|container| container.id.clone())) else {
            return;
        };
        spawn_local(async move {
            let answer = api::container(&id).await.map_err(|failure| failure.to_string());
            detail.try_set(Some(answer));
        });
    });
    let traffic = app().follow_traffic();
    let running = Memo::new(move |_| {
        container.with(|container| {
            let running = container.as_ref().filter(|container| container.state == ContainerState::Running);
            running.map(|container| container.id.clone())
        })
    });
    view! {
        <div class="page" data-test="container" data-container=name.clone()>
            <ContainerHead name=Signal::stored(name.clone()) container tab=Signal::stored(Tab::Overview) />
            {move || container.get().filter(|container| !container.error.is_empty()).map(|container| view! {
                <p class="refusal">{said(&container.error).into_owned()}</p>
            })}
            <div class="columns">
                {move || container.get().map(|container| facts(&container, detail.get().and_then(Result::ok)))}
                {move || match running.get() {
                    Some(id) => view! { <UsageCharts id /> }.into_any(),
                    None => view! {
                        <section class="card">
                            <h2>{texts::usage()}</h2>
                            <p class="muted">{texts::not_running()}</p>
                        </section>
                    }.into_any(),
                }}
                <section class="card">
                    <ContainerNetworks container />
                    <PortList container traffic />
                </section>
                {move || match detail.get() {
                    None => view! { <p class="waiting" role="status">{common::loading()}</p> }.into_any(),
                    Some(Err(why)) => view! { <p class="refusal">{texts::cannot_show(&why)}</p> }.into_any(),
                    Some(Ok(detail)) => inside(detail).into_any(),
                }}
            </div>
        </div>
    }
}

fn facts(container: &Container, detail: Option<ContainerDetail>) -> impl IntoView + use<> {
    let labels: Vec<String> = container.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut facts = Facts::default()
        .code(common::image(), container.image.clone())
        .code(texts::command(), words::join(&container.command));
    for endpoint in &container.endpoints {
        facts = facts.code(common::address(), format!("{} ({})", text::addresses(endpoint), endpoint.network));
    }
    let facts = facts
        .code(texts::hostname(), detail.as_ref().map(|detail| detail.hostname.clone()))
        .code(texts::restart(), detail.as_ref().map(|detail| detail.restart.clone()))
        .code(texts::namespace(), container.namespace.as_ref().map(ToString::to_string))
        .code(texts::pid(), container.pid.map(|pid| pid.to_string()))
        .code(texts::labels(), labels.join(", "))
        .code(texts::id(), container.id.short().to_owned())
        .moment(common::created(), container.created_at_ms)
        .moment(texts::started(), container.started_at_ms)
        .moment(texts::finished(), container.finished_at_ms.filter(|_| container.pid.is_none()));
    view! {
        <section class="card">
            <h2>{texts::facts()}</h2>
            {facts.list(().into_any())}
        </section>
    }
}

/// What the daemon was asked for: environment, mounts, health.
fn inside(detail: ContainerDetail) -> impl IntoView {
    let environment = detail.env.into_iter().map(|entry| view! { <li>{entry}</li> }).collect_view();
    view! {
        <section class="card" data-test="environment">
            <h2>{texts::environment()}</h2>
            <ul class="mono small environment">{environment}</ul>
        </section>
        <section class="card" data-test="mounts">
            <h2>{texts::mounts()}</h2>
            {mounts(detail.mounts)}
        </section>
        <section class="card" data-test="health">
            <h2>{texts::health()}</h2>
            {health(detail.health)}
        </section>
    }
}

fn mounts(mounts: Vec<MountDetail>) -> AnyView {
    if mounts.is_empty() {
        return view! { <p class="muted">{texts::no_mounts()}</p> }.into_any();
    }
    let row = |mount: MountDetail| {
        view! {
            <tr>
                <th scope="row" class="mono">{mount.target.display().to_string()}</th>
                <td data-label=texts::mount_kind()>
                    {mount.kind}
                    {mount.read_only.then(|| view! { <span class="tag">{texts::read_only()}</span> })}
                </td>
                <td class="mono" data-label=texts::mount_source()>{mount.source}</td>
            </tr>
        }
    };
    view! {
        <div class="plain-table">
            <table>
                <thead>
                    <tr>
                        <th>{texts::mount_target()}</th>
                        <th>{texts::mount_kind()}</th>
                        <th>{texts::mount_source()}</th>
                    </tr>
                </thead>
                <tbody>{mounts.into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn health(health: Option<HealthDetail>) -> AnyView {
    let Some(health) = health else {
        return view! { <p class="muted">{texts::no_health()}</p> }.into_any();
    };
    let mark = match health.status.as_str() {
        "healthy" => "done",
        "unhealthy" => "failed",
        _ => "open",
    };
    view! {
        <p>
            <span class="badge" data-state=mark>{health.status}</span>
            {(health.failing_streak > 0).then(|| texts::failing(health.failing_streak as usize))}
        </p>
        <ul class="checks">
            {health.checks.into_iter().rev().map(|check| view! {
                <li>
                    <span class="badge" data-state=if check.code == 0 { "done" } else { "failed" }>{check.code}</span>
                    <Ago ms=Signal::stored(check.started_at_ms) />
                    <code>{check.output}</code>
                </li>
            }).collect_view()}
        </ul>
    }
    .into_any()
}
