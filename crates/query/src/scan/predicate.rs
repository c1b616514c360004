//! Filters inside a scan: what each reads, in which order they run, and what they rule out.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::common::Result;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::DynamicFilterTracking;
use datafusion::physical_expr::expressions::{
    BinaryExpr, Column as ColumnExpr, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr,
    IsNullExpr, LikeExpr, Literal, NotExpr,
};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_common::physical_expr::is_volatile;
use outcrop_storage::Part;

use super::access::{Reading, read};
use super::column::{Column, Content};
use super::native::{DynamicComparison, Specialised};
use super::part::PartColumns;
use super::zeros::inside_one_zero;
use crate::operators::{Operation, OperationFunction};

/// One conjunct of a filter, over those columns of the table that it reads.
#[derive(Clone, Debug)]
pub(super) struct Predicate {
    expr: Arc<dyn PhysicalExpr>,
    columns: Vec<usize>,
    schema: SchemaRef,
    /// Gives the same answer for the same row, now and later.
    steady: bool,
    /// Has an answer for every value.
    harmless: bool,
    /// The filter as a comparison of a dynamic column with a constant, if it is one.
    comparison: Option<DynamicComparison>,
    /// What it asks of the inverted index, if that does not change.
    reading: Option<Reading>,
}

impl Predicate {
    /// A filter over columns of the table with `schema`, found by name.
    ///
    /// # Errors
    /// If it names a column that the table lacks.
    pub(super) fn new(
        filter: &Arc<dyn PhysicalExpr>,
        schema: &Schema,
        table: &[Column],
    ) -> Result<Self> {
        let mut columns = collect_columns(filter)
            .iter()
            .map(|column| Ok(schema.index_of(column.name())?))
            .collect::<Result<Vec<_>>>()?;
        columns.sort_unstable();
        columns.dedup();
        let schema = Arc::new(schema.project(&columns)?);
        let expr = reassign_expr_columns(Arc::clone(filter), &schema)?;
        let changing = DynamicFilterTracking::classify(&expr).contains_dynamic_filter();
        let comparison = DynamicComparison::of(&expr);
        let steady = !changing && !is_volatile(&expr);
        let reading = if steady { read(&expr, table) } else { None };
        Ok(Self {
            harmless: !may_raise(&expr),
            expr,
            columns,
            schema,
            steady,
            comparison,
            reading,
        })
    }

    /// The filter, for display.
    pub(super) fn expr(&self) -> &Arc<dyn PhysicalExpr> {
        &self.expr
    }

    /// Whether the filter may say something else later, as those of joins and top-N do.
    pub(super) fn is_changing(&self) -> bool {
        !self.steady
    }

    /// Whether the answer follows from the values of the columns alone, and is never an error.
    pub(super) fn goes_by_value(&self) -> bool {
        self.steady && self.harmless
    }

