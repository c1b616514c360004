//! Ingest transformations: `SELECT … FROM _input …`, run over documents on their way into a
//! collection.
//!
//! [`compile`](Transformation::compile) parses, binds and plans the text once. `_input` is a table of
//! one dynamic column, whole documents, so the plan does not depend on what they hold; [`input`] is
//! that table, which finds the documents of the present run in the task that runs the plan. [`run`]
//! runs it over batches and finds out which document is to blame when one fails.

mod input;
mod run;

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use outcrop_document::{FieldPath, Timestamp};

use crate::binder::{self, OutputColumn};
use crate::dialect::{self, Statement};
use crate::error::QueryError;
use crate::execution::Session;

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
    /// How its columns become documents; its last column, the row of `_input`, is not among them.
    output: Arc<[OutputColumn]>,
    /// Whether it has the time in it as a constant.
    depends_on_time: bool,
}

impl Transformation {
    /// Checks and plans the transformation `sql`.
    ///
    /// # Errors
    /// [`QueryError::Syntax`] and [`QueryError::Semantic`] with the place in the text,
    /// [`QueryError::NotImplemented`] for rollups.
    pub(crate) async fn compile(session: &Session, sql: &str) -> Result<Self, QueryError> {
        let statement = dialect::parse(sql)?;
        let now = Timestamp(0);
        let bound = binder::bind_transformation(&statement, input::table()?, now)?;
        let physical = session.plan_in_order(&bound.plan).await?;
        Ok(Self {
            statement,
            plan: Plan {
                physical,
                output: bound.output.into(),
                depends_on_time: bound.depends_on_time,
            },
            is_identity: bound.is_identity,
            unnests: bound.unnests,
            clustering_key: bound.clustering_key,
        })
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
        let physical = session.plan_in_order(&bound.plan).await?;
        Ok(Plan {
            physical,
            ..self.plan.clone()
        })
    }
}
