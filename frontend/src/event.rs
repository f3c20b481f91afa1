//! Events as they arrive. They are read in two steps, first what kind it is and then the thing: read in one, through serde's
//! buffer for tagged enums, every type would be in the bundle a second time.

use drawbridge_api::{Event, EventKind};
use serde::{Deserialize, de::DeserializeOwned};

#[derive(Deserialize)]
struct Head {
    sequence: u64,
    time_ms: i64,
    kind: Kind,
}

/// The names of `EventKind`'s variants.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Network,
    NetworkRemoved,
    Container,
    ContainerRemoved,
    Image,
    ImageRemoved,
    Change,
    Found,
}

#[derive(Deserialize)]
struct Body<T> {
    value: T,
}

/// Reads an event.
///
/// # Errors
/// When it is of another version of the daemon.
pub fn read(text: &str) -> Result<Event, serde_json::Error> {
    let Head { sequence, time_ms, kind } = serde_json::from_str(text)?;
    let kind = match kind {
        Kind::Network => EventKind::Network(body(text)?),
        Kind::NetworkRemoved => EventKind::NetworkRemoved(body(text)?),
        Kind::Container => EventKind::Container(body(text)?),
        Kind::ContainerRemoved => EventKind::ContainerRemoved(body(text)?),
        Kind::Image => EventKind::Image(body(text)?),
        Kind::ImageRemoved => EventKind::ImageRemoved(body(text)?),
        Kind::Change => EventKind::Change(body(text)?),
        Kind::Found => EventKind::Found(body(text)?),
    };
    Ok(Event { sequence, time_ms, kind })
}

fn body<T: DeserializeOwned>(text: &str) -> Result<T, serde_json::Error> {
    serde_json::from_str::<Body<T>>(text).map(|body| body.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use drawbridge_api::{Found, Image, ImageId};

    #[test]
    fn every_kind_is_read_as_the_daemon_writes_it() {
        let (network, container) = (sample::network(1), sample::container(1, 1));
        let image_id = ImageId::from_bytes([1; 32]);
        let image =
            Image { id: image_id.clone(), tags: vec!["busybox:latest".to_owned()], size_bytes: 9, created_at_ms: 1 };
        let kinds = [
            EventKind::NetworkRemoved(network.id.clone()),
            EventKind::Network(network),
            EventKind::ContainerRemoved(container.id.clone()),
            EventKind::Container(container),
            EventKind::Image(image),
            EventKind::ImageRemoved(image_id),
            EventKind::Change(sample::change(7)),
            EventKind::Found(Found::default()),
        ];
        for kind in kinds {
            let event = Event { sequence: 5, time_ms: 9, kind };
            assert_eq!(read(&serde_json::to_string(&event).unwrap()).unwrap(), event);
        }
        assert!(read(r#"{"sequence":1,"time_ms":2,"kind":"unheard_of","value":3}"#).is_err());
    }
}
