//! What a person asks for as requests: the same request is first a preview and then the change.

use super::send::{Failure, READ_TIMEOUT_MS, Request, WRITE_TIMEOUT_MS, read, send};
use crate::ask::Ask;
use drawbridge_api::{ContainerState, Plan};

/// Whether a change is only planned or also done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Preview,
    Apply,
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
}
