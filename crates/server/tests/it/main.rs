//! The REST API over real connections: a server in this process, a small client, no mocks.
#![expect(
    clippy::unwrap_used,
    reason = "in a test, what does not hold ends the test"
)]

mod access;
mod aliases;
mod api_keys;
mod async_queries;
mod bad_input;
mod client;
mod collections;
mod description;
mod documents;
mod events;
mod faults;
mod folder;
mod insert;
mod integrations;
mod limits;
mod logs;
mod operation;
mod operations;
mod organization;
mod paths;
mod privileges;
mod queries;
mod query_lambdas;
mod query_pages;
mod receivers;
mod restart;
mod retention;
mod rights;
mod roles;
mod rollup_equals_query;
mod rollups;
mod scheduled_lambdas;
mod shape;
mod sources;
mod tls;
mod transformation_equals_query;
mod transformations;
mod uploads;
mod users;
mod views;
mod virtual_instance_queues;
mod virtual_instances;
mod workspaces;

pub(crate) use client::{Answer, Rig};
