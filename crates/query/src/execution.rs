//! One statement from its text to its rows, on the engine's runtime.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::Result as DataFusionResult;
use datafusion::common::config::ConfigNonZeroUsize;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::analyzer::resolve_grouping_function::ResolveGroupingFunction;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::display::DisplayableExecutionPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::StreamExt;

use crate::binder::{self, BindContext, BoundQuery, OutputColumn, OutputKind};
use crate::dialect::{self, Explain, Insert, Statement};
use crate::direct::Direct;
use crate::engine::{EngineOptions, QueryOutput, QueryRequest, Reach};
use crate::error::QueryError;
use crate::insert;
use crate::memory::{self, CountWindows};
use crate::resolver::StatementResolver;
use crate::rows::RowWriter;
use crate::scan::{
    AnswerFromIndex, BatchBytes, Cancellation, JoinZeros, LOOKUPS_MAX, access_kinds,
};
use crate::stoppable::stoppable;

/// Workspace of names that give none.
pub(crate) const DEFAULT_WORKSPACE: &str = "commons";

/// Bytes of the values of a join's side, up to which they are looked up on the other side.
const LOOKUP_BYTES_MAX: usize = 1 << 20;

/// What all queries of an engine share: limits, memory, and how plans are optimised.
#[derive(Debug)]
pub(crate) struct Session {
    options: EngineOptions,
    batch_bytes: BatchBytes,
    template: SessionState,
}

impl Session {
    /// # Errors
    /// If the spill directory cannot be used.
    pub(crate) fn new(options: EngineOptions) -> Result<Self, DataFusionError> {
        let batch_bytes = BatchBytes(memory::batch_bytes(options.memory_bytes_max));
        let mut config = SessionConfig::new()
            .with_extension(Arc::new(batch_bytes))
            .with_target_partitions(options.partitions.max(1))
            .with_information_schema(false);
        // A file for each batch that `RepartitionExec` spills. It waits for ever if two threads have
        // unfinished files in one pool: https://github.com/apache/datafusion/issues/24883.
        config.options_mut().execution.max_spill_file_size_bytes = ConfigNonZeroUsize::try_new(1)?;
        let template = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(Arc::new(runtime_env(&options)?))
            // The binder leaves nothing to coerce. DataFusion's own coercion would compare a string
            // with a number by casting one of them, where this dialect says null.
            .with_analyzer_rules(vec![Arc::new(ResolveGroupingFunction::new())])
            .with_physical_optimizer_rules(physical_rules())
            .build();
        Ok(Self {
            options,
            batch_bytes,
            template,
        })
    }

    /// A plan that gives its rows in the order of what it reads, in one partition.
    ///
    /// # Errors
    /// Those of planning.
    pub(crate) async fn plan_in_order(
        &self,
        plan: &LogicalPlan,
    ) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
        let config = self.template.config().clone().with_target_partitions(1);
        let state = SessionStateBuilder::new_from_existing(self.template.clone())
            .with_config(config)
            .build();
        Ok(state.create_physical_plan(plan).await?)
    }

    /// What a task needs that runs such a plan.
    pub(crate) fn parts(&self) -> (SessionConfig, Arc<RuntimeEnv>) {
        let runtime = Arc::clone(self.template.runtime_env());
        (self.template.config().clone(), runtime)
    }

    /// Bytes of documents that an ingest transformation may make of those of one write.
    pub(crate) fn transformation_bytes_max(&self) -> usize {
        self.options.transformation_bytes_max
    }

    /// The state of one query.
    fn state(&self, cancellation: Arc<Cancellation>, lookup_joins: bool) -> SessionState {
        let mut config = self.template.config().clone().with_extension(cancellation);
        if lookup_joins {
            // The left side of each join is read as a whole, whatever its size, and in one piece:
            // its values are looked up on the right side.
            let optimizer = &mut config.options_mut().optimizer;
            optimizer.join_reordering = false;
            optimizer.hash_join_single_partition_threshold = usize::MAX;
            optimizer.hash_join_single_partition_threshold_rows = usize::MAX;
            optimizer.hash_join_inlist_pushdown_max_distinct_values = LOOKUPS_MAX;
            optimizer.hash_join_inlist_pushdown_max_size = LOOKUP_BYTES_MAX;
        }
        SessionStateBuilder::new_from_existing(self.template.clone())
            .with_config(config)
            .build()
    }
}

