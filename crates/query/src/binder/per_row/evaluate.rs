//! Evaluating a [`PerRow`] on a batch: elements to rows, conditions and items, rows to answers.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, BooleanArray, Int64Builder, RecordBatch,
    RecordBatchOptions, UInt64Array,
};
use datafusion::arrow::compute::{filter_record_batch, take};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, exec_err};
use datafusion::execution::context::ExecutionProps;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use outcrop_document::{Value, k};

use super::super::elements::{damaged, is_array};
use super::function::{Answer, ELEMENT, ORDINAL, PerRow};

/// The answers for a batch of `rows` rows, of which `arguments` are the arrays and what else is read.
pub(super) fn evaluate(function: &PerRow, arguments: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
    let (elements, mut lengths) = explode(arguments, rows)?;
    let elements = match &function.filter {
        None => elements,
        Some(filter) => {
            let keeps = compile(filter, &elements.schema())?.evaluate(&elements)?;
            let keeps = keeps.into_array(elements.num_rows())?;
            let keeps = keeps.as_boolean();
            lengths = kept(&lengths, keeps);
            filter_record_batch(&elements, keeps)?
        }
    };
    let ranges = lengths.iter().scan(0, |start, length| {
        let range = *start..*start + length;
        *start = range.end;
        Some(range)
    });
    match function.answer {
        Answer::Exists => {
            let any = lengths.iter().map(|length| Some(*length > 0));
            Ok(Arc::new(any.collect::<BooleanArray>()))
        }
        Answer::Only => only(&items(function, &elements)?, ranges),
        Answer::All => all(&items(function, &elements)?, ranges),
        Answer::Aggregate => aggregate(function, &elements, ranges, arguments, rows),
    }
}

/// A row for each element, with the rest of the row it is of, and how many there are of each row.
fn explode(arguments: &[ArrayRef], rows: usize) -> Result<(RecordBatch, Vec<usize>)> {
    let arrays = arguments[0].as_binary_view();
    let mut lengths = Vec::with_capacity(rows);
    let (mut elements, mut ordinals) = (BinaryViewBuilder::new(), Int64Builder::new());
    let mut origins = Vec::new();
    for (row, array) in (0..).zip(arrays) {
        let mut length = 0;
        if let Some(array) = array
            && is_array(array)?
        {
            for (ordinal, element) in (1..).zip(k::elements(array).map_err(damaged)?) {
                elements.append_value(element.map_err(damaged)?);
                ordinals.append_value(ordinal);
                origins.push(row);
                length += 1;
            }
        }
        lengths.push(length);
    }
    let origins = UInt64Array::from(origins);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (ELEMENT.to_owned(), Arc::new(elements.finish())),
        (ORDINAL.to_owned(), Arc::new(ordinals.finish())),
    ];
    for (index, argument) in arguments[1..].iter().enumerate() {
        columns.push((index.to_string(), take(argument, &origins, None)?));
    }
    Ok((batch(columns, origins.len())?, lengths))
}

fn batch(columns: Vec<(String, ArrayRef)>, rows: usize) -> Result<RecordBatch> {
    let fields = columns
        .iter()
        .map(|(name, column)| Field::new(name, column.data_type().clone(), true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        schema, columns, &options,
    )?)
}

fn compile(expr: &Expr, schema: &Arc<Schema>) -> Result<Arc<dyn PhysicalExpr>> {
    let schema = DFSchema::try_from(Arc::clone(schema))?;
    let context = PhysicalPlanningContext::default();
    create_physical_expr(expr, &schema, &ExecutionProps::new(), &context)
}

/// How many of each row's elements a filter keeps.
fn kept(lengths: &[usize], keeps: &BooleanArray) -> Vec<usize> {
    let mut flags = keeps.iter();
    let count = |length: &usize| {
        flags
            .by_ref()
            .take(*length)
            .filter(|keep| *keep == Some(true))
            .count()
    };
    lengths.iter().map(count).collect()
}

fn items(function: &PerRow, elements: &RecordBatch) -> Result<ArrayRef> {
    let items = compile(&function.item, &elements.schema())?.evaluate(elements)?;
    items.into_array(elements.num_rows())
}

fn only(items: &ArrayRef, ranges: impl Iterator<Item = Range<usize>>) -> Result<ArrayRef> {
    let mut places = Vec::new();
    for range in ranges {
        places.push(match range.len() {
            0 => None,
            1 => Some(range.start as u64),
            count => return exec_err!("a query used as a value gave {count} rows"),
        });
    }
    Ok(take(items, &UInt64Array::from(places), None)?)
}

