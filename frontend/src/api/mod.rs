//! Every address of the daemon, and every request to it. Nothing else in the panel knows a URL under `/api`.
//! Here stand those that read and those that do small things; then come `changes`, which are planned first, and `errands`, which
//! take long. `send` is how a request goes.

mod changes;
mod errands;
mod send;

pub use changes::{apply, preview};
pub use errands::{Errand, follow};
pub use send::{Failure, read};

use crate::route::{Far, Selection, encode};
use drawbridge_api::{
    About, Change, ContainerDetail, ContainerId, Finding, ImageDetails, ImageName, LabFile, LabPlan, LinkReport,
    Listing, NetworkId, Plan, Rules, TrafficReport, Trial, TrialAnswer, Usage,
};
use send::{ALIVE_TIMEOUT_MS, READ_TIMEOUT_MS, Request, WRITE_TIMEOUT_MS, get, send};
use serde::Serialize;

/// Changes per page of history.
pub const CHANGES_PER_PAGE: usize = 50;

/// Everything there is now, a `Snapshot`: as text, since it is read in two halves.
///
/// # Errors
/// Any `Failure`.
pub async fn snapshot() -> Result<String, Failure> {
    send(Request { method: "GET", url: "/api/snapshot".to_owned(), body: None }, READ_TIMEOUT_MS).await
}

/// Changes older than the one with this id, or the latest, newest first; those of one network or container, or all.
///
/// # Errors
/// Any `Failure`.
pub async fn changes(of: &Selection, before: Option<i64>) -> Result<Vec<Change>, Failure> {
    get(changes_url(of, before), READ_TIMEOUT_MS).await
}

fn changes_url(of: &Selection, before: Option<i64>) -> String {
    let mut url = format!("/api/changes?limit={CHANGES_PER_PAGE}");
    match of {
        Selection::Network(name) => url.push_str(&format!("&network={}", encode(name))),
        Selection::Container(name) => url.push_str(&format!("&container={}", encode(name))),
        Selection::Host | Selection::Veth(_) | Selection::Link(_) | Selection::Namespace(_) => {}
    }
    if let Some(before) = before {
        url.push_str(&format!("&before={before}"));
    }
    url
}

/// One change.
///
/// # Errors
/// Any `Failure`; `Refused` when there is none with this id.
pub async fn change(id: i64) -> Result<Change, Failure> {
    get(format!("/api/changes/{id}"), READ_TIMEOUT_MS).await
}

/// The tables in the kernel, as a person reads them.
///
/// # Errors
/// Any `Failure`.
pub async fn rules() -> Result<Rules, Failure> {
    get("/api/rules".to_owned(), READ_TIMEOUT_MS).await
}

/// What this machine has and lacks, looked at anew.
///
/// # Errors
/// Any `Failure`.
pub async fn doctor() -> Result<Vec<Finding>, Failure> {
    get("/api/doctor".to_owned(), READ_TIMEOUT_MS).await
}

/// What the counters say.
///
/// # Errors
/// Any `Failure`.
pub async fn traffic() -> Result<TrafficReport, Failure> {
    get("/api/traffic".to_owned(), READ_TIMEOUT_MS).await
}

/// What the host's links count.
///
/// # Errors
/// Any `Failure`.
pub async fn links() -> Result<LinkReport, Failure> {
    get("/api/links".to_owned(), READ_TIMEOUT_MS).await
}

/// Where in the kernel something is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On the host, all links.
    Host,
    /// One link of the host.
    Link(String),
    /// A named namespace.
    Namespace(String),
}

/// What ip(8) prints there.
///
/// # Errors
/// Any `Failure`; `Refused` when there is no such link or namespace.
pub async fn listings(place: &Place) -> Result<Vec<Listing>, Failure> {
    let url = match place {
        Place::Host => "/api/kernel".to_owned(),
        Place::Link(name) => format!("/api/kernel/links/{}", encode(name)),
        Place::Namespace(name) => format!("/api/kernel/namespaces/{}", encode(name)),
    };
    get(url, READ_TIMEOUT_MS).await
}

/// What makes a container's namespace and links, from nothing.
///
/// # Errors
/// Any `Failure`.
pub async fn container_plan(id: &ContainerId) -> Result<Plan, Failure> {
    get(format!("/api/containers/{id}/plan"), READ_TIMEOUT_MS).await
}

/// What makes a network's bridge, from nothing.
///
/// # Errors
/// Any `Failure`.
pub async fn network_plan(id: &NetworkId) -> Result<Plan, Failure> {
    get(format!("/api/networks/{id}/plan"), READ_TIMEOUT_MS).await
}

/// One image with all that is known of it.
///
/// # Errors
/// Any `Failure`; `Refused` when it is not there.
pub async fn image(id: &str) -> Result<ImageDetails, Failure> {
    get(format!("/api/images/{id}"), READ_TIMEOUT_MS).await
}

/// Gives an image one more name.
///
/// # Errors
/// Any `Failure`.
pub async fn tag_image(id: &str, name: &str) -> Result<(), Failure> {
    let body = serde_json::to_string(&ImageName { name: name.to_owned() }).ok();
    send(Request { method: "POST", url: format!("/api/images/{id}/tag"), body }, READ_TIMEOUT_MS).await.map(drop)
}

