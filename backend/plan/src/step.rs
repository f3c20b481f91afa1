//! A step: plain data, one thing done to the kernel.

use crate::{element::Element, object::Object};
use serde::{Deserialize, Serialize};

/// One thing done to the kernel. Doing it twice is harmless, and so is undoing it twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Makes an object.
    Add {
        /// What is made.
        object: Object,
    },
    /// Removes an object, and with it what the kernel keeps in it.
    Remove {
        /// What is removed.
        object: Object,
        /// What goes with it, in the order in which it can be made again.
        takes: Vec<Object>,
    },
    /// Adds and removes elements of the tables' sets in one transaction.
    Elements {
        /// Elements that come.
        add: Vec<Element>,
        /// Elements that go.
        remove: Vec<Element>,
    },
    /// Sets a kernel setting.
    SetSysctl {
        /// Its dotted key.
        key: String,
        /// The value it had.
        from: String,
        /// The value it gets.
        to: String,
    },
}

impl Step {
    /// The steps that take this one back, in order.
    pub fn undo(&self) -> Vec<Step> {
        match self {
            Step::Add { object } => vec![Step::Remove { object: object.clone(), takes: Vec::new() }],
            Step::Remove { object, takes } => {
                let mut steps = vec![Step::Add { object: object.clone() }];
                let (elements, objects): (Vec<_>, Vec<_>) =
                    takes.iter().cloned().partition(|object| matches!(object, Object::Element(_)));
                steps.extend(objects.into_iter().map(|object| Step::Add { object }));
                let add: Vec<Element> = elements.into_iter().filter_map(Object::into_element).collect();
                if !add.is_empty() {
                    steps.push(Step::Elements { add, remove: Vec::new() });
                }
                steps
            }
            Step::Elements { add, remove } => vec![Step::Elements { add: remove.clone(), remove: add.clone() }],
            Step::SetSysctl { key, from, to } => {
                vec![Step::SetSysctl { key: key.clone(), from: to.clone(), to: from.clone() }]
            }
        }
    }
}
