//! `ports` of a service, as `PortBindings` and `ExposedPorts`: `8080:80`, `127.0.0.1:53:53/udp`, ranges, and the long form.

use super::{
    ComposeError,
    fields::Fields,
    yaml::{Node, Value},
};
use serde_json::{Map, Value as Json, json};

/// What a service's ports ask for.
#[derive(Debug, Default)]
pub(super) struct Ports {
    pub(super) bindings: Map<String, Json>,
    pub(super) exposed: Map<String, Json>,
}

impl Ports {
    pub(super) fn publish(&mut self, list: &[Node]) -> Result<(), ComposeError> {
        list.iter().try_for_each(|node| match &node.value {
            Value::Map(_) => self.long(node),
            Value::Nothing | Value::Text(_) | Value::List(_) => self.short(node, node.text("ports")?),
        })
    }

    pub(super) fn expose(&mut self, list: &[Node]) -> Result<(), ComposeError> {
        for node in list {
            let text = node.text("expose")?;
            let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
            for port in range(ports).ok_or_else(|| wrong(node, text))? {
                self.exposed.insert(format!("{port}/{protocol}"), json!({}));
            }
        }
        Ok(())
    }

    /// `[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]`, where HOST and CONTAINER may be ranges.
    fn short(&mut self, node: &Node, text: &str) -> Result<(), ComposeError> {
        let (rest, protocol) = text.rsplit_once('/').unwrap_or((text, "tcp"));
        let (before, container) = rest.rsplit_once(':').unwrap_or(("", rest));
        let (address, host) = before.rsplit_once(':').unwrap_or(("", before));
        let inside = range(container).ok_or_else(|| wrong(node, text))?;
        if host.is_empty() {
            inside.for_each(|port| self.bind(port, protocol, address, String::new()));
            return Ok(());
        }
        let outside = range(host).ok_or_else(|| wrong(node, text))?;
        if inside.len() == 1 {
            // Any port of the range will do.
            self.bind(*inside.start(), protocol, address, host.to_owned());
        } else if inside.len() == outside.len() {
            inside.zip(outside).for_each(|(inside, outside)| self.bind(inside, protocol, address, outside.to_string()));
        } else {
            return Err(ComposeError::at(node.line, format!("port {text}: the two ranges are not equally long")));
        }
        Ok(())
    }

    fn long(&mut self, node: &Node) -> Result<(), ComposeError> {
        let mut fields = Fields::of(node, "a port")?;
        let target = fields.number("target")?.and_then(|port| u16::try_from(port).ok());
        let target = target.ok_or_else(|| ComposeError::at(node.line, "a port needs a `target` from 1 to 65535"))?;
        let published = fields.text("published")?.unwrap_or_default();
        let protocol = fields.text("protocol")?.unwrap_or_else(|| "tcp".into());
        let address = fields.text("host_ip")?.unwrap_or_default();
        // Words for people, and for clusters.
        for key in ["name", "app_protocol", "mode"] {
            fields.text(key)?;
        }
        fields.finish()?;
        self.bind(target, &protocol, &address, published);
        Ok(())
    }

    fn bind(&mut self, port: u16, protocol: &str, address: &str, host: String) {
        let key = format!("{port}/{protocol}");
        self.exposed.insert(key.clone(), json!({}));
        let binding = json!({ "HostIp": address.trim_matches(['[', ']']), "HostPort": host });
        if let Json::Array(list) = self.bindings.entry(key).or_insert_with(|| json!([])) {
            list.push(binding);
        }
    }
}

fn wrong(node: &Node, text: &str) -> ComposeError {
    ComposeError::at(
        node.line,
        format!(
            "invalid port {text:?}: write CONTAINER, HOST:CONTAINER or ADDRESS:HOST:CONTAINER, such as \"8080:80\""
        ),
    )
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.parse().ok()?, last.parse().ok()?);
    (0 < first && first <= last).then_some(first..=last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Json, &str>) {
        let node = Node { line: 3, value: Value::List(vec![Node { line: 4, value: Value::Text(text.into()) }]) };
        let mut ports = Ports::default();
        let read = ports.publish(node.list("ports").unwrap()).map_err(|error| error.to_string());
        assert_eq!(
            read.as_ref().map(|()| Json::from(ports.bindings)),
            expected.as_ref().cloned().map_err(|e| &*Box::leak(Box::new((*e).to_owned()))),
            "{text}"
        );
    }

    #[test]
    fn ports_are_read_as_compose_writes_them() {
        check("80", Ok(json!({ "80/tcp": [{ "HostIp": "", "HostPort": "" }] })));
        check("8080:80/udp", Ok(json!({ "80/udp": [{ "HostIp": "", "HostPort": "8080" }] })));
        check("[::1]:8080:80", Ok(json!({ "80/tcp": [{ "HostIp": "::1", "HostPort": "8080" }] })));
        check("8000-8010:80", Ok(json!({ "80/tcp": [{ "HostIp": "", "HostPort": "8000-8010" }] })));
        check(
            "127.0.0.1:81-82:1-2",
            Ok(json!({
                "1/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "81" }],
                "2/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "82" }],
            })),
        );
    }
}
