//! The form of a new network: what `docker network create` can say, the seldom of it folded away.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        input::{Line, Lines, Tick},
        modal::Modal,
        proposal::{Buttons, Planned, Proposal},
    },
    gateway::{Choice, MODES, can_masquerade, explain, is_possible},
    i18n::network_form as say,
    network_form::{pairs, ranges},
};
use drawbridge_api::{Driver, GatewayMode, MacvlanMode, NetworkCreate};
use ipnet::IpNet;
use leptos::{ev, prelude::*};

/// What interfaces that share one may do with one another, in the order in which the form offers it.
const MACVLAN_MODES: [MacvlanMode; 4] =
    [MacvlanMode::Bridge, MacvlanMode::Private, MacvlanMode::Vepa, MacvlanMode::Passthru];

/// The dialog with the form.
#[component]
pub fn CreateNetwork() -> impl IntoView {
    let app = app();
    let proposal = Proposal::begin();
    let fields = Fields::new();
    // Not internal any more: a mode that only internal networks have is let go of.
    Effect::new(move |_| {
        if !is_possible(fields.mode.get(), fields.internal.get()) {
            fields.mode.set(GatewayMode::Nat);
        }
    });
    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let submit = move |event: ev::SubmitEvent| {
        event.prevent_default();
        match fields.request() {
            Ok(create) => proposal.preview(Ask::CreateNetwork(create)),
            Err(reason) => proposal.refuse(reason),
        }
    };
    let is_bridge = move || fields.driver.get() == Driver::Bridge;
    view! {
        <Modal id="network-dialog" title=say::title() on_close=close>
            <form id="network-create" on:submit=submit on:input=move |_| proposal.edit() autocomplete="off">
                <div class="dialog-body">
                    <div class="fields">
                        <label class="field wide">
                            <span>{say::name()}</span>
                            <input
                                id="network-name"
                                required
                                autofocus
                                spellcheck="false"
                                placeholder="demo-network"
                                bind:value=fields.name
                            />
                        </label>
                        <Kind fields />
                        <Line id="network-subnet" label=say::subnet() note=say::subnet_note() placeholder=say::subnet_free() value=fields.subnet />
                        <Line id="network-gateway" label=say::gateway() note=say::gateway_note() placeholder=say::gateway_first() value=fields.gateway />
                        <Line id="network-ip-range" label=say::range() note=say::range_note() placeholder=say::range_whole() value=fields.ip_range />
                        <Line
                            id="network-subnet6"
                            label=say::subnet6()
                            note=say::subnet6_note()
                            placeholder=say::subnet6_free()
                            value=fields.subnet6
                            disabled=Signal::derive(move || !fields.ipv6.get())
                        />
                        <Tick id="network-ipv4" label=say::ipv4() note=say::ipv4_note() value=fields.ipv4 />
                        <Tick id="network-ipv6" label=say::ipv6() note=say::ipv6_note() value=fields.ipv6 />
                        <Tick id="network-internal" label=say::internal() note=say::internal_note() value=fields.internal />
                        <Show when=is_bridge>
                            <Outside fields />
                        </Show>
                    </div>
                    <details id="network-more">
                        <summary>{say::more()}</summary>
                        <More fields />
                    </details>
                    <Planned proposal />
                </div>
                <Buttons proposal words=Signal::stored((say::create(), say::creating())) on_cancel=close />
            </form>
        </Modal>
    }
}

/// What is filled in.
#[derive(Clone, Copy)]
struct Fields {
    name: RwSignal<String>,
    driver: RwSignal<Driver>,
    parent: RwSignal<String>,
    macvlan_mode: RwSignal<MacvlanMode>,
    subnet: RwSignal<String>,
    gateway: RwSignal<String>,
    ip_range: RwSignal<String>,
    ipv4: RwSignal<bool>,
    ipv6: RwSignal<bool>,
    subnet6: RwSignal<String>,
    gateway6: RwSignal<String>,
    ip_range6: RwSignal<String>,
    ranges: RwSignal<String>,
    reserved: RwSignal<String>,
    internal: RwSignal<bool>,
    icc: RwSignal<bool>,
    masquerade: RwSignal<bool>,
    mode: RwSignal<GatewayMode>,
    mtu: RwSignal<String>,
    bridge: RwSignal<String>,
    inhibit_ipv4: RwSignal<bool>,
    labels: RwSignal<String>,
    options: RwSignal<String>,
}

