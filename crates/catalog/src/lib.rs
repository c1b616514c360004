//! What exists: the organisation, its workspaces, collections, users and API keys.
//!
//! The whole state is one JSON object, kept as storage's numbered object `catalog/<n>`: the newest
//! number counts, every change writes the next one. Readers see it through an atomic pointer and
//! never wait; changes take turns.
//!
//! * [`Catalog`]: open it, read it; start here
//! * [`collection`]: what is known of a collection, and its handle into storage
//! * `life_cycle`: how collections come and go, and how a start finishes what a crash left half done
//! * [`alias`] and [`stored_view`]: what else queries may name; `namespace`: the names that all share
//! * [`query_lambda`]: queries that are kept, version by version
//! * [`scheduled_lambda`] and [`schedule`]: which of them run by themselves, and how that went
//! * [`virtual_instance`]: what queries run on
//! * [`integration`] and [`source`]: where documents come from; [`sealing`]: their secrets at rest
//! * [`user`], [`role`] and [`api_key`]: who may do what; [`privilege`] and [`rights`]: how that is decided
//!
//! Functions that change something write to disk and block: call them off the async threads.
//! Nothing here knows HTTP or SQL.

pub mod alias;
pub mod api_key;
mod catalog;
pub mod collection;
pub mod error;
mod history;
pub mod integration;
mod life_cycle;
mod name;
mod namespace;
pub mod organization;
pub mod privilege;
pub mod query_lambda;
mod random;
pub mod rights;
pub mod role;
pub mod schedule;
pub mod scheduled_lambda;
pub mod sealing;
mod series;
pub mod source;
mod state;
pub mod stored_view;
pub mod user;
pub mod virtual_instance;
pub mod workspace;

pub use alias::{AliasRecord, CollectionName, Creator, Definer};
pub use api_key::{ApiKey, CreateApiKey, KeyState, NewApiKey};
pub use catalog::Catalog;
pub use collection::{
    CollectionEntry, CollectionRecord, CollectionSettings, CollectionStatus, Compression, EVENTS,
    TransformationErrors,
};
pub use error::{CatalogError, Dependant, ObjectKind};
pub use integration::{IntegrationRecord, NewIntegration};
pub use organization::Organization;
pub use privilege::{ALL, Action, Family, Privilege};
pub use query_lambda::{
    LambdaParameter, LambdaQuery, NewLambdaVersion, QueryLambdaRecord, QueryLambdaTag,
    QueryLambdaVersion,
};
pub use rights::Rights;
pub use role::{BuiltInRole, RoleRecord};
pub use schedule::{RunState, RunStatus, ScheduleRuns};
pub use scheduled_lambda::{
    LambdaTarget, NewScheduledLambda, ScheduleOptions, ScheduledLambdaRecord,
};
pub use sealing::Sealing;
pub use source::SourceRecord;
pub use stored_view::{ViewQuery, ViewRecord};
pub use user::{NewUser, UserRecord};
pub use virtual_instance::{
    AutoScaling, InstanceSettings, InstanceSize, MountRecord, VirtualInstanceRecord,
};
pub use workspace::{COMMONS, Workspace, WorkspaceRecord};
