//! Plans of statements that filter one collection and show some of its fields, made without an optimizer.
//!
//! Looking a document up takes less time than DataFusion's rules take to find that there is nothing to improve. Here
//! everything is where it has to be from the start: filters, needed columns and the limit in the scan. A statement that
//! any rule might do something for, by folding constants or sharing expressions, is left to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::expr_rewriter::unnormalize_col;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    BinaryExpr, Expr, FetchType, LogicalPlan, Projection, SkipType, TableScan,
};
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion::physical_plan::projection::ProjectionExec;

use crate::scan::{CollectionTable, is_comparison};

/// A statement of the form that is planned here.
pub(crate) struct Direct<'a> {
    projection: &'a Projection,
    input: Input<'a>,
    /// Rows to pass over, and most rows to give after them.
    limit: Option<(usize, Option<usize>)>,
}

/// What it reads.
enum Input<'a> {
    /// One row without columns.
    Nothing,
    Collection(Scan<'a>),
}

struct Scan<'a> {
    node: &'a TableScan,
    filters: Vec<&'a Expr>,
    /// Indices of the columns that are shown.
    columns: Vec<usize>,
}

impl<'a> Direct<'a> {
    /// The statement, if it is `SELECT fields FROM collection WHERE field = literal AND … LIMIT n`, or has no FROM.
    pub(crate) fn of(plan: &'a LogicalPlan) -> Option<Self> {
        let (plan, limit) = match plan {
            LogicalPlan::Limit(limit) => {
                let SkipType::Literal(skip) = limit.get_skip_type().ok()? else {
                    return None;
                };
                let FetchType::Literal(fetch) = limit.get_fetch_type().ok()? else {
                    return None;
                };
                (limit.input.as_ref(), Some((skip, fetch)))
            }
            plan => (plan, None),
        };
        let LogicalPlan::Projection(projection) = plan else {
            return None;
        };
        let input = match projection.input.as_ref() {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => {
                let mut shown = projection.expr.iter();
                shown
                    .all(|expr| is_literal(unnamed(expr)))
                    .then_some(Input::Nothing)?
            }
            LogicalPlan::Filter(filter) => {
                let LogicalPlan::TableScan(node) = filter.input.as_ref() else {
                    return None;
                };
                let filters = split_conjunction(&filter.predicate);
                Input::Collection(Scan::of(node, filters, projection)?)
            }
            LogicalPlan::TableScan(node) => {
                Input::Collection(Scan::of(node, Vec::new(), projection)?)
            }
            _ => return None,
        };
        Some(Self {
            projection,
            input,
            limit,
        })
    }

    /// Bytes of a row that is read, on average.
    pub(crate) fn row_bytes(&self) -> Result<u64> {
        match &self.input {
            Input::Nothing => Ok(0),
            Input::Collection(scan) => {
                let provider = source_as_provider(&scan.node.source)?;
                let table = provider.downcast_ref::<CollectionTable>();
                Ok(table.map_or(0, |table| table.row_bytes(Some(&scan.columns))))
            }
        }
    }

    /// The plan.
    ///
    /// # Errors
    /// Those of the scan.
    pub(crate) async fn plan(&self, state: &SessionState) -> Result<Arc<dyn ExecutionPlan>> {
        let (input, schema): (Arc<dyn ExecutionPlan>, DFSchemaRef) = match &self.input {
            Input::Nothing => {
                let schema = Arc::new(DFSchema::empty());
                let row = PlaceholderRowExec::new(Arc::clone(schema.inner()));
                (Arc::new(row), schema)
            }
            Input::Collection(scan) => scan.plan(state, self.rows_max()).await?,
        };
        let context = PhysicalPlanningContext::default();
        let properties = state.execution_props();
        let names = self.projection.schema.fields().iter();
        let expressions = self.projection.expr.iter().zip(names).map(|(expr, field)| {
            let expr = create_physical_expr(expr, &schema, properties, &context)?;
            Ok((expr, field.name().clone()))
        });
        let expressions = expressions.collect::<Result<Vec<_>>>()?;
        let plan: Arc<dyn ExecutionPlan> = Arc::new(ProjectionExec::try_new(expressions, input)?);
        let Some((skip, fetch)) = self.limit else {
            return Ok(plan);
        };
        let plan = match plan.properties().output_partitioning().partition_count() {
            1 => plan,
            _ => Arc::new(CoalescePartitionsExec::new(plan)),
        };
        Ok(Arc::new(GlobalLimitExec::new(plan, skip, fetch)))
    }

    /// Most rows that are needed of what is read.
    fn rows_max(&self) -> Option<usize> {
        let (skip, fetch) = self.limit?;
        Some(fetch?.saturating_add(skip))
    }
}

impl<'a> Scan<'a> {
    fn of(node: &'a TableScan, filters: Vec<&'a Expr>, projection: &'a Projection) -> Option<Self> {
        let is_plain = node.projection.is_none() && node.filters.is_empty() && node.fetch.is_none();
        let is_ready = is_plain
            && projection.expr.iter().all(|expr| is_shown(unnamed(expr)))
            && filters.iter().all(|filter| is_condition(filter));
        if !is_ready {
            return None;
        }
        let schema = node.source.schema();
        let mut columns = BTreeSet::new();
        for expr in &projection.expr {
            for column in expr.column_refs() {
                columns.insert(schema.index_of(column.name()).ok()?);
            }
        }
        Some(Self {
            node,
            filters,
            columns: columns.into_iter().collect(),
        })
    }

    /// The scan, and the schema of what it gives.
    async fn plan(
        &self,
        state: &SessionState,
        rows_max: Option<usize>,
    ) -> Result<(Arc<dyn ExecutionPlan>, DFSchemaRef)> {
        let provider = source_as_provider(&self.node.source)?;
        let filters = self.filters.iter().copied().cloned().map(unnormalize_col);
        let filters: Vec<Expr> = filters.collect();
        let columns = Some(&self.columns);
        let scan = provider.scan(state, columns, &filters, rows_max).await?;
        let schema = DFSchema::try_from_qualified_schema(
            self.node.table_name.clone(),
            scan.schema().as_ref(),
        )?;
        Ok((Arc::new(CooperativeExec::new(scan)), Arc::new(schema)))
    }
}

/// The expression without the name that it is given.
fn unnamed(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unnamed(&alias.expr),
        expr => expr,
    }
}

/// Whether it is a literal, or a field.
fn is_shown(expr: &Expr) -> bool {
    is_literal(expr) || is_field(expr)
}

/// Whether it is a field as the scan gives it, or put together of what it gives by one function.
fn is_field(expr: &Expr) -> bool {
    match expr {
        Expr::Column(_) => true,
        Expr::ScalarFunction(call) => {
            let is_column = |argument: &Expr| matches!(argument, Expr::Column(_));
            // Of literals alone it would be folded.
            call.args.iter().any(is_column)
                && call
                    .args
                    .iter()
                    .all(|argument| is_column(argument) || is_literal(argument))
                && !expr.is_volatile()
        }
        _ => false,
    }
}

/// Whether it is a condition on fields, each of which is compared with literals or with another one.
fn is_condition(filter: &Expr) -> bool {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            is_comparison(*op)
                && is_shown(left)
                && is_shown(right)
                && (is_field(left) || is_field(right))
        }
        Expr::InList(InList { expr, list, .. }) => is_field(expr) && list.iter().all(is_literal),
        Expr::IsNull(expr) | Expr::IsNotNull(expr) => is_field(expr),
        filter => is_field(filter),
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Literal(..))
}
