//! Scheduled query lambdas: query lambdas that run by themselves. How their runs went is in [`crate::schedule`].

use serde::{Deserialize, Serialize};

use crate::alias::Creator;
use crate::catalog::Catalog;
use crate::error::{CatalogError, Dependant, ObjectKind};
use crate::namespace;
use crate::query_lambda;
use crate::random;
use crate::state::State;

/// A scheduled query lambda as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledLambdaRecord {
    /// UUID.
    pub id: String,
    /// Workspace of the query lambda.
    pub workspace: String,
    /// Its name.
    pub lambda: String,
    /// What of it runs.
    pub target: LambdaTarget,
    /// When it runs: a cron expression, which is not checked here.
    pub cron: String,
    /// The [hash](crate::ApiKey::hash) of the key that it runs with.
    pub key_hash: String,
    /// After that many executions it runs no more; none for no end.
    pub executions_max: Option<u64>,
    /// Where to send what came out.
    pub webhook_url: Option<String>,
    /// What to send there, with placeholders.
    pub webhook_payload: Option<String>,
    /// The `Authorization` header for that, sealed.
    pub webhook_auth_header: Option<String>,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator.
    pub created_by: String,
}

/// What of a query lambda runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LambdaTarget {
    /// The version that the tag names then.
    Tag(String),
    /// This version.
    Version(String),
}

/// What the creator of a scheduled query lambda chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewScheduledLambda {
    /// See [`ScheduledLambdaRecord::workspace`].
    pub workspace: String,
    /// See [`ScheduledLambdaRecord::lambda`].
    pub lambda: String,
    /// See [`ScheduledLambdaRecord::target`].
    pub target: LambdaTarget,
    /// See [`ScheduledLambdaRecord::cron`].
    pub cron: String,
    /// What can be changed later.
    pub options: ScheduleOptions,
}

/// What can be changed of a scheduled query lambda; what is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScheduleOptions {
    /// See [`ScheduledLambdaRecord::key_hash`]; required for a new one.
    pub key_hash: Option<String>,
    /// See [`ScheduledLambdaRecord::executions_max`].
    pub executions_max: Option<u64>,
    /// See [`ScheduledLambdaRecord::webhook_url`].
    pub webhook_url: Option<String>,
    /// See [`ScheduledLambdaRecord::webhook_payload`].
    pub webhook_payload: Option<String>,
    /// The header itself; it is sealed before it is kept.
    pub webhook_auth_header: Option<String>,
}

