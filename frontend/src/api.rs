//! Every address of the daemon, and every request to it. Nothing else in the panel knows a URL under `/api`. Long because it is
//! one list of them.

use crate::ask::Ask;
use crate::i18n::api as texts;
use crate::route::{Far, encode};
use crate::work::Lines;
use drawbridge_api::{
    About, Change, ContainerDetail, ContainerId, ContainerState, Finding, ImageBuild, ImageDetails, ImageName, LabFile,
    LabPlan, LinkReport, Listing, NetworkId, Plan, Progress, Refusal, Rules, Snapshot, TrafficReport, Trial,
    TrialAnswer, Usage,
};
use serde::de::DeserializeOwned;
use std::fmt;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, File, Headers, ReadableStreamDefaultReader, RequestInit, Response};

/// How long an answer that only reads may take.
const READ_TIMEOUT_MS: u32 = 10_000;
/// How long a change may take: a stop waits ten seconds for the process, an image may have to be unpacked.
const WRITE_TIMEOUT_MS: u32 = 120_000;
/// How long a sign of life may take.
const ALIVE_TIMEOUT_MS: u32 = 5_000;
/// Changes per page of history.
pub const CHANGES_PER_PAGE: usize = 50;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The daemon does not know this browser (401).
    Unauthorised,
    /// No answer at all: the daemon is down, or the network between is.
    Unreachable,
    /// The daemon said no; the sentence is meant for the person.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorised => f.write_str(texts::unauthorised()),
            Self::Unreachable => f.write_str(texts::unreachable()),
            Self::Refused(message) => f.write_str(message),
        }
    }
}

/// Whether a change is only planned or also done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Preview,
    Apply,
}

/// One request.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    method: &'static str,
    url: String,
    body: Option<String>,
}

fn request(ask: &Ask, mode: Mode) -> Request {
    let (method, path, body) = match ask {
        Ask::CreateNetwork(create) => ("POST", "/api/networks".to_owned(), serde_json::to_string(create).ok()),
        Ask::RemoveNetwork { id, .. } => ("DELETE", format!("/api/networks/{id}"), None),
        Ask::CreateContainer(create) => ("POST", "/api/containers".to_owned(), serde_json::to_string(create).ok()),
        Ask::StartContainer { id, .. } => ("POST", format!("/api/containers/{id}/start"), None),
        Ask::StopContainer { id, .. } => ("POST", format!("/api/containers/{id}/stop"), None),
        Ask::UpdatePorts { id, update, .. } => {
            ("PUT", format!("/api/containers/{id}/ports"), serde_json::to_string(update).ok())
        }
        Ask::Connect { id, attachment, .. } => {
            ("POST", format!("/api/containers/{id}/attachments"), serde_json::to_string(attachment).ok())
        }
        Ask::Disconnect { id, network, .. } => ("DELETE", format!("/api/containers/{id}/attachments/{network}"), None),
        Ask::Undo { id, .. } => ("POST", format!("/api/changes/{id}/undo"), None),
        Ask::RemoveContainer { id, .. } => ("DELETE", format!("/api/containers/{id}"), None),
    };
    let mut query = Vec::new();
    if let Ask::RemoveContainer { state: ContainerState::Running, .. } = ask {
        query.push("force=true");
    }
    if mode == Mode::Preview {
        query.push("preview=true");
    }
    let url = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
    Request { method, url, body }
}

/// What the change would do; nothing is changed.
///
/// # Errors
/// Any `Failure`.
pub async fn preview(ask: &Ask) -> Result<Plan, Failure> {
    read(&send(request(ask, Mode::Preview), READ_TIMEOUT_MS).await?)
}

/// Makes the change.
///
/// # Errors
/// Any `Failure`.
pub async fn apply(ask: &Ask) -> Result<(), Failure> {
    // What was made arrives as an event as well, so the answer's body is not needed.
    send(request(ask, Mode::Apply), WRITE_TIMEOUT_MS).await.map(drop)
}

/// Everything there is now.
///
/// # Errors
/// Any `Failure`.
pub async fn snapshot() -> Result<Snapshot, Failure> {
    get("/api/snapshot".to_owned(), READ_TIMEOUT_MS).await
}

