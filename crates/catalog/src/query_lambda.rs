//! Query lambdas: queries that are kept under a name, version by version, with tags that name versions.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::alias::{Creator, Definer};
use crate::catalog::Catalog;
use crate::error::{CatalogError, ObjectKind};
use crate::name;
use crate::namespace::{self, InWorkspace};
use crate::random;
use crate::scheduled_lambda::{LambdaTarget, check_unscheduled};
use crate::state::State;

/// The tag of the version that was written last.
pub const LATEST: &str = "latest";

/// Bytes of the hash that names a version.
const VERSION_BYTES: usize = 8;

/// Random characters of the id under which a public version is executed.
const PUBLIC_ID_CHARACTERS: usize = 32;

/// A query lambda as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLambdaRecord {
    /// Its workspace.
    pub workspace: String,
    /// Its name, unique among the query lambdas of the workspace.
    pub name: String,
    /// Its versions, one at least, in the order of their making.
    pub versions: Vec<QueryLambdaVersion>,
    /// The version that was written last, which another of the same content may have been before.
    pub latest: String,
    /// Further names of versions, by name.
    pub tags: Vec<QueryLambdaTag>,
    /// When a version was written last; microseconds since 1970.
    pub modified_at_micros: i64,
    /// E-mail of who did so.
    pub modified_by: String,
}

/// A version of a query lambda, whose text never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLambdaVersion {
    /// 16 hex digits, a hash of path and content.
    pub version: String,
    /// What it does.
    pub query: LambdaQuery,
    /// The id under which anybody may execute it, without a key.
    pub public_access_id: Option<String>,
    /// Microseconds since 1970.
    pub created_at_micros: i64,
    /// E-mail of the creator.
    pub created_by: String,
    /// Name of the key that created it.
    pub created_by_key: String,
    /// Who wrote it last.
    pub definer: Definer,
}

/// What a version of a query lambda does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LambdaQuery {
    /// Free text.
    pub description: Option<String>,
    /// Its text.
    pub sql: String,
    /// Values of parameters that the caller does not give, in the order that they were given in.
    pub default_parameters: Vec<LambdaParameter>,
    /// Full names of the collections, aliases and views that the text names; none if it cannot be run.
    pub entities: Vec<String>,
    /// Whether it could be run when it was written.
    pub is_valid: bool,
}

/// The default value of a parameter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LambdaParameter {
    /// Without the colon.
    pub name: String,
    /// A SQL type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Text, or any JSON.
    pub value: Value,
}

/// A name of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryLambdaTag {
    /// The tag.
    pub name: String,
    /// The version that it names.
    pub version: String,
}

impl QueryLambdaRecord {
    /// `workspace.name`.
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.workspace, self.name)
    }

    /// The version called so.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`].
    pub fn version(&self, version: &str) -> Result<&QueryLambdaVersion, CatalogError> {
        let mut versions = self.versions.iter();
        let found = versions.find(|candidate| candidate.version == version);
        found.ok_or_else(|| missing(&self.workspace, &self.name, Some(version)))
    }

    /// The version that a tag names, [`LATEST`] included.
    ///
    /// # Errors
    /// [`CatalogError::TagMissing`].
    pub fn tagged(&self, tag: &str) -> Result<&QueryLambdaVersion, CatalogError> {
        let named = self.tags().find(|candidate| candidate.name == tag);
        let named = named.ok_or_else(|| CatalogError::TagMissing {
            lambda: self.full_name(),
            tag: tag.to_owned(),
        })?;
        self.version(&named.version)
    }

    /// The tags, [`LATEST`] first.
    pub fn tags(&self) -> impl Iterator<Item = QueryLambdaTag> + '_ {
        let latest = QueryLambdaTag {
            name: LATEST.to_owned(),
            version: self.latest.clone(),
        };
        std::iter::once(latest).chain(self.tags.iter().cloned())
    }
}