    /// What the filter asks of the inverted index right now; none if the index cannot answer it.
    pub(super) fn reading(&self, table: &[Column]) -> Option<Cow<'_, Reading>> {
        match self.steady {
            true => self.reading.as_ref().map(Cow::Borrowed),
            false if is_volatile(&self.expr) => None,
            false => read(&self.expr, table).map(Cow::Owned),
        }
    }

    /// The filter on what `part` stores, if it is native there.
    pub(super) fn specialise(&self, part: &Part, table: &[Column]) -> Option<Specialised> {
        let comparison = self.comparison.as_ref()?;
        let column = self.columns.iter().map(|index| &table[*index]);
        let column = column
            .into_iter()
            .find(|column| column.name == comparison.column)?;
        match column.content {
            Content::Dynamic { .. } => comparison.specialise(part, &column.path),
            _ => None,
        }
    }

    /// How `part` yields the columns that this filter reads.
    pub(super) fn part_columns(&self, part: &Part, table: &[Column]) -> PartColumns {
        let columns = self
            .columns
            .iter()
            .map(|index| &table[*index])
            .collect::<Vec<_>>();
        PartColumns::new(part, &columns, Arc::clone(&self.schema))
    }

    /// Whether each row passes, null standing for "unknown".
    ///
    /// # Errors
    /// Whatever the expression raises for the values it meets.
    pub(super) fn evaluate(&self, batch: &RecordBatch) -> Result<BooleanArray, ArrowError> {
        let result = self
            .expr
            .evaluate(batch)
            .and_then(|value| value.into_array(batch.num_rows()));
        let result = result.map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
        match result.data_type() {
            DataType::Boolean => Ok(result.as_boolean().clone()),
            DataType::Null => Ok(BooleanArray::new_null(batch.num_rows())),
            other => Err(ArrowError::ComputeError(format!(
                "a filter is of type `{other}`"
            ))),
        }
    }

    /// The one answer for all rows of a part that has none of this filter's columns.
    ///
    /// `None` if it may change from row to row or from now to later, or if it raises: then the error
    /// is left for the rows, of which there may be none.
    pub(super) fn constant(&self) -> Option<bool> {
        if !self.steady {
            return None;
        }
        let columns = self
            .schema
            .fields()
            .iter()
            .map(|field| absent_value(field.name(), field.data_type()));
        let options = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            columns.collect(),
            &options,
        );
        let answer = self.evaluate(&row.ok()?).ok()?;
        Some(answer.is_valid(0) && answer.value(0))
    }

    /// Sort key: filters that cannot fail before those that can, cheap columns before dear ones, and what a join or a
    /// top-N has learned, which keeps little as a rule, before others of the same cost.
    ///
    /// A filter that may raise runs on the survivors of all that cannot, so that
    /// `WHERE n <> 0 AND 10 / n > 1` works in either order.
    pub(super) fn rank(&self, table: &[Column]) -> (bool, u32, bool) {
        let cost = self.columns.iter().map(|index| cost(&table[*index])).sum();
        (!self.harmless, cost, self.steady)
    }
}

/// The value of a column in a part that has nothing at its path.
fn absent_value(name: &str, data_type: &DataType) -> ArrayRef {
    if name.ends_with("#null") && *data_type == DataType::Boolean {
        return Arc::new(BooleanArray::from(vec![false]));
    }
    new_null_array(data_type, 1)
}

/// Relative cost of reading one value.
fn cost(column: &Column) -> u32 {
    match (column.content, column.data_type()) {
        (Content::Document, _) => 64,
        (Content::NullMark, _) | (_, DataType::Boolean) => 1,
        (Content::Number, _) => 3,
        (_, DataType::Utf8View | DataType::Binary) => 8,
        (_, DataType::BinaryView) => 16,
        _ => 2,
    }
}

/// Whether evaluating may raise for some value: anything beyond comparisons and logic might.
fn may_raise(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let mut safe = true;
    let walked = expr.apply(|expr| {
        safe &= match expr.downcast_ref::<BinaryExpr>() {
            Some(binary) => is_comparison(*binary.op()) || inside_one_zero(expr).is_some(),
            None => is_harmless(expr),
        };
        Ok(if safe {
            TreeNodeRecursion::Continue
        } else {
            TreeNodeRecursion::Stop
        })
    });
    walked.is_err() || !safe
}

/// Whether the operator puts two values of one type in an order, or two conditions together.
pub(crate) fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
            | Operator::And
            | Operator::Or
    )
}

fn is_harmless(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.is::<ColumnExpr>()
        // It compares columns with values, whatever it learns.
        || expr.is::<DynamicFilterPhysicalExpr>()
        || expr.is::<Literal>()
        || expr.is::<NotExpr>()
        || expr.is::<IsNullExpr>()
        || expr.is::<IsNotNullExpr>()
        || expr.is::<InListExpr>()
        || expr.is::<LikeExpr>()
        || expr
            .downcast_ref::<ScalarFunctionExpr>()
            .is_some_and(|call| {
                OperationFunction::of(call.fun()).is_some_and(is_harmless_operation)
            })
}

/// Operations that have an answer for every value.
fn is_harmless_operation(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::ToDynamic(_)
            | Operation::Key
            | Operation::EqualityKey
            | Operation::WithoutNullValues
            | Operation::Compare(_)
            | Operation::Distinct(_)
            | Operation::InList
            | Operation::IsNull
            | Operation::Field(_)
            | Operation::TypeOf
            | Operation::IsScalar
    )
}
