//! What a network that is made by its fields has among its options: the same as if the docker command had made it that the
//! panel shows for it (`frontend/src/docker.rs`). Pure.

use drawbridge_api::{GatewayMode, NetworkCreate};
use std::collections::BTreeMap;

/// The options by Docker's names: those that were given, and one for each field that is not as it is by default.
pub(super) fn of(create: &NetworkCreate) -> BTreeMap<String, String> {
    let mode = create.gateway_mode.filter(|mode| *mode != GatewayMode::Nat).map(|mode| mode.as_str().to_owned());
    let text =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let off = |field: Option<bool>| (field == Some(false)).then(|| "false".to_owned());
    let fields = [
        ("parent", text(&create.parent)),
        ("macvlan_mode", create.macvlan_mode.map(|mode| mode.as_str().to_owned())),
        ("com.docker.network.bridge.enable_icc", off(create.icc)),
        ("com.docker.network.bridge.enable_ip_masquerade", off(create.masquerade)),
        ("com.docker.network.bridge.gateway_mode_ipv4", mode.clone()),
        ("com.docker.network.bridge.gateway_mode_ipv6", mode.filter(|_| create.ipv6)),
        ("com.docker.network.driver.mtu", create.mtu.map(|mtu| mtu.to_string())),
        ("com.docker.network.bridge.name", text(&create.bridge)),
        ("com.docker.network.bridge.inhibit_ipv4", create.inhibit_ipv4.then(|| "true".to_owned())),
    ];
    let own = fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    own.chain(create.options.clone()).collect()
}