impl Fields {
    fn new() -> Self {
        let text = || RwSignal::new(String::new());
        Self {
            name: text(),
            driver: RwSignal::new(Driver::Bridge),
            parent: text(),
            macvlan_mode: RwSignal::new(MacvlanMode::Bridge),
            subnet: text(),
            gateway: text(),
            ip_range: text(),
            ipv4: RwSignal::new(true),
            ipv6: RwSignal::new(false),
            subnet6: text(),
            gateway6: text(),
            ip_range6: text(),
            ranges: text(),
            reserved: text(),
            internal: RwSignal::new(false),
            icc: RwSignal::new(true),
            masquerade: RwSignal::new(true),
            mode: RwSignal::new(GatewayMode::Nat),
            mtu: text(),
            bridge: text(),
            inhibit_ipv4: RwSignal::new(false),
            labels: text(),
            options: text(),
        }
    }

    /// What is sent. Fields that the kind of network has no use for are left out.
    fn request(self) -> Result<NetworkCreate, String> {
        let text = |signal: RwSignal<String>| filled(&signal.get_untracked());
        let is_bridge = self.driver.get_untracked() == Driver::Bridge;
        let of_bridge = |signal| text(signal).filter(|_| is_bridge);
        let of_six = |signal| text(signal).filter(|_| self.ipv6.get_untracked());
        // A range of the other family would be taken, and be none of what the field says.
        let families = [(text(self.subnet), false), (of_six(self.subnet6), true)];
        for (range, is_six) in families.into_iter().filter_map(|(range, is_six)| Some((range?, is_six))) {
            if range.parse::<IpNet>().is_ok_and(|range| range.addr().is_ipv6() != is_six) {
                return Err(if is_six { say::no_range6(&range) } else { say::no_range4(&range) });
            }
        }
        let create = NetworkCreate {
            name: self.name.get_untracked().trim().to_owned(),
            driver: (!is_bridge).then_some(Driver::Macvlan),
            parent: text(self.parent).filter(|_| !is_bridge),
            macvlan_mode: (!is_bridge).then_some(self.macvlan_mode.get_untracked()),
            subnet: text(self.subnet),
            gateway: text(self.gateway),
            ip_range: text(self.ip_range),
            ipv4: Some(self.ipv4.get_untracked()),
            ipv6: self.ipv6.get_untracked(),
            subnet6: of_six(self.subnet6),
            gateway6: of_six(self.gateway6),
            ip_range6: of_six(self.ip_range6),
            ranges: ranges(&self.ranges.get_untracked()),
            reserved: pairs(&self.reserved.get_untracked()),
            mtu: text(self.mtu).map(|text| text.parse().map_err(|_| say::no_mtu(&text))).transpose()?,
            bridge: of_bridge(self.bridge),
            inhibit_ipv4: is_bridge && self.inhibit_ipv4.get_untracked(),
            labels: pairs(&self.labels.get_untracked()),
            options: pairs(&self.options.get_untracked()),
            ..NetworkCreate::default()
        };
        let choice = Choice {
            internal: self.internal.get_untracked(),
            icc: self.icc.get_untracked(),
            masquerade: self.masquerade.get_untracked(),
            mode: self.mode.get_untracked(),
        };
        let usual = Choice { internal: choice.internal, icc: true, masquerade: true, mode: GatewayMode::Nat };
        Ok(if is_bridge { choice } else { usual }.write(create))
    }
}

