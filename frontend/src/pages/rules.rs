//! The tables in the kernel as a person reads them: every element with its sentence, its counter and what it is there for.

use crate::{
    app::app,
    components::{
        code::Listing as TextListing,
        empty::Empty,
        listing::{Filter, SortChoice, View},
        rule::RuleRow,
    },
    i18n::{common, rules as texts, shell},
    listing::Listing,
    route::Route,
    rules::{self, Elements, Group, MISSING, Names},
    text,
};
use leptos::prelude::*;

/// As many rows of a group are drawn before a button is pressed.
const ROWS_AT_FIRST: usize = 100;

/// All elements in groups, and the constant tables that they stand in.
#[component]
pub fn RulesPage() -> impl IntoView {
    let app = app();
    let polled = app.follow_rules();
    let listing = Memo::new(move |_| match app.nav.route.get() {
        Route::Rules(listing) => listing,
        _ => Listing::default(),
    });
    let view = View { listing, go: Callback::new(move |listing| app.nav.replace(Route::Rules(listing))) };
    let names = app.memo(|live| Names::of(&live.networks, &live.containers));
    let elements = Memo::new(move |_| polled.with(|polled| polled.value.as_deref().map(rules::index)));
    let groups = Memo::new(move |_| {
        polled.with(|polled| {
            let rules = polled.value.as_deref()?;
            let listing = listing.get();
            Some(names.with(|names| rules::grouped(rules, names, &listing)))
        })
    });
    let is_known = Memo::new(move |_| polled.with(|polled| polled.value.is_some()));
    let failure = Memo::new(move |_| polled.with(|polled| polled.failure.as_ref().map(ToString::to_string)));
    let counts = Memo::new(move |_| {
        elements.with(|elements| {
            let elements = elements.as_ref()?;
            Some((elements.len(), elements.values().filter(|element| !element.there).count()))
        })
    });
    view! {
        <div class="page" data-test="rules">
            <div class="page-head">
                <h1>{shell::rules()}</h1>
                <p class="muted number" role="status">
                    {move || counts.get().map(|(all, _)| texts::elements(all))}
                </p>
                <Filter id="find-rules" label=texts::filter() view />
                <SortChoice columns=vec![("what", texts::what()), ("counted", texts::counted())] view />
            </div>
            <Show
                when=move || is_known.get()
                fallback=move || match failure.get() {
                    None => view! { <p class="waiting" role="status">{texts::reading()}</p> }.into_any(),
                    Some(failure) => view! {
                        <Empty title=texts::cannot_show()>
                            <p>{failure}</p>
                            <p class="muted">{texts::goes_on()}</p>
                        </Empty>
                    }.into_any(),
                }
            >
                <Warnings failure missing=Memo::new(move |_| counts.get().map_or(0, |(_, missing)| missing)) />
                <Groups groups elements names />
                <Tables />
            </Show>
        </div>
    }
}

/// What is not as it should be.
#[component]
fn Warnings(
    /// Why the last question was not answered.
    failure: Memo<Option<String>>,
    /// How many elements are wanted and not there.
    missing: Memo<usize>,
) -> impl IntoView {
    let polled = app().follow_rules();
    let is_intact = Memo::new(move |_| polled.with(|polled| polled.value.as_ref().is_none_or(|rules| rules.intact)));
    view! {
        <div class="warnings" aria-live="polite">
            {move || failure.get().map(|failure| view! {
                <p class="warning">{shell::out_of_date()} " " {failure}</p>
            })}
            <Show when=move || !is_intact.get()>
                <p class="refusal" data-test="not-intact">
                    <strong>{texts::not_intact()}</strong>
                    " "
                    {texts::not_intact_note()}
                </p>
            </Show>
            <Show when=move || missing.get() != 0>
                <p class="refusal" data-test="missing">
                    <strong>
                        {move || texts::missing(missing.get())}
                    </strong>
                    " "
                    {texts::about_to_repair()}
                    " "
                    <a href=Route::Rules(Listing::find(MISSING)).href()>{texts::only_these()}</a>
                </p>
            </Show>
        </div>
    }
}

type Grouped = std::collections::BTreeMap<Group, Vec<String>>;

#[component]
fn Groups(
    /// The ids of what is shown, by group.
    groups: Memo<Option<Grouped>>,
    /// All elements.
    elements: Memo<Option<Elements>>,
    /// The names of what elements are there for.
    names: Memo<Names>,
) -> impl IntoView {
    let shown = Memo::new(move |_| {
        groups
            .with(|groups| groups.as_ref().map(|groups| groups.keys().copied().collect::<Vec<_>>()).unwrap_or_default())
    });
    let is_any = Memo::new(move |_| elements.with(|elements| elements.as_ref().is_some_and(|all| !all.is_empty())));
    view! {
        <For each=move || shown.get() key=|group| *group let(group)>
            <Section group groups elements names />
        </For>
        <Show when=move || shown.with(Vec::is_empty)>
            <Show
                when=move || is_any.get()
                fallback=|| view! {
                    <Empty title=texts::none_yet()>
                        <p>{texts::none_note()}</p>
                    </Empty>
                }
            >
                <p class="no-match" role="status">{texts::no_match()} " " <a href="/rules">{common::show_all()}</a></p>
            </Show>
        </Show>
    }
}

#[component]
fn Section(
    /// Which group.
    group: Group,
    /// The ids of what is shown, by group.
    groups: Memo<Option<Grouped>>,
    /// All elements.
    elements: Memo<Option<Elements>>,
    /// The names of what elements are there for.
    names: Memo<Names>,
) -> impl IntoView {
    let ids = Memo::new(move |_| {
        groups.with(|groups| groups.as_ref().and_then(|groups| groups.get(&group).cloned()).unwrap_or_default())
    });
    let is_whole = RwSignal::new(false);
    let drawn = move || {
        let mut ids = ids.get();
        if !is_whole.get() {
            ids.truncate(ROWS_AT_FIRST);
        }
        ids
    };
    let count = Memo::new(move |_| ids.with(Vec::len));
    let is_cut = Memo::new(move |_| !is_whole.get() && count.get() > ROWS_AT_FIRST);
    view! {
        <section class="rule-group" data-group=group.title()>
            <h2>
                {group.title()}
                <span class="tag number">{move || text::number(count.get() as u64)}</span>
            </h2>
            <p class="muted">{group.note()}</p>
            <div class="table" role="region" aria-label=group.title() tabindex="0">
                <table class="rule-table">
                    <thead>
                        <tr>
                            <th>{texts::what()}</th>
                            <th>{texts::there_for()}</th>
                            <th class="end">{texts::counted()}</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=drawn key=|id| id.clone() let(id)>
                            <RuleRow id elements names />
                        </For>
                    </tbody>
                </table>
            </div>
            <Show when=move || is_cut.get()>
                <button class="button wide" data-test="all-rows" on:click=move |_| is_whole.set(true)>
                    {move || texts::show_all_of(&text::number(count.get() as u64))}
                </button>
            </Show>
        </section>
    }
}

/// The constant tables in nft's own language.
#[component]
fn Tables() -> impl IntoView {
    let polled = app().follow_rules();
    let tables = Memo::new(move |_| {
        polled.with(|polled| polled.value.as_ref().map(|rules| rules.tables.clone()).unwrap_or_default())
    });
    view! {
        <details class="fold rule-tables" data-test="tables">
            <summary>{texts::tables()}</summary>
            <p class="muted">
                {texts::tables_note()}
                " "
                <code>"nft list table inet drawbridge"</code>
            </p>
            {move || view! { <TextListing text=tables.get() /> }}
        </details>
    }
}
