//! Answers that many handlers give, as the description of the API has them.

use drawbridge_api::{Container, Plan, Progress, Refusal};
use std::collections::BTreeMap;
use utoipa::{
    IntoResponses, PartialSchema, ToSchema,
    openapi::{Content, OneOf, Ref, RefOr, Response, ResponseBuilder, Schema},
};

/// Every refusal: a status that says what kind it is, and a sentence.
pub(super) enum Refused {}

impl IntoResponses for Refused {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answer("default", "Refused, with a sentence that says why", Refusal::name().as_ref())
    }
}

/// The plan of a change that was only asked about.
pub(super) enum Planned {}

impl IntoResponses for Planned {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        answer("200", "What would be done, where a preview was asked for", Plan::name().as_ref())
    }
}

/// The reports of something that takes long.
pub(super) enum Reported {}

impl IntoResponses for Reported {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let description = "Reports as they come, one on a line; the last is `done` or `failed`";
        described("200", description, "application/x-ndjson", Progress::name().as_ref())
    }
}

fn answer(status: &str, description: &str, schema: &str) -> BTreeMap<String, RefOr<Response>> {
    described(status, description, "application/json", schema)
}

fn described(status: &str, description: &str, kind: &str, schema: &str) -> BTreeMap<String, RefOr<Response>> {
    let content = Content::new(Some(Ref::from_schema_name(schema)));
    let answer = ResponseBuilder::new().description(description).content(kind, content).build();
    BTreeMap::from([(status.to_owned(), answer.into())])
}

/// A container, or the plan of what was only asked about.
pub(super) enum ContainerOrPlan {}

impl PartialSchema for ContainerOrPlan {
    fn schema() -> RefOr<Schema> {
        let mut either = OneOf::new();
        for name in [Container::name(), Plan::name()] {
            either.items.push(Ref::from_schema_name(name).into());
        }
        Schema::OneOf(either).into()
    }
}

impl ToSchema for ContainerOrPlan {}