/// Bridge or macvlan, and what a macvlan network shares.
#[component]
fn Kind(
    /// The form's.
    fields: Fields,
) -> impl IntoView {
    let kinds =
        [(Driver::Bridge, say::bridge(), say::bridge_note()), (Driver::Macvlan, say::macvlan(), say::macvlan_note())];
    let modes = MACVLAN_MODES.map(|mode| {
        let note = match mode {
            MacvlanMode::Bridge => say::mode_bridge(),
            MacvlanMode::Private => say::mode_private(),
            MacvlanMode::Vepa => say::mode_vepa(),
            MacvlanMode::Passthru => say::mode_passthru(),
        };
        (mode, mode.as_str(), note)
    });
    view! {
        <fieldset class="wide choices">
            <legend>{say::driver()}</legend>
            {kinds.map(|(driver, label, note)| view! {
                <label class="check">
                    <input
                        type="radio"
                        name="network-driver"
                        value=driver.as_str()
                        prop:checked=move || fields.driver.get() == driver
                        on:change=move |_| fields.driver.set(driver)
                    />
                    <span>{label}</span>
                    <small>{note}</small>
                </label>
            }).collect_view()}
        </fieldset>
        <Show when=move || fields.driver.get() == Driver::Macvlan>
            <Line id="network-parent" label=say::parent() note=say::parent_note() placeholder="eth0" value=fields.parent />
            <fieldset class="wide choices">
                <legend>{say::macvlan_mode()}</legend>
                {modes.map(|(mode, label, note)| view! {
                    <label class="check">
                        <input
                            type="radio"
                            name="macvlan-mode"
                            value=label
                            prop:checked=move || fields.macvlan_mode.get() == mode
                            on:change=move |_| fields.macvlan_mode.set(mode)
                        />
                        <span class="mono">{label}</span>
                        <small>{note}</small>
                    </label>
                }).collect_view()}
            </fieldset>
        </Show>
    }
}

/// How a bridge network meets the outside, and its containers one another.
#[component]
fn Outside(
    /// The form's.
    fields: Fields,
) -> impl IntoView {
    let Fields { internal, masquerade, mode, .. } = fields;
    let has_choice = Memo::new(move |_| can_masquerade(mode.get(), internal.get()));
    view! {
        <Tick id="network-icc" label=say::icc() note=say::icc_note() value=fields.icc />
        <label class="check wide">
            <input
                id="network-masquerade"
                type="checkbox"
                disabled=move || !has_choice.get()
                prop:checked=move || masquerade.get() && has_choice.get()
                on:change:target=move |event| masquerade.set(event.target().checked())
            />
            <span>{say::masquerade()}</span>
            <small>
                {move || match (internal.get(), has_choice.get()) {
                    (true, _) => say::masquerade_internal(),
                    (false, true) => say::masquerade_note(),
                    (false, false) => say::masquerade_none(),
                }}
            </small>
        </label>
        <fieldset class="wide choices">
            <legend>{say::mode()}</legend>
            {MODES.map(|offered| view! {
                <label class="check">
                    <input
                        type="radio"
                        name="gateway-mode"
                        value=offered.as_str()
                        disabled=move || !is_possible(offered, internal.get())
                        prop:checked=move || mode.get() == offered
                        on:change=move |_| mode.set(offered)
                    />
                    <span class="mono">{offered.as_str()}</span>
                    <small>
                        {explain(offered)}
                        {(!is_possible(offered, false)).then(|| format!(" {}", say::internal_only()))}
                    </small>
                </label>
            }).collect_view()}
        </fieldset>
    }
}

/// What is seldom asked for.
#[component]
fn More(
    /// The form's.
    fields: Fields,
) -> impl IntoView {
    let is_bridge = move || fields.driver.get() == Driver::Bridge;
    let no_six = Signal::derive(move || !fields.ipv6.get());
    view! {
        <div class="fields">
            <Line id="network-gateway6" label=say::gateway6() placeholder=say::gateway_first() value=fields.gateway6 disabled=no_six />
            <Line id="network-ip-range6" label=say::range6() placeholder=say::range_whole() value=fields.ip_range6 disabled=no_six />
            <Lines id="network-ranges" label=say::ranges() note=say::ranges_note() value=fields.ranges />
            <Lines id="network-reserved" label=say::reserved() note=say::reserved_note() value=fields.reserved />
            <Line id="network-mtu" label=say::mtu() note=say::mtu_note() placeholder="1500" value=fields.mtu />
            <Show when=is_bridge>
                <Line id="network-bridge" label=say::interface() note=say::interface_note() placeholder="br-demo" value=fields.bridge />
                <Tick id="network-inhibit" label=say::inhibit() note=say::inhibit_note() value=fields.inhibit_ipv4 />
            </Show>
            <Lines id="network-labels" label=say::labels() note=say::labels_note() value=fields.labels />
            <Lines id="network-options" label=say::options() note=say::options_note() value=fields.options />
        </div>
    }
}

/// The text without blanks around it; none when nothing is left.
pub fn filled(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}
