//! What a thing is, as terms and what they stand for: the same list on pages and in the inspector. Gathered as data and drawn by
//! one function, since every list drawn on its own is code of its own in the bundle.

use crate::{
    app::app,
    components::time::Ago,
    gateway::{explain, modes, ways_out},
    i18n::inspector,
    text,
};
use drawbridge_api::{Network, NetworkId};
use leptos::prelude::*;
use std::borrow::Cow;

/// What a term stands for.
enum Value {
    /// Words.
    Words(String),
    /// What is typed into a shell or read from one.
    Code(String),
    /// The same, with what it means.
    Explained(String, &'static str),
    /// A moment, UTC milliseconds since 1970.
    Moment(i64),
}

/// Terms and what they stand for, in their order. What has nothing to say is left out.
#[derive(Default)]
pub struct Facts(Vec<(Cow<'static, str>, Value)>);

impl Facts {
    /// One that is told in words.
    pub fn words(self, term: impl Into<Cow<'static, str>>, value: impl Into<Option<String>>) -> Self {
        self.and(term.into(), value.into().filter(|value| !value.is_empty()).map(Value::Words))
    }

    /// One that is a name, an address, a number.
    pub fn code(self, term: impl Into<Cow<'static, str>>, value: impl Into<Option<String>>) -> Self {
        self.and(term.into(), value.into().filter(|value| !value.is_empty()).map(Value::Code))
    }

    /// When something was.
    pub fn moment(self, term: &'static str, ms: impl Into<Option<i64>>) -> Self {
        self.and(term.into(), ms.into().map(Value::Moment))
    }

    /// The ranges of a network, and how its packets leave and come in.
    pub fn roads(mut self, network: &Network) -> Self {
        for range in &network.subnets {
            self = self.code(inspector::subnet(), range.subnet.to_string());
            self = self.code(inspector::gateway(), range.gateway.to_string());
        }
        for (family, way) in ways_out(network) {
            self = self.words(inspector::way_out(&family), way);
        }
        for mode in modes(network) {
            self = self
                .and(inspector::gateway_mode().into(), Some(Value::Explained(mode.as_str().to_owned(), explain(mode))));
        }
        self
    }

    /// The list, with what changes by itself at its end.
    pub fn list(self, live: AnyView) -> AnyView {
        let rows = self.0.into_iter().map(|(term, value)| {
            let (class, value) = match value {
                Value::Words(text) => ("", text.into_any()),
                Value::Code(text) => ("mono", text.into_any()),
                Value::Explained(text, meaning) => {
                    ("", view! { <span class="mono">{text}</span> <div class="muted small">{meaning}</div> }.into_any())
                }
                Value::Moment(ms) => ("", view! { <Ago ms=Signal::stored(ms) /> }.into_any()),
            };
            view! {
                <dt>{term}</dt>
                <dd class=class>{value}</dd>
            }
        });
        view! { <dl>{rows.collect_view()} {live}</dl> }.into_any()
    }

    fn and(mut self, term: Cow<'static, str>, value: Option<Value>) -> Self {
        self.0.extend(value.map(|value| (term, value)));
        self
    }
}

/// What a network has forwarded, as it grows.
pub fn forwarded(id: NetworkId) -> AnyView {
    let traffic = app().follow_traffic();
    let counted = Memo::new(move |_| {
        traffic.with(|polled| {
            let report = polled.value.as_ref()?;
            let counted = report.networks.iter().find(|counted| counted.network == id)?;
            Some((counted.sent, counted.received))
        })
    });
    let rows = move || {
        counted.get().map(|(sent, received)| {
            view! {
                <dt>{inspector::sent()}</dt>
                <dd class="number" data-test="sent">{text::traffic(sent)}</dd>
                <dt>{inspector::received()}</dt>
                <dd class="number" data-test="received">{text::traffic(received)}</dd>
            }
        })
    };
    rows.into_any()
}
