//! Ingest transformations: `SELECT … FROM _input …`, run over documents on their way into a
//! collection.
//!
//! [`compile`](Transformation::compile) parses, binds and plans the text once. `_input` is a table of
//! one dynamic column, whole documents, so the plan does not depend on what they hold; [`input`] is
//! that table, which finds the documents of the present run in the task that runs the plan. [`run`]
//! runs it over batches and finds out which document is to blame when one fails ([`batches`]).
//!
//! A rollup gives no documents but the parts of groups, with what the aggregates come to over the
//! documents of one write: [`rollup`]. [`GroupPart::merge`] makes the next version of the document of
//! a group, whose aggregates go on from what [`state`] has stored.

mod batches;
mod input;
mod rollup;
mod run;
mod state;

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use outcrop_document::{FieldPath, Timestamp};

use crate::binder::{self, BoundTransformation, OutputColumn};
use crate::dialect::{self, Statement};
use crate::error::QueryError;
use crate::execution::Session;

use rollup::Rollup;

pub use rollup::{GroupPart, RolledUp};
pub use run::Transformed;

/// A compiled ingest transformation.
#[derive(Debug)]
pub struct Transformation {
    statement: Statement,
    plan: Plan,
    is_identity: bool,
    unnests: bool,
    clustering_key: Vec<FieldPath>,
}

/// What runs.
#[derive(Clone, Debug)]
struct Plan {
    physical: Arc<dyn ExecutionPlan>,
    /// How its columns, or the items of the rollup, become documents; its last column, the row of
    /// `_input`, is not among them.
    output: Arc<[OutputColumn]>,
    rollup: Option<Arc<Rollup>>,
    /// Whether it has the time in it as a constant.
    depends_on_time: bool,
}

impl Transformation {
    /// Checks and plans the transformation `sql`.
    ///
    /// # Errors
    /// [`QueryError::Syntax`], [`QueryError::Semantic`] and [`QueryError::NotImplemented`] with the
    /// place in the text.
    pub(crate) async fn compile(session: &Session, sql: &str) -> Result<Self, QueryError> {
        let statement = dialect::parse(sql)?;
        let now = Timestamp(0);
        let bound = binder::bind_transformation(&statement, input::table()?, now)?;
        Ok(Self {
            plan: Plan::of(session, &bound).await?,
            statement,
            is_identity: bound.is_identity,
            unnests: bound.unnests,
            clustering_key: bound.clustering_key,
        })
    }

    /// Whether it puts documents together in groups: [`Engine::roll_up`](crate::Engine::roll_up) runs
    /// it, and not [`Engine::transform`](crate::Engine::transform).
    pub fn is_rollup(&self) -> bool {
        self.plan.rollup.is_some()
    }

    /// Whether it gives every document as it is.
    pub fn is_identity(&self) -> bool {
        self.is_identity
    }

    /// Whether it may make several documents of one.
    pub fn unnests(&self) -> bool {
        self.unnests
    }

    /// The fields of `CLUSTER BY`.
    pub fn clustering_key(&self) -> &[FieldPath] {
        &self.clustering_key
    }

    /// What runs at the time `now`.
    async fn plan_at(&self, session: &Session, now: Timestamp) -> Result<Plan, QueryError> {
        if !self.plan.depends_on_time {
            return Ok(self.plan.clone());
        }
        let bound = binder::bind_transformation(&self.statement, input::table()?, now)?;
        Plan::of(session, &bound).await
    }
}

impl Plan {
    async fn of(session: &Session, bound: &BoundTransformation) -> Result<Self, QueryError> {
        let physical = session.plan_in_order(&bound.plan).await?;
        let output: Arc<[OutputColumn]> = bound.output.clone().into();
        let rollup = match &bound.rollup {
            Some(rollup) => {
                let rollup = Rollup::new(rollup, Arc::clone(&output), &physical.schema())?;
                Some(Arc::new(rollup))
            }
            None => None,
        };
        Ok(Self {
            physical,
            output,
            rollup,
            depends_on_time: bound.depends_on_time,
        })
    }
}