impl InWorkspace for QueryLambdaRecord {
    fn workspace(&self) -> &str {
        &self.workspace
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// A version that is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLambdaVersion {
    /// Workspace of the query lambda.
    pub workspace: String,
    /// Its name.
    pub name: String,
    /// See [`QueryLambdaVersion::query`].
    pub query: LambdaQuery,
    /// Whether anybody may execute it.
    pub is_public: bool,
    /// Who makes it.
    pub creator: Creator,
}

impl NewLambdaVersion {
    /// Its name: a function of path and content, so that the same query has the same everywhere.
    fn version(&self) -> String {
        let content = serde_json::json!([
            self.workspace,
            self.name,
            self.query.description,
            self.query.sql,
            self.query.default_parameters,
        ]);
        let hash = Sha256::digest(content.to_string().as_bytes());
        random::hex(&hash[..VERSION_BYTES])
    }
}

impl Catalog {
    /// Makes a query lambda with its first version. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::BadName`], [`CatalogError::WorkspaceMissing`], [`CatalogError::AlreadyExists`],
    /// and those of storage.
    pub fn create_query_lambda(
        &self,
        new: NewLambdaVersion,
    ) -> Result<(QueryLambdaRecord, QueryLambdaVersion), CatalogError> {
        name::check(ObjectKind::QueryLambda, &new.name)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        namespace::check_workspace(&state, &new.workspace)?;
        if namespace::place(&state.query_lambdas, &new.workspace, &new.name).is_ok() {
            return Err(CatalogError::AlreadyExists {
                kind: ObjectKind::QueryLambda,
                name: new.name,
            });
        }
        let version = self.new_version(&new);
        let record = QueryLambdaRecord {
            workspace: new.workspace,
            name: new.name,
            latest: version.version.clone(),
            versions: vec![version.clone()],
            tags: Vec::new(),
            modified_at_micros: version.created_at_micros,
            modified_by: new.creator.email,
        };
        namespace::insert(&mut state.query_lambdas, record.clone());
        changes.commit(state)?;
        Ok((record, version))
    }

    /// Gives a query lambda another version, which becomes the latest. One of the same content is not made twice.
    /// Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], and those of storage.
    pub fn add_query_lambda_version(
        &self,
        new: NewLambdaVersion,
    ) -> Result<(QueryLambdaRecord, QueryLambdaVersion), CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let record = find(&mut state, &new.workspace, &new.name)?;
        let name = new.version();
        let mut versions = record.versions.iter_mut();
        let version = match versions.find(|version| version.version == name) {
            Some(version) => {
                // What the query names may have come or gone since.
                version.query = new.query.clone();
                version.definer = Definer::from(&new.creator);
                version.public_access_id = match new.is_public {
                    true => Some(
                        version
                            .public_access_id
                            .take()
                            .unwrap_or_else(|| self.public_id()),
                    ),
                    false => None,
                };
                version.clone()
            }
            None => {
                let version = self.new_version(&new);
                record.versions.push(version.clone());
                version
            }
        };
        record.latest = name;
        record.modified_at_micros = self.now_micros();
        record.modified_by = new.creator.email;
        let record = record.clone();
        changes.commit(state)?;
        Ok((record, version))
    }

    /// Removes a query lambda with all versions, and returns what it was. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], [`CatalogError::InUse`] if it is scheduled, and those of storage.
    pub fn delete_query_lambda(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<QueryLambdaRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let place = namespace::place(&state.query_lambdas, workspace, name);
        let place = place.map_err(|_| missing(workspace, name, None))?;
        check_unscheduled(&state, workspace, name, None)?;
        let record = state.query_lambdas.remove(place);
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes a version with its tags, and returns it with what the query lambda was before. The newest of
    /// those that are left becomes the latest; with the last one the query lambda goes. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], [`CatalogError::InUse`] if it or a tag of it is scheduled, and those of storage.
    pub fn delete_query_lambda_version(
        &self,
        workspace: &str,
        name: &str,
        version: &str,
    ) -> Result<(QueryLambdaRecord, QueryLambdaVersion), CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let before = find(&mut state, workspace, name)?.clone();
        let removed = before.version(version)?.clone();
        if before.versions.len() == 1 {
            check_unscheduled(&state, workspace, name, None)?;
        }
        let tags = before.tags.iter().filter(|tag| tag.version == version);
        let tags = tags.map(|tag| LambdaTarget::Tag(tag.name.clone()));
        let version_target = LambdaTarget::Version(version.to_owned());
        for target in tags.chain([version_target]) {
            check_unscheduled(&state, workspace, name, Some(&target))?;
        }
        let record = find(&mut state, workspace, name)?;
        record.versions.retain(|one| one.version != version);
        record.tags.retain(|tag| tag.version != version);
        match record.versions.last() {
            None => {
                let place = namespace::place(&state.query_lambdas, workspace, name);
                state
                    .query_lambdas
                    .remove(place.expect("it was found above"));
            }
            Some(newest) if record.latest == version => record.latest = newest.version.clone(),
            Some(_) => {}
        }
        changes.commit(state)?;
        Ok((before, removed))
    }