/// Changes older than the one with this id, newest first.
///
/// # Errors
/// Any `Failure`.
pub async fn changes_before(id: i64) -> Result<Vec<Change>, Failure> {
    get(format!("/api/changes?before={id}&limit={CHANGES_PER_PAGE}"), READ_TIMEOUT_MS).await
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

/// Where what there is comes as a script.
pub const SCRIPT: &str = "/api/labs/export?format=script";

/// Where a lab, or everything, comes as a compose file.
pub fn export_url(lab: Option<&str>) -> String {
    match lab {
        Some(lab) => format!("/api/labs/export?lab={}", encode(lab)),
        None => "/api/labs/export".to_owned(),
    }
}

/// Something that takes long and tells how far it is.
#[derive(Clone, Debug)]
pub enum Errand {
    /// Pulls an image of this name.
    Pull(String),
    /// Loads images from an archive.
    Load(File),
    /// Builds an image.
    Build(ImageBuild),
    /// Brings a lab up.
    LabUp(LabFile),
    /// Takes a lab away; with its volumes when it is true.
    LabDown(String, bool),
}

impl Errand {
    fn request(&self) -> (&'static str, String, JsValue) {
        let json = |body: serde_json::Result<String>| JsValue::from_str(&body.unwrap_or_default());
        match self {
            Self::Pull(name) => {
                let body = serde_json::to_string(&ImageName { name: name.clone() });
                ("POST", "/api/images/pull".to_owned(), json(body))
            }
            Self::Load(file) => ("POST", "/api/images/load".to_owned(), file.into()),
            Self::Build(build) => ("POST", "/api/images/build".to_owned(), json(serde_json::to_string(build))),
            Self::LabUp(file) => ("POST", "/api/labs".to_owned(), json(serde_json::to_string(file))),
            Self::LabDown(name, volumes) => {
                ("DELETE", format!("/api/labs/{}?volumes={volumes}", encode(name)), JsValue::UNDEFINED)
            }
        }
    }
}

/// Runs an errand and hands over what is reported, the end included.
///
/// # Errors
/// `Unauthorised` or `Refused` when it did not begin; `Unreachable` when its end is not known.
pub async fn follow(errand: Errand, mut hear: impl FnMut(Progress)) -> Result<(), Failure> {
    let (method, url, body) = errand.request();
    let response = open(method, &url, &body).await.map_err(|_| Failure::Unreachable)?;
    if !response.ok() {
        let text = response.text().map_err(|_| Failure::Unreachable)?;
        let text = JsFuture::from(text).await.map_err(|_| Failure::Unreachable)?.as_string().unwrap_or_default();
        return outcome(method, &url, response.status(), text).map(drop);
    }
    let reader = response.body().ok_or(Failure::Unreachable)?.get_reader();
    let reader: ReadableStreamDefaultReader = reader.dyn_into().map_err(|_| Failure::Unreachable)?;
    let mut lines = Lines::default();
    let (mut is_over, key) = (false, |name: &str| JsValue::from_str(name));
    loop {
        let piece = JsFuture::from(reader.read()).await.map_err(|_| Failure::Unreachable)?;
        if js_sys::Reflect::get(&piece, &key("done")).is_ok_and(|done| done.is_truthy()) {
            return if is_over { Ok(()) } else { Err(Failure::Unreachable) };
        }
        let bytes = js_sys::Reflect::get(&piece, &key("value")).map_err(|_| Failure::Unreachable)?;
        for report in lines.feed(&js_sys::Uint8Array::new(&bytes).to_vec()) {
            is_over |= matches!(report, Progress::Done | Progress::Failed { .. });
            hear(report);
        }
    }
}

/// A request whose answer may take as long as it likes.
async fn open(method: &str, url: &str, body: &JsValue) -> Result<Response, JsValue> {
    let init = RequestInit::new();
    init.set_method(method);
    if !body.is_undefined() {
        let headers = Headers::new()?;
        headers.set("content-type", if body.is_string() { "application/json" } else { "application/x-tar" })?;
        init.set_headers(&headers);
        init.set_body(body);
    }
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    JsFuture::from(window.fetch_with_str_and_init(url, &init)).await?.dyn_into()
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
    let body = serde_json::json!({ "token": token }).to_string();
    let request = Request { method: "POST", url: "/api/login".to_owned(), body: Some(body) };
    send(request, READ_TIMEOUT_MS).await.map(drop)
}

/// Where questions for names stream from: those that are kept, and then those that come.
pub const DNS_EVENTS: &str = "/api/dns/events";

/// Where the events behind this sequence number of this run stream from.
pub fn events_url(sequence: u64, run: &str) -> String {
    format!("/api/events?after={sequence}&run={}", encode(run))
}

async fn get<T: DeserializeOwned>(url: String, timeout_ms: u32) -> Result<T, Failure> {
    read(&send(Request { method: "GET", url, body: None }, timeout_ms).await?)
}

fn read<T: DeserializeOwned>(body: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|error| Failure::Refused(texts::unreadable(&error)))
}

async fn send(request: Request, timeout_ms: u32) -> Result<String, Failure> {
    let (status, body) = fetch(&request, timeout_ms).await.map_err(|_| Failure::Unreachable)?;
    outcome(request.method, &request.url, status, body)
}

fn outcome(method: &str, url: &str, status: u16, body: String) -> Result<String, Failure> {
    match status {
        200..300 => Ok(body),
        401 => Err(Failure::Unauthorised),
        // A proxy in between answers for a daemon that is gone.
        502..=504 if serde_json::from_str::<Refusal>(&body).is_err() => Err(Failure::Unreachable),
        _ => Err(Failure::Refused(
            serde_json::from_str::<Refusal>(&body)
                .map_or_else(|_| texts::status(&method, &url, &status), |refusal| refusal.message),
        )),
    }
}