/// DataFusion's rules between our own: the first looks for shapes which theirs take apart, the second
/// makes keys that theirs may compare by their bits, the last hides windows from theirs.
fn physical_rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    rules.insert(0, Arc::new(AnswerFromIndex));
    rules.insert(1, Arc::new(JoinZeros));
    rules.push(Arc::new(CountWindows));
    rules
}

fn runtime_env(options: &EngineOptions) -> DataFusionResult<RuntimeEnv> {
    let gauge = options.memory_gauge.as_ref().map(Arc::clone);
    let pool = memory::pool(options.memory_bytes_max, gauge);
    let spill = match &options.spill_directory {
        Some(directory) => DiskManagerMode::Directories(vec![directory.clone()]),
        None => DiskManagerMode::Disabled,
    };
    let spill = DiskManagerBuilder::default()
        .with_mode(spill)
        .with_max_spill_merge_fan_in(memory::MERGED_FILES_MAX);
    RuntimeEnvBuilder::new()
        .with_memory_pool(pool)
        .with_disk_manager_builder(spill)
        .build()
}

/// One running statement.
pub(crate) struct Execution {
    pub(crate) reach: Reach,
    pub(crate) session: Arc<Session>,
    pub(crate) cancellation: Arc<Cancellation>,
}

impl Execution {
    /// Runs `request` to its last row.
    ///
    /// # Errors
    /// Every variant of [`QueryError`] but [`QueryError::Timeout`].
    pub(crate) async fn run(self, request: QueryRequest) -> Result<QueryOutput, QueryError> {
        let statement = dialect::parse(&request.sql)?;
        let bound = self.bind(&statement, &request)?;
        let mut state = self
            .session
            .state(Arc::clone(&self.cancellation), statement.lookup_joins);
        if let Some(insert) = &statement.insert {
            return self.insert(&statement, insert, bound, state).await;
        }
        let plan = self.plan(&bound.plan, &mut state).await?;
        let output = match bound.explain {
            None => bound.output,
            Some(_) => plan_column(),
        };
        let mut rows = RowWriter::new(&output, self.session.options.result_bytes_max);
        let access_kinds = match bound.explain {
            Some(Explain::Plan) => BTreeSet::new(),
            None | Some(Explain::Analyze) => access_kinds(&plan),
        };
        match bound.explain {
            None => {
                let result = MemoryConsumer::new("the rows of the result");
                let result = result.register(&state.runtime_env().memory_pool);
                self.collect(plan, &state, |batch| {
                    rows.push(batch)?;
                    Ok(result.try_resize(rows.bytes())?)
                })
                .await?;
            }
            Some(explain) => {
                if explain == Explain::Analyze {
                    self.collect(Arc::clone(&plan), &state, |_| Ok(())).await?;
                }
                let text = plan_text(plan.as_ref(), explain);
                text.lines().for_each(|line| rows.push_text(line));
            }
        }
        let rows = rows.finish();
        Ok(QueryOutput {
            collections: bound.collections,
            aliases: bound.aliases,
            column_fields: rows.column_fields,
            row_count: rows.row_count,
            rows_json: rows.json,
            warnings: bound.warnings,
            access_kinds,
        })
    }