/// Removes an image with all its names; `force` also when stopped containers were made of it.
///
/// # Errors
/// Any `Failure`.
pub async fn remove_image(id: &str, force: bool) -> Result<(), Failure> {
    let url = format!("/api/images/{id}?force={force}");
    send(Request { method: "DELETE", url, body: None }, WRITE_TIMEOUT_MS).await.map(drop)
}

/// What bringing a file up would do; nothing is changed.
///
/// # Errors
/// Any `Failure`.
pub async fn preview_lab(file: &LabFile) -> Result<LabPlan, Failure> {
    let body = serde_json::to_string(file).ok();
    let request = Request { method: "POST", url: "/api/labs?preview=true".to_owned(), body };
    read(&send(request, READ_TIMEOUT_MS).await?)
}

/// What taking a lab away would do.
///
/// # Errors
/// Any `Failure`.
pub async fn preview_lab_down(name: &str) -> Result<LabPlan, Failure> {
    let request = Request { method: "DELETE", url: format!("/api/labs/{}?preview=true", encode(name)), body: None };
    read(&send(request, READ_TIMEOUT_MS).await?)
}

/// Where what there is comes as a script.
pub const SCRIPT: &str = "/api/labs/export?format=script";

/// Where a lab, or everything, comes as a compose file.
pub fn export_url(lab: Option<&str>) -> String {
    match lab {
        Some(lab) => format!("/api/labs/export?lab={}", encode(lab)),
        None => "/api/labs/export".to_owned(),
    }
}

/// Whether the daemon is still there: the smallest question that also finds out a login that has ended.
///
/// # Errors
/// Any `Failure`.
pub async fn alive() -> Result<(), Failure> {
    get::<Vec<Change>>("/api/changes?limit=1".to_owned(), ALIVE_TIMEOUT_MS).await.map(drop)
}

/// What there is to know of the daemon.
///
/// # Errors
/// Any `Failure`.
pub async fn about() -> Result<About, Failure> {
    get("/api/about".to_owned(), READ_TIMEOUT_MS).await
}

/// A container with what only its page shows.
///
/// # Errors
/// Any `Failure`.
pub async fn container(id: &ContainerId) -> Result<ContainerDetail, Failure> {
    get(format!("/api/containers/{id}"), READ_TIMEOUT_MS).await
}

/// What a container uses; none when it does not run.
///
/// # Errors
/// Any `Failure`.
pub async fn usage(id: &ContainerId) -> Result<Option<Usage>, Failure> {
    get(format!("/api/containers/{id}/usage"), READ_TIMEOUT_MS).await
}

/// Tries to reach something from a container.
///
/// # Errors
/// Any `Failure`; that it is not reached is none.
pub async fn attempt(container: &str, trial: &Trial) -> Result<TrialAnswer, Failure> {
    let url = format!("/api/containers/{}/try", encode(container));
    let body = serde_json::to_string(trial).ok();
    read(&send(Request { method: "POST", url, body }, WRITE_TIMEOUT_MS).await?)
}

/// Takes the cookie away from this browser.
///
/// # Errors
/// Any `Failure`.
pub async fn logout() -> Result<(), Failure> {
    send(Request { method: "POST", url: "/api/logout".to_owned(), body: None }, READ_TIMEOUT_MS).await.map(drop)
}

/// Exchanges the token for a cookie.
///
/// # Errors
/// `Unauthorised` when it is the wrong token.
pub async fn login(token: &str) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Login<'a> {
        token: &'a str,
    }
    let body = serde_json::to_string(&Login { token }).ok();
    let request = Request { method: "POST", url: "/api/login".to_owned(), body };
    send(request, READ_TIMEOUT_MS).await.map(drop)
}

/// Where questions for names stream from: those that are kept, and then those that come.
pub const DNS_EVENTS: &str = "/api/dns/events";

/// Where the events behind this sequence number of this run stream from.
pub fn events_url(sequence: u64, run: &str) -> String {
    format!("/api/events?after={sequence}&run={}", encode(run))
}

/// The daemon's sentences in a language, as a file: see `said`.
///
/// # Errors
/// Any `Failure`.
pub async fn sentences(tag: &str) -> Result<String, Failure> {
    send(Request { method: "GET", url: format!("/daemon.{tag}.json"), body: None }, READ_TIMEOUT_MS).await
}

/// Where a terminal's WebSocket is opened; its size is added there.
pub fn terminal_url(container: &str, far: &Far) -> String {
    let path = format!("/api/containers/{}/terminal", encode(container));
    match far {
        Far::Logs => format!("{path}?view=logs"),
        Far::Main => format!("{path}?view=main"),
        Far::Command(command) => format!("{path}?view=command&command={}", encode(command)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_names_its_command() {
        let url = terminal_url("box1", &Far::Command("sh -c ls".into()));
        assert_eq!(url, "/api/containers/box1/terminal?view=command&command=sh%20-c%20ls");
    }

    #[test]
    fn changes_are_asked_for_by_thing_and_page() {
        assert_eq!(changes_url(&Selection::Host, Some(7)), "/api/changes?limit=50&before=7");
        let of_box = Selection::Container("box 1".into());
        assert_eq!(changes_url(&of_box, None), "/api/changes?limit=50&container=box%201");
    }

    #[test]
    fn events_are_asked_for_behind_the_snapshot() {
        assert_eq!(events_url(7, "a b"), "/api/events?after=7&run=a%20b");
    }
}