async fn fetch(request: &Request, timeout_ms: u32) -> Result<(u16, String), JsValue> {
    let init = RequestInit::new();
    init.set_method(request.method);
    init.set_signal(Some(&AbortSignal::timeout_with_u32(timeout_ms)));
    if let Some(body) = &request.body {
        let headers = Headers::new()?;
        headers.set("content-type", "application/json")?;
        init.set_headers(&headers);
        init.set_body(&JsValue::from_str(body));
    }
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response: Response = JsFuture::from(window.fetch_with_str_and_init(&request.url, &init)).await?.dyn_into()?;
    let body = JsFuture::from(response.text()?).await?;
    Ok((response.status(), body.as_string().unwrap_or_default()))
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
    use crate::sample;
    use drawbridge_api::{ContainerCreate, GatewayMode, NetworkCreate, PortRequest, PortsUpdate, Protocol};

    fn check(ask: &Ask, mode: Mode, method: &str, url: &str) {
        let request = request(ask, mode);
        assert_eq!((request.method, request.url.as_str()), (method, url));
    }

    #[test]
    fn asks_become_the_documented_requests() {
        let network = sample::network(2);
        let mut container = sample::container(1, 1);
        let (net, id) = (network.id.to_string(), container.id.to_string());
        let remove = Ask::remove_network(&network);
        check(&remove, Mode::Preview, "DELETE", &format!("/api/networks/{net}?preview=true"));
        check(&remove, Mode::Apply, "DELETE", &format!("/api/networks/{net}"));
        check(&Ask::start(&container), Mode::Apply, "POST", &format!("/api/containers/{id}/start"));
        check(&Ask::stop(&container), Mode::Preview, "POST", &format!("/api/containers/{id}/stop?preview=true"));
        let running = Ask::remove_container(&container);
        check(&running, Mode::Preview, "DELETE", &format!("/api/containers/{id}?force=true&preview=true"));
        container.state = ContainerState::Exited;
        check(&Ask::remove_container(&container), Mode::Apply, "DELETE", &format!("/api/containers/{id}"));
        let attachments = format!("/api/containers/{id}/attachments");
        let connect = Ask::connect(&container, drawbridge_api::Attachment::to("demo".parse().unwrap()));
        check(&connect, Mode::Preview, "POST", &format!("{attachments}?preview=true"));
        let disconnect = Ask::disconnect(&container, "demo".parse().unwrap());
        check(&disconnect, Mode::Apply, "DELETE", &format!("{attachments}/demo"));
    }

    #[test]
    fn a_preview_and_its_change_carry_the_same_body() {
        let create = NetworkCreate {
            name: "demo".into(),
            internal: true,
            icc: Some(false),
            gateway_mode: Some(GatewayMode::Isolated),
            labels: [("a".to_owned(), "b".to_owned())].into(),
            ..NetworkCreate::default()
        };
        let ask = Ask::CreateNetwork(create.clone());
        check(&ask, Mode::Preview, "POST", "/api/networks?preview=true");
        let bodies = [Mode::Preview, Mode::Apply].map(|mode| request(&ask, mode).body);
        assert_eq!(bodies[0], bodies[1]);
        assert_eq!(serde_json::from_str::<NetworkCreate>(bodies[0].as_deref().unwrap()).unwrap(), create);
        let create = ContainerCreate {
            name: None,
            image: "busybox".into(),
            command: vec!["sh".into()],
            network: Some("demo".into()),
            auto_remove: true,
            ports: vec![PORT],
            start: true,
        };
        let body = request(&Ask::CreateContainer(create.clone()), Mode::Apply).body;
        assert_eq!(serde_json::from_str::<ContainerCreate>(body.as_deref().unwrap()).unwrap(), create);
    }

    const PORT: PortRequest = PortRequest {
        container_port: 80,
        protocol: Protocol::Tcp,
        host_address: None,
        host_port: 8080,
        host_port_end: None,
    };

    #[test]
    fn ports_are_put_as_a_whole() {
        let container = sample::container(1, 1);
        let update = PortsUpdate { ports: vec![PORT] };
        let ask = Ask::UpdatePorts { id: container.id.clone(), name: "box1".into(), update: update.clone() };
        check(&ask, Mode::Preview, "PUT", &format!("/api/containers/{}/ports?preview=true", container.id));
        check(&ask, Mode::Apply, "PUT", &format!("/api/containers/{}/ports", container.id));
        let body = request(&ask, Mode::Apply).body;
        assert_eq!(serde_json::from_str::<PortsUpdate>(body.as_deref().unwrap()).unwrap(), update);
    }

    #[test]
    fn a_terminal_names_its_command() {
        let url = terminal_url("box1", &Far::Command("sh -c ls".into()));
        assert_eq!(url, "/api/containers/box1/terminal?view=command&command=sh%20-c%20ls");
    }

    #[test]
    fn events_are_asked_for_behind_the_snapshot() {
        assert_eq!(events_url(7, "a b"), "/api/events?after=7&run=a%20b");
    }

    #[test]
    fn an_answer_of_another_shape_is_explained() {
        assert!(matches!(read::<Plan>("{}"), Err(Failure::Refused(message)) if message.contains("reload")));
    }
}