fn all(items: &ArrayRef, ranges: impl Iterator<Item = Range<usize>>) -> Result<ArrayRef> {
    let items = items.as_binary_view();
    let null = k::encode(&Value::Null);
    let mut arrays = BinaryViewBuilder::new();
    for range in ranges {
        let mut array = k::ArrayBuilder::new();
        for place in range {
            let item = match items.is_valid(place) {
                true => items.value(place),
                false => &null,
            };
            array.push(item).map_err(damaged)?;
        }
        arrays.append_value(array.finish());
    }
    Ok(Arc::new(arrays.finish()))
}

/// The item over the aggregates of each row's elements.
fn aggregate(
    function: &PerRow,
    elements: &RecordBatch,
    ranges: impl Iterator<Item = Range<usize>>,
    arguments: &[ArrayRef],
    rows: usize,
) -> Result<ArrayRef> {
    let (item, calls) = without_aggregates(&function.item)?;
    let ranges: Vec<_> = ranges.collect();
    let mut columns: Vec<(String, ArrayRef)> = arguments[1..]
        .iter()
        .enumerate()
        .map(|(index, argument)| (index.to_string(), Arc::clone(argument)))
        .collect();
    for (index, call) in calls.iter().enumerate() {
        let call = Call::new(call, &elements.schema())?;
        let values = ranges.iter().map(|range| call.value(elements, range));
        let values = ScalarValue::iter_to_array(values.collect::<Result<Vec<_>>>()?)?;
        columns.push((aggregate_name(index), values));
    }
    let grouped = batch(columns, rows)?;
    compile(&item, &grouped.schema())?
        .evaluate(&grouped)?
        .into_array(rows)
}

fn aggregate_name(index: usize) -> String {
    format!("aggregate {index}")
}

/// The expression over columns that stand for its calls of aggregates, and those calls.
fn without_aggregates(item: &Expr) -> Result<(Expr, Vec<AggregateFunction>)> {
    let mut calls: Vec<AggregateFunction> = Vec::new();
    let item = item.clone().transform_down(|node| {
        let Expr::AggregateFunction(call) = node else {
            return Ok(Transformed::no(node));
        };
        let known = calls.iter().position(|known| *known == call);
        let index = known.unwrap_or(calls.len());
        if known.is_none() {
            calls.push(call);
        }
        let column = Expr::Column(Column::new_unqualified(aggregate_name(index)));
        Ok(Transformed::new(column, true, TreeNodeRecursion::Jump))
    });
    Ok((item.data()?, calls))
}

/// One aggregate, ready for the elements of one row after the other.
struct Call {
    function: AggregateFunctionExpr,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

impl Call {
    fn new(call: &AggregateFunction, schema: &Arc<Schema>) -> Result<Self> {
        let arguments = call
            .params
            .args
            .iter()
            .map(|argument| compile(argument, schema))
            .collect::<Result<Vec<_>>>()?;
        let filter = call.params.filter.as_ref();
        let filter = filter.map(|filter| compile(filter, schema)).transpose()?;
        let ignores_nulls = call.params.null_treatment == Some(NullTreatment::IgnoreNulls);
        let function = AggregateExprBuilder::new(Arc::clone(&call.func), arguments.clone())
            .schema(Arc::clone(schema))
            .alias("aggregate")
            .with_distinct(call.params.distinct)
            .with_ignore_nulls(ignores_nulls)
            .build()?;
        Ok(Self {
            function,
            arguments,
            filter,
        })
    }

    fn value(&self, elements: &RecordBatch, range: &Range<usize>) -> Result<ScalarValue> {
        let mut rows = elements.slice(range.start, range.len());
        if let Some(filter) = &self.filter {
            let keeps = filter.evaluate(&rows)?.into_array(rows.num_rows())?;
            rows = filter_record_batch(&rows, keeps.as_boolean())?;
        }
        let mut accumulator = self.function.create_accumulator()?;
        if rows.num_rows() > 0 {
            let values = self.arguments.iter();
            let values = values
                .map(|argument| argument.evaluate(&rows)?.into_array(rows.num_rows()))
                .collect::<Result<Vec<_>>>()?;
            accumulator.update_batch(&values)?;
        }
        accumulator.evaluate()
    }
}
