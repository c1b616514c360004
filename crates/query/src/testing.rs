//! Evaluation of typed expressions over a few rows, for the tests of operators and functions.

use crate::dynamic::{ValueColumn, ValueColumnBuilder};
use crate::operators::Typed;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, col};
use datafusion::physical_expr::create_physical_expr;
use datafusion::prelude::SessionContext;
use outcrop_document::Value;
use std::sync::Arc;

/// A column of a test table.
pub(crate) struct Column {
    name: &'static str,
    array: ArrayRef,
}

impl Column {
    pub(crate) fn new(name: &'static str, data_type: DataType, values: &[Value]) -> Self {
        let mut builder = ValueColumnBuilder::new(&data_type, values.len()).unwrap();
        for value in values {
            builder.append(value).unwrap();
        }
        Self {
            name,
            array: builder.finish(),
        }
    }

    /// A reference to the column.
    pub(crate) fn typed(&self) -> Typed {
        Typed::new(col(self.name), self.array.data_type().clone())
    }
}

fn batch(columns: &[Column]) -> RecordBatch {
    let field = |column: &Column| Field::new(column.name, column.array.data_type().clone(), true);
    let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
    let arrays = columns
        .iter()
        .map(|column| Arc::clone(&column.array))
        .collect();
    let rows = columns.first().map_or(1, |column| column.array.len());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options).unwrap()
}

/// The values of an expression over the columns; its type must be the promised one.
pub(crate) fn evaluate(typed: &Typed, columns: &[Column]) -> Result<Vec<Value>> {
    let batch = batch(columns);
    let schema = DFSchema::try_from(batch.schema())?;
    let context = PhysicalPlanningContext::default();
    let expr = create_physical_expr(&typed.expr, &schema, &ExecutionProps::new(), &context)?;
    assert_eq!(
        expr.data_type(&batch.schema())?,
        typed.data_type,
        "type of {}",
        typed.expr
    );
    let array = expr.evaluate(&batch)?.into_array(batch.num_rows())?;
    assert_eq!(
        array.data_type(),
        &typed.data_type,
        "type of the result of {}",
        typed.expr
    );
    let column = ValueColumn::new(&array)?;
    (0..array.len()).map(|row| Ok(column.value(row)?)).collect()
}

/// The value of an expression without columns.
pub(crate) fn constant(typed: &Typed) -> Result<Value> {
    Ok(evaluate(typed, &[])?.remove(0))
}

/// The rows of an aggregation over two partitions, each with all rows of the columns, sorted by the
/// group: the group (if any) and the aggregate.
pub(crate) fn aggregate(
    typed: &Typed,
    group: Option<&Typed>,
    columns: &[Column],
) -> Result<Vec<Vec<Value>>> {
    let batch = batch(columns);
    let partitions = vec![vec![batch.clone()], vec![batch.clone()]];
    let table = datafusion::datasource::MemTable::try_new(batch.schema(), partitions)?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let context = SessionContext::new();
    let plan = context.read_table(Arc::new(table))?.into_unoptimized_plan();
    // Aggregates may stand inside scalar expressions, as in the binder.
    let mut found = vec![];
    let outer = lift(&typed.expr, &mut found);
    let groups: Vec<Expr> = group
        .iter()
        .map(|group| group.expr.clone().alias("g"))
        .collect();
    let mut output: Vec<Expr> = group.iter().map(|_| col("g")).collect();
    output.push(outer.alias("result"));
    let mut plan = LogicalPlanBuilder::from(plan)
        .aggregate(groups, found)?
        .project(output)?;
    if group.is_some() {
        plan = plan.sort(vec![col("g").sort(true, false)])?;
    }
    let plan = plan.build()?;
    let batches =
        runtime.block_on(async { context.execute_logical_plan(plan).await?.collect().await })?;
    let mut rows = vec![];
    for batch in batches {
        let columns = batch
            .columns()
            .iter()
            .map(ValueColumn::new)
            .collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            rows.push(
                columns
                    .iter()
                    .map(|column| Ok(column.value(row)?))
                    .collect::<Result<_>>()?,
            );
        }
    }
    Ok(rows)
}

fn lift(expr: &Expr, found: &mut Vec<Expr>) -> Expr {
    use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
    expr.clone()
        .transform_down(|node| {
            if matches!(node, Expr::AggregateFunction(_)) {
                let name = format!("aggregate_{}", found.len());
                found.push(node.alias(&name));
                return Ok(Transformed::yes(col(name)));
            }
            Ok(Transformed::no(node))
        })
        .data()
        .unwrap()
}
