//! Settings of a container's interfaces that are asked for by an option of an attachment. The interface has no name yet when they
//! are asked for, so a word stands for it. They are set with those of the container, before its program
//! begins; those of an interface that it gets while it runs, as soon as it has it.

use super::{Daemon, OpError};
use crate::{
    model::ContainerRecord,
    settings::Settings,
    store::{attachment, endpoint},
};
use drawbridge_api::{Attachment, ContainerId};
use tokio::task::block_in_place;

/// Docker's option: `net.ipv4.conf.IFNAME.log_martians=1`, several with commas between them.
const OPTION: &str = "com.docker.network.endpoint.sysctls";

/// What stands for the interface, as the fourth word of a key; in either case, since the docker command writes options small.
const PLACEHOLDER: &str = "IFNAME";

/// Whether an attachment asks for settings.
pub(super) fn are_asked(attachment: &Attachment) -> bool {
    attachment.options.get(OPTION).is_some_and(|text| !text.is_empty())
}

/// Checks that what an attachment asks for are settings of its interface.
///
/// # Errors
/// A sentence that says which is not.
pub(super) fn check(attachment: &Attachment) -> Result<(), String> {
    let asked = attachment.options.get(OPTION).map(String::as_str).unwrap_or_default();
    asked.split(',').filter(|setting| !setting.is_empty()).try_for_each(|setting| parse(setting).map(drop))
}

/// Key and value.
fn parse(setting: &str) -> Result<(&str, &str), String> {
    let wrong = || format!("invalid endpoint sysctl {setting:?}: write net.X.Y.{PLACEHOLDER}.SETTING=VALUE");
    let (key, value) = setting.split_once('=').ok_or_else(wrong)?;
    match key.split('.').collect::<Vec<_>>().as_slice() {
        ["net", _, _, word, _] if word.eq_ignore_ascii_case(PLACEHOLDER) && !value.is_empty() && !key.contains('/') => {
            Ok((key, value))
        }
        _ => Err(wrong()),
    }
}

/// A container's settings with those of its interfaces. Its endpoints must be there.
///
/// # Errors
/// When the store fails.
pub(super) fn with(daemon: &Daemon, record: &ContainerRecord) -> Result<Settings, OpError> {
    let mut settings = record.spec.settings.clone();
    let db = daemon.engine.store.read()?;
    let attachments = attachment::of_container(&db, &record.id)?;
    if !attachments.iter().any(are_asked) {
        return Ok(settings);
    }
    for endpoint in endpoint::of_container(&db, &record.id)? {
        if let Some(attachment) = attachments.iter().find(|attachment| attachment.network == endpoint.network) {
            let asked = of_interface(attachment, endpoint.interface.as_str())?;
            settings.sysctls.extend(asked.into_iter().map(|(key, value)| (key, value.to_owned())));
        }
    }
    Ok(settings)
}

/// Sets what an attachment asks for of its interface, in a container that runs and has just got it.
///
/// # Errors
/// When this kernel has no such setting, or not such a value.
pub(super) fn set(daemon: &Daemon, id: &ContainerId, attachment: &Attachment) -> Result<(), OpError> {
    let (namespace, endpoints) = {
        let db = daemon.engine.store.read()?;
        (endpoint::namespace(&db, id)?, endpoint::of_container(&db, id)?)
    };
    let endpoint = endpoints.into_iter().find(|endpoint| endpoint.network == attachment.network);
    // It may have ended meanwhile; then it is given them when it is started again.
    let (Some(namespace), Some(endpoint)) = (namespace, endpoint) else { return Ok(()) };
    let settings = of_interface(attachment, &endpoint.interface.as_str().replace('.', "/"))?;
    // It names the setting and says what is wrong with it, which is for who asked.
    let done = block_in_place(|| daemon.kernel.set_inside(&namespace, &settings));
    done.map(drop).map_err(|error| OpError::Invalid(error.to_string()))
}

/// The settings that an attachment asks for, by the keys that they have for an interface of that name.
fn of_interface<'a>(attachment: &'a Attachment, interface: &str) -> Result<Vec<(String, &'a str)>, OpError> {
    let asked = attachment.options.get(OPTION).into_iter().flat_map(|text| text.split(','));
    let mut settings = Vec::new();
    for setting in asked.filter(|setting| !setting.is_empty()) {
        let (key, value) = parse(setting).map_err(OpError::Invalid)?;
        if let [net, family, kind, _, name] = key.split('.').collect::<Vec<_>>().as_slice() {
            settings.push(([net, family, kind, interface, name].join("."), value));
        }
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_of_the_interface() {
        let check = |text: &str| {
            let options = [(OPTION.to_owned(), text.to_owned())].into();
            check(&Attachment { options, ..Attachment::to("demo".parse().unwrap()) })
        };
        assert_eq!(check("net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.hop_limit=9"), Ok(()));
        assert_eq!(check("net.ipv4.conf.ifname.log_martians=1"), Ok(()));
        assert_eq!(check(""), Ok(()));
        for bad in ["net.ipv4.ip_forward=1", "net.ipv4.conf.eth0.log_martians=1", "net.ipv4.conf.IFNAME.x", "x=1"] {
            assert!(check(bad).unwrap_err().contains("write net.X.Y.IFNAME.SETTING=VALUE"), "{bad}");
        }
    }
}