impl Catalog {
    /// Lets a query lambda run by itself. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], [`CatalogError::TagMissing`], and those of storage.
    pub fn create_scheduled_lambda(
        &self,
        new: NewScheduledLambda,
        creator: Creator,
    ) -> Result<ScheduledLambdaRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        check_target(&state, &new)?;
        let mut record = ScheduledLambdaRecord {
            id: random::uuid(self.random()),
            workspace: new.workspace,
            lambda: new.lambda,
            target: new.target,
            cron: new.cron,
            key_hash: String::new(),
            executions_max: None,
            webhook_url: None,
            webhook_payload: None,
            webhook_auth_header: None,
            created_at_micros: self.now_micros(),
            created_by: creator.email,
        };
        self.apply(new.options, &mut record);
        state.scheduled_lambdas.push(record.clone());
        changes.commit(state)?;
        Ok(record)
    }

    /// Changes a scheduled query lambda and returns what it is now. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::ScheduledLambdaMissing`], and those of storage.
    pub fn update_scheduled_lambda(
        &self,
        workspace: &str,
        id: &str,
        options: ScheduleOptions,
    ) -> Result<ScheduledLambdaRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, workspace, id)?;
        self.apply(options, &mut state.scheduled_lambdas[place]);
        let record = state.scheduled_lambdas[place].clone();
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes a scheduled query lambda and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::ScheduledLambdaMissing`], and those of storage.
    pub fn delete_scheduled_lambda(
        &self,
        workspace: &str,
        id: &str,
    ) -> Result<ScheduledLambdaRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = place(&state, workspace, id)?;
        let record = state.scheduled_lambdas.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// The scheduled query lambda of this id.
    ///
    /// # Errors
    /// [`CatalogError::ScheduledLambdaMissing`].
    pub fn scheduled_lambda(
        &self,
        workspace: &str,
        id: &str,
    ) -> Result<ScheduledLambdaRecord, CatalogError> {
        let view = self.view();
        let place = place(&view.state, workspace, id)?;
        Ok(view.state.scheduled_lambdas[place].clone())
    }

    /// The scheduled query lambdas of all workspaces, the oldest first.
    pub fn scheduled_lambdas(&self) -> Vec<ScheduledLambdaRecord> {
        self.view().state.scheduled_lambdas.clone()
    }

    /// The `Authorization` header that goes with the webhook.
    pub fn webhook_auth_header(&self, record: &ScheduledLambdaRecord) -> Option<String> {
        let sealed = record.webhook_auth_header.as_deref()?;
        self.sealing.open_text(&sealed_for(record), sealed)
    }

    fn apply(&self, options: ScheduleOptions, record: &mut ScheduledLambdaRecord) {
        let ScheduleOptions {
            key_hash,
            executions_max,
            webhook_url,
            webhook_payload,
            webhook_auth_header,
        } = options;
        if let Some(key_hash) = key_hash {
            record.key_hash = key_hash;
        }
        record.executions_max = executions_max.or(record.executions_max);
        record.webhook_url = webhook_url.or(record.webhook_url.take());
        record.webhook_payload = webhook_payload.or(record.webhook_payload.take());
        if let Some(header) = webhook_auth_header {
            let sealed = self
                .sealing
                .seal(self.random(), &sealed_for(record), &header);
            record.webhook_auth_header = Some(sealed);
        }
    }
}

/// What the header of a webhook is sealed for.
fn sealed_for(record: &ScheduledLambdaRecord) -> String {
    format!("scheduled-lambda/{}", record.id)
}

fn place(state: &State, workspace: &str, id: &str) -> Result<usize, CatalogError> {
    let mut records = state.scheduled_lambdas.iter();
    let place = records.position(|record| record.workspace == workspace && record.id == id);
    place.ok_or_else(|| CatalogError::ScheduledLambdaMissing {
        workspace: workspace.to_owned(),
        id: id.to_owned(),
    })
}

fn check_target(state: &State, new: &NewScheduledLambda) -> Result<(), CatalogError> {
    let place = namespace::place(&state.query_lambdas, &new.workspace, &new.lambda);
    let place = place.map_err(|_| query_lambda::missing(&new.workspace, &new.lambda, None))?;
    let lambda = &state.query_lambdas[place];
    match &new.target {
        LambdaTarget::Tag(tag) => lambda.tagged(tag)?,
        LambdaTarget::Version(version) => lambda.version(version)?,
    };
    Ok(())
}

/// Checks that no schedule needs what is to be deleted: all of a query lambda, or one target of it.
///
/// # Errors
/// [`CatalogError::InUse`].
pub(crate) fn check_unscheduled(
    state: &State,
    workspace: &str,
    lambda: &str,
    target: Option<&LambdaTarget>,
) -> Result<(), CatalogError> {
    let users = state.scheduled_lambdas.iter().filter(|record| {
        record.workspace == workspace
            && record.lambda == lambda
            && target.is_none_or(|target| record.target == *target)
    });
    let users: Vec<Dependant> = users
        .map(|record| Dependant::in_workspace("scheduled query lambda", workspace, &record.id))
        .collect();
    if users.is_empty() {
        return Ok(());
    }
    let (kind, name) = match target {
        None => (ObjectKind::QueryLambda, format!("{workspace}.{lambda}")),
        Some(LambdaTarget::Tag(tag)) => (ObjectKind::Tag, tag.clone()),
        Some(LambdaTarget::Version(version)) => (ObjectKind::LambdaVersion, version.clone()),
    };
    Err(CatalogError::InUse { kind, name, users })
}
