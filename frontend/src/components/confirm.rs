//! Start, stop and remove: the plan first, then the button.

use crate::{
    app::{Dialog, app},
    ask::Ask,
    components::{
        modal::Modal,
        proposal::{Buttons, Planned, Proposal},
    },
};
use leptos::prelude::*;

/// The dialog that is open while a change waits for a yes.
#[component]
pub fn Confirm(
    /// What is asked.
    ask: Ask,
) -> impl IntoView {
    let app = app();
    let proposal = Proposal::begin();
    proposal.preview(ask.clone());
    let close = Callback::new(move |()| app.dialog.set(Dialog::Closed));
    let words = (ask.button(), ask.busy());
    view! {
        <Modal id="confirm" title=ask.title() on_close=close>
            <div class="dialog-body">
                {ask.warning().map(|warning| view! { <p class="warning">{warning}</p> })}
                <Planned proposal />
            </div>
            <Buttons
                proposal
                words=Signal::stored(words)
                destructive=ask.is_destructive()
                on_cancel=close
                on_preview=Callback::new(move |()| proposal.preview(ask.clone()))
            />
        </Modal>
    }
}