    /// Makes a tag, or lets it name another version. Blocks until it is durable.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], [`CatalogError::BadName`], [`CatalogError::TagReserved`] for [`LATEST`],
    /// and those of storage.
    pub fn tag_query_lambda(
        &self,
        workspace: &str,
        name: &str,
        tag: &str,
        version: &str,
    ) -> Result<QueryLambdaRecord, CatalogError> {
        check_tag(tag)?;
        let mut changes = self.changes();
        let mut state = changes.state();
        let record = find(&mut state, workspace, name)?;
        record.version(version)?;
        let new = QueryLambdaTag {
            name: tag.to_owned(),
            version: version.to_owned(),
        };
        match record
            .tags
            .binary_search_by(|one| one.name.as_str().cmp(tag))
        {
            Ok(place) => record.tags[place] = new,
            Err(place) => record.tags.insert(place, new),
        }
        let record = record.clone();
        changes.commit(state)?;
        Ok(record)
    }

    /// Removes a tag, and returns the query lambda as it was before. Blocks until that is durable.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], [`CatalogError::TagMissing`], [`CatalogError::TagReserved`] for
    /// [`LATEST`], [`CatalogError::InUse`] if it is scheduled, and those of storage.
    pub fn untag_query_lambda(
        &self,
        workspace: &str,
        name: &str,
        tag: &str,
    ) -> Result<QueryLambdaRecord, CatalogError> {
        let mut changes = self.changes();
        let mut state = changes.state();
        let before = find(&mut state, workspace, name)?.clone();
        before.tagged(tag)?;
        check_tag(tag)?;
        let target = LambdaTarget::Tag(tag.to_owned());
        check_unscheduled(&state, workspace, name, Some(&target))?;
        let record = find(&mut state, workspace, name)?;
        record.tags.retain(|one| one.name != tag);
        changes.commit(state)?;
        Ok(before)
    }

    /// The query lambda of this name.
    ///
    /// # Errors
    /// [`CatalogError::LambdaMissing`], also when the workspace is missing.
    pub fn query_lambda(
        &self,
        workspace: &str,
        name: &str,
    ) -> Result<QueryLambdaRecord, CatalogError> {
        let view = self.view();
        let place = namespace::place(&view.state.query_lambdas, workspace, name);
        place
            .map(|place| view.state.query_lambdas[place].clone())
            .map_err(|_| missing(workspace, name, None))
    }

    /// The version that anybody may execute under this id, with its query lambda.
    ///
    /// # Errors
    /// [`CatalogError::PublicIdMissing`].
    pub fn public_query_lambda(
        &self,
        public_access_id: &str,
    ) -> Result<(QueryLambdaRecord, QueryLambdaVersion), CatalogError> {
        let view = self.view();
        let found = view.state.query_lambdas.iter().find_map(|record| {
            let mut versions = record.versions.iter();
            let version = versions
                .find(|version| version.public_access_id.as_deref() == Some(public_access_id))?;
            Some((record.clone(), version.clone()))
        });
        found.ok_or(CatalogError::PublicIdMissing)
    }

    /// The query lambdas of all workspaces, by workspace and name.
    pub fn query_lambdas(&self) -> Vec<QueryLambdaRecord> {
        self.view().state.query_lambdas.clone()
    }

    /// The query lambdas of one workspace, by name.
    ///
    /// # Errors
    /// [`CatalogError::WorkspaceMissing`].
    pub fn query_lambdas_in(
        &self,
        workspace: &str,
    ) -> Result<Vec<QueryLambdaRecord>, CatalogError> {
        let view = self.view();
        namespace::check_workspace(&view.state, workspace)?;
        Ok(namespace::of_workspace(&view.state.query_lambdas, workspace).to_vec())
    }

    fn new_version(&self, new: &NewLambdaVersion) -> QueryLambdaVersion {
        QueryLambdaVersion {
            version: new.version(),
            query: new.query.clone(),
            public_access_id: new.is_public.then(|| self.public_id()),
            created_at_micros: self.now_micros(),
            created_by: new.creator.email.clone(),
            created_by_key: new.creator.key.clone(),
            definer: Definer::from(&new.creator),
        }
    }

    fn public_id(&self) -> String {
        random::alphanumerics(self.random(), PUBLIC_ID_CHARACTERS)
    }
}

fn find<'a>(
    state: &'a mut State,
    workspace: &str,
    name: &str,
) -> Result<&'a mut QueryLambdaRecord, CatalogError> {
    let place = namespace::place(&state.query_lambdas, workspace, name);
    let place = place.map_err(|_| missing(workspace, name, None))?;
    Ok(&mut state.query_lambdas[place])
}

fn check_tag(tag: &str) -> Result<(), CatalogError> {
    match tag {
        LATEST => Err(CatalogError::TagReserved),
        _ => name::check(ObjectKind::Tag, tag),
    }
}

pub(crate) fn missing(workspace: &str, name: &str, version: Option<&str>) -> CatalogError {
    CatalogError::LambdaMissing {
        workspace: workspace.to_owned(),
        name: name.to_owned(),
        version: version.map(str::to_owned),
    }
}