    async fn insert(
        &self,
        statement: &Statement,
        target: &Insert,
        bound: BoundQuery,
        mut state: SessionState,
    ) -> Result<QueryOutput, QueryError> {
        let sink = self
            .reach
            .sink
            .as_deref()
            .ok_or_else(|| QueryError::Forbidden {
                message: "nothing may be written here, and the statement is an INSERT".to_owned(),
            })?;
        let (workspace, name) = insert::target(target, workspace_of(statement));
        sink.open(&workspace, &name)
            .await
            .map_err(|error| error.or_position(target.position))?;
        let fields = insert::fields(statement, target, bound.output.clone())?;
        let plan = self.plan(&bound.plan, &mut state).await?;
        let explain = bound.explain;
        let mut output = match explain {
            Some(Explain::Plan) => QueryOutput {
                collections: bound.collections,
                aliases: bound.aliases,
                column_fields: None,
                row_count: 0,
                rows_json: Vec::new(),
                warnings: bound.warnings,
                access_kinds: BTreeSet::new(),
            },
            None | Some(Explain::Analyze) => {
                insert::run(statement, bound, &fields, Arc::clone(&plan), &state, sink).await?
            }
        };
        if let Some(explain) = explain {
            let mut rows = RowWriter::new(&plan_column(), self.session.options.result_bytes_max);
            rows.push_text(&format!("InsertInto: {workspace}.{name}"));
            for line in plan_text(plan.as_ref(), explain).lines() {
                rows.push_text(&format!("  {line}"));
            }
            let rows = rows.finish();
            output.column_fields = rows.column_fields;
            output.row_count = rows.row_count;
            output.rows_json = rows.json;
        }
        Ok(output)
    }

    /// Plans a query, and sets how many rows its batches have.
    async fn plan(
        &self,
        plan: &LogicalPlan,
        state: &mut SessionState,
    ) -> Result<Arc<dyn ExecutionPlan>, QueryError> {
        if let Some(direct) = Direct::of(plan) {
            let batch_rows = memory::batch_rows(direct.row_bytes()?, self.session.batch_bytes.0);
            set_batch_rows(state, batch_rows);
            return Ok(direct.plan(state).await?);
        }
        let plan = state.optimize(plan)?;
        // Known only now that each table is down to the columns that are read.
        let row_bytes = memory::row_bytes(&plan)?;
        let batch_rows = memory::batch_rows(row_bytes, self.session.batch_bytes.0);
        set_batch_rows(state, batch_rows);
        let planner = Arc::clone(state.query_planner());
        let plan = planner.create_physical_plan(&plan, state).await?;
        Ok(stoppable(plan, &self.cancellation)?)
    }

    fn bind(
        &self,
        statement: &Statement,
        request: &QueryRequest,
    ) -> Result<BoundQuery, QueryError> {
        let workspace = workspace_of(statement);
        let chains = binder::chains(statement);
        let resolver = StatementResolver::new(self.reach.collections.as_ref(), workspace, chains);
        let resolver = match statement.explain {
            None => resolver,
            // A plan shows what a view is made of.
            Some(_) => resolver.with_rights_of_statement(),
        };
        let context = BindContext {
            parameters: &request.parameters,
            default_workspace: workspace,
            query_time: request.query_time,
            default_row_limit: request.default_row_limit,
            access_path: self.session.options.access_path,
            cancellation: Some(&self.cancellation),
        };
        binder::bind(statement, &resolver, &context)
    }

    async fn collect(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        state: &SessionState,
        mut sink: impl FnMut(&datafusion::arrow::array::RecordBatch) -> Result<(), QueryError>,
    ) -> Result<(), QueryError> {
        let mut batches = execute_stream(plan, state.task_ctx())?;
        while let Some(batch) = batches.next().await {
            sink(&batch?)?;
        }
        Ok(())
    }
}

fn set_batch_rows(state: &mut SessionState, rows: usize) {
    let config = state.config().clone().with_batch_size(rows);
    *state.config_mut() = config;
}

/// A plan as EXPLAIN shows it, a line for each operator.
fn plan_text(plan: &dyn ExecutionPlan, explain: Explain) -> String {
    let shown = match explain {
        Explain::Plan => DisplayableExecutionPlan::new(plan),
        Explain::Analyze => DisplayableExecutionPlan::with_metrics(plan),
    };
    shown.indent(false).to_string()
}

/// The column of the answer of EXPLAIN.
fn plan_column() -> Vec<OutputColumn> {
    vec![OutputColumn {
        name: "plan".to_owned(),
        kind: OutputKind::Value,
    }]
}

/// The workspace of collections that are named without one.
fn workspace_of(statement: &Statement) -> &str {
    let given = statement.default_workspace.as_deref();
    given.unwrap_or(DEFAULT_WORKSPACE)
}
