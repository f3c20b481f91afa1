//! The rows of a form in which ports are published: one row is what one `-p` says.

use crate::i18n::forms as texts;
use crate::ports::{Field, Problem, Row, publishes, requests};
use drawbridge_api::{PortRequest, Protocol};
use leptos::{html, prelude::*};

/// The rows as they are typed. A handle; copies are the same.
#[derive(Clone, Copy)]
pub struct PortRows {
    /// Each with a number of its own, so that a row keeps the focus when another goes.
    rows: RwSignal<Vec<(u32, ArcRwSignal<Row>)>>,
    next: StoredValue<u32>,
}

impl PortRows {
    /// Rows for what is asked for already, ranges as one.
    pub fn begin(asked: &[PortRequest]) -> Self {
        let rows = Self { rows: RwSignal::new(Vec::new()), next: StoredValue::new(0) };
        for publish in publishes(asked) {
            rows.add(publish.into());
        }
        rows
    }

    /// What all rows ask for.
    ///
    /// # Errors
    /// What is wrong, and in which row.
    pub fn read(self) -> Result<Vec<PortRequest>, String> {
        let rows: Vec<Row> = self.rows.with_untracked(|rows| rows.iter().map(|(_, row)| row.get_untracked()).collect());
        requests(&rows).map_err(|(index, problem)| texts::port_problem(&(index + 1), &problem.text))
    }

    /// Gives back the new row's number.
    fn add(self, row: Row) -> u32 {
        let number = self.next.get_value();
        self.next.set_value(number + 1);
        self.rows.update(|rows| rows.push((number, ArcRwSignal::new(row))));
        number
    }
}

/// The rows, with buttons that add and remove one.
#[component]
pub fn PortFields(
    /// The rows.
    rows: PortRows,
    /// Called when a row was added or removed; what is typed reaches the form as `input` events.
    on_change: Callback<()>,
    /// What stands in place of rows, while there are none.
    #[prop(into)]
    none: Signal<&'static str>,
) -> impl IntoView {
    // The row whose first field takes the focus once it is drawn.
    let fresh = StoredValue::new(None::<u32>);
    let add_button = NodeRef::<html::Button>::new();
    let add = move |_| {
        fresh.set_value(Some(rows.add(Row::default())));
        on_change.run(());
    };
    let remove = Callback::new(move |number: u32| {
        rows.rows.update(|rows| rows.retain(|(kept, _)| *kept != number));
        on_change.run(());
        // The button that was pressed is gone; the focus must not fall out of the dialog.
        if let Some(button) = add_button.get_untracked() {
            let _ = button.focus();
        }
    });
    let is_empty = move || rows.rows.with(Vec::is_empty);
    view! {
        <fieldset class="port-rows wide" data-test="ports-form">
            <legend>{texts::published()}</legend>
            <Show when=is_empty>
                <p class="muted small">{move || none.get()}</p>
            </Show>
            <For each=move || rows.rows.get() key=|(number, _)| *number let((number, row))>
                <PortRow
                    row=RwSignal::from(row)
                    place=Signal::derive(move || {
                        rows.rows.with(|rows| rows.iter().position(|(kept, _)| *kept == number).unwrap_or(0))
                    })
                    takes_focus=fresh.get_value() == Some(number)
                    on_remove=Callback::new(move |()| remove.run(number))
                />
            </For>
            <button type="button" class="button small" data-test="add-port" node_ref=add_button on:click=add>
                {texts::add_port()}
            </button>
        </fieldset>
    }
}

#[component]
fn PortRow(
    /// What is typed.
    row: RwSignal<Row>,
    /// Which row it is, from 0.
    place: Signal<usize>,
    /// Whether its first field takes the focus when it is drawn.
    takes_focus: bool,
    /// Called by the remove button.
    on_remove: Callback<()>,
) -> impl IntoView {
    let read = Memo::new(move |_| row.with(|row| (!row.is_blank()).then(|| row.parse())));
    let wrong = move |field: Field| {
        let is_wrong = read.with(|read| matches!(read, Some(Err(problem)) if problem.field == field));
        // While it is still empty, it is only not typed yet.
        (is_wrong && !(field == Field::Container && row.with(|row| row.container.trim().is_empty()))).then_some("true")
    };
    let first = NodeRef::<html::Input>::new();
    if takes_focus {
        first.on_load(|input| {
            request_animation_frame(move || {
                // Somebody may have gone on to another field.
                if document().active_element().is_none_or(|focused| focused.tag_name() != "INPUT") {
                    let _ = input.focus();
                }
            });
        });
    }
    let words_id = move || format!("port-words-{}", place.get());
    view! {
        <fieldset class="port-row" data-test="port-row">
            <legend class="hidden">{move || texts::port_n(&(place.get() + 1))}</legend>
            <label class="field">
                <span>{texts::host_address()}</span>
                <input
                    name="port-address"
                    class="mono"
                    spellcheck="false"
                    placeholder=texts::all()
                    node_ref=first
                    aria-invalid=move || wrong(Field::Address)
                    aria-describedby=words_id
                    prop:value=move || row.with(|row| row.address.clone())
                    on:input:target=move |event| row.update(|row| row.address = event.target().value())
                />
            </label>
            <label class="field">
                <span>{texts::host_port()}</span>
                <input
                    name="port-host"
                    class="mono"
                    data-test="host-port"
                    spellcheck="false"
                    placeholder=texts::any_free()
                    aria-invalid=move || wrong(Field::Host)
                    aria-describedby=words_id
                    prop:value=move || row.with(|row| row.host.clone())
                    on:input:target=move |event| row.update(|row| row.host = event.target().value())
                />
            </label>
            <label class="field">
                <span>{texts::container_port()}</span>
                <input
                    name="port-container"
                    class="mono"
                    data-test="container-port"
                    spellcheck="false"
                    placeholder="80"
                    aria-invalid=move || wrong(Field::Container)
                    aria-describedby=words_id
                    prop:value=move || row.with(|row| row.container.clone())
                    on:input:target=move |event| row.update(|row| row.container = event.target().value())
                />
            </label>
            <label class="field">
                <span>{texts::protocol()}</span>
                <select
                    name="port-protocol"
                    on:change:target=move |event| {
                        if let Ok(protocol) = event.target().value().parse() {
                            row.update(|row| row.protocol = protocol);
                        }
                    }
                >
                    {[Protocol::Tcp, Protocol::Udp, Protocol::Sctp].map(|protocol| view! {
                        <option
                            value=protocol.as_str()
                            selected=row.with_untracked(|row| row.protocol) == protocol
                        >
                            {protocol.as_str()}
                        </option>
                    }).collect_view()}
                </select>
            </label>
            <button
                type="button"
                class="icon"
                data-test="remove-port"
                aria-label=move || texts::remove_port(&(place.get() + 1))
                on:click=move |_| on_remove.run(())
            >
                "✕"
            </button>
            <p class="port-words" id=words_id aria-live="polite">
                {move || match read.get() {
                    None => None,
                    Some(Ok(publish)) => Some(view! {
                        <span class="muted">"docker run "</span>
                        <code data-test="port-words">{format!("-p {publish}")}</code>
                    }.into_any()),
                    Some(Err(Problem { field: Field::Container, text })) if wrong(Field::Container).is_none() => {
                        Some(view! { <span class="muted">{text}</span> }.into_any())
                    }
                    Some(Err(problem)) => Some(view! { <span class="bad">{problem.text}</span> }.into_any()),
                }}
            </p>
        </fieldset>
    }
}
