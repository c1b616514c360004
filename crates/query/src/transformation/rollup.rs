//! Running a rollup: documents of a write become parts of groups, and those the documents of groups.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, UInt32Array,
};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Accumulator;
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::physical_expr::aggregate::{AggregateExprBuilder, AggregateFunctionExpr};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, create_physical_expr};
use futures::StreamExt;
use outcrop_document::{Object, Timestamp, Value, k};
use sha2::{Digest, Sha256};

use super::batches::{self, Batches};
use super::{Plan, Transformation, run, state};
use crate::binder::{BoundRollup, OutputColumn, aggregate_column};
use crate::error::QueryError;
use crate::execution::Session;
use crate::rows::{DocumentReader, Undefined};

/// Bytes of a group's hash that make its id.
const ID_BYTES: usize = 16;

/// Bytes that a part of a group takes besides its accumulators, about.
const GROUP_BYTES: usize = 256;

/// What became of the documents of one write.
#[derive(Debug)]
pub struct RolledUp {
    /// The parts of groups, in the order of the documents: a group may have several, which have to
    /// be merged one after the other.
    pub parts: Vec<GroupPart>,
    /// For each document the id of its group (of one of them, if it was unnested; of none if it was
    /// filtered out), or why it failed.
    pub documents: Vec<Result<Option<String>, String>>,
}

/// What some documents of a write add to one group.
#[derive(Debug)]
pub struct GroupPart {
    id: String,
    rollup: Arc<Rollup>,
    states: Vec<Vec<ScalarValue>>,
}

/// A compiled rollup.
#[derive(Debug)]
pub(super) struct Rollup {
    key_count: usize,
    aggregates: Vec<Aggregate>,
    /// Types of the values that make up the state of each aggregate.
    state_types: Vec<Vec<DataType>>,
    /// One column per aggregate: what the items are computed from.
    finished: SchemaRef,
    items: Vec<Arc<dyn PhysicalExpr>>,
    output: Arc<[OutputColumn]>,
}

#[derive(Debug)]
struct Aggregate {
    function: AggregateFunctionExpr,
    arguments: Range<usize>,
    filter: Option<usize>,
}

type Accumulators = Vec<Box<dyn Accumulator>>;

/// The groups of one batch by their keys.
type Groups = BTreeMap<Vec<u8>, Accumulators>;

impl Transformation {
    /// Rolls `documents` up, with `now` as the time of `CURRENT_TIMESTAMP()` and its like.
    ///
    /// # Errors
    /// [`QueryError::Internal`] if it is no rollup, [`QueryError::ResultTooLarge`] if the groups come
    /// to too many bytes, and what is no fault of one document.
    pub(crate) async fn roll_up(
        &self,
        session: &Session,
        documents: Vec<Object>,
        now: Timestamp,
    ) -> Result<RolledUp, QueryError> {
        let plan = self.plan_at(session, now).await?;
        let Some(rollup) = plan.rollup.as_ref().map(Arc::clone) else {
            let message = "a transformation that is no rollup was run as one".to_owned();
            return Err(QueryError::Internal { message });
        };
        let encode = |document| k::encode(&Value::Object(document));
        let documents: Vec<Vec<u8>> = documents.into_iter().map(encode).collect();
        let mut run = Run {
            session,
            plan,
            rollup,
            rolled_up: RolledUp {
                parts: Vec::new(),
                documents: documents.iter().map(|_| Ok(None)).collect(),
            },
            documents,
            bytes: 0,
        };
        let mut batches = Batches::of(run.documents.len());
        while let Some(range) = batches.next() {
            if let Err(error) = run.batch(range.clone()).await
                && let Some((row, message)) = batches.failed(&range, error)?
            {
                run.rolled_up.documents[row] = Err(message);
            }
        }
        Ok(run.rolled_up)
    }
}

struct Run<'a> {
    session: &'a Session,
    plan: Plan,
    rollup: Arc<Rollup>,
    documents: Vec<Vec<u8>>,
    rolled_up: RolledUp,
    /// Bytes of the groups so far.
    bytes: usize,
}

impl Run<'_> {
    /// Rolls the documents of `range` up, all of them or none.
    async fn batch(&mut self, range: Range<usize>) -> Result<(), QueryError> {
        let documents = &self.documents[range.clone()];
        let mut batches = batches::start(self.session, &self.plan, documents, range.start)?;
        let mut groups = Groups::new();
        let mut sources = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            let rows = run::rows(&batch)?;
            let keys = self.rollup.add(&batch, &mut groups)?;
            sources.extend(rows.into_iter().zip(keys));
        }
        let accumulators = groups.values().flatten();
        let bytes: usize = accumulators.map(|accumulator| accumulator.size()).sum();
        self.bytes += bytes + groups.len() * GROUP_BYTES;
        let bytes_max = self.session.transformation_bytes_max();
        if self.bytes > bytes_max {
            return Err(QueryError::ResultTooLarge {
                limit_bytes: bytes_max as u64,
            });
        }
        let mut parts = Vec::with_capacity(groups.len());
        for (key, accumulators) in groups {
            parts.push(GroupPart {
                id: id(&key),
                rollup: Arc::clone(&self.rollup),
                states: states(accumulators)?,
            });
        }
        for (row, key) in sources {
            if let Some(document) = self.rolled_up.documents.get_mut(row) {
                *document = Ok(Some(id(&key)));
            }
        }
        self.rolled_up.parts.extend(parts);
        Ok(())
    }
}

impl GroupPart {
    /// The `_id` of the group, which depends on what it is grouped by alone.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The document of the group with this part added to it, and the state to store beside it.
    /// `stored` is the state that is stored, if the group has a document.
    ///
    /// # Errors
    /// [`QueryError::Runtime`] if the values do not go together or an item cannot be computed,
    /// [`QueryError::Storage`] and [`QueryError::Internal`] if the state is damaged or of another
    /// rollup.
    pub fn merge(&self, stored: Option<&[u8]>) -> Result<(Object, Vec<u8>), QueryError> {
        let stored = match stored {
            Some(bytes) => Some(state::decode(bytes, &self.rollup.state_types)?),
            None => None,
        };
        let mut accumulators = self.rollup.accumulators()?;
        for (place, accumulator) in accumulators.iter_mut().enumerate() {
            if let Some(stored) = &stored {
                accumulator.merge_batch(&stored[place])?;
            }
            accumulator.merge_batch(&columns(&self.states[place])?)?;
        }
        let states = states(accumulators)?;
        let document = self.rollup.document(&states)?;
        Ok((document, state::encode(&states)?))
    }
}

impl Rollup {
    /// # Errors
    /// Those of planning, and [`QueryError::NotImplemented`] for an aggregate whose state cannot be
    /// stored.
    pub(super) fn new(
        bound: &BoundRollup,
        output: Arc<[OutputColumn]>,
        input: &SchemaRef,
    ) -> Result<Self, QueryError> {
        let mut aggregates = Vec::with_capacity(bound.aggregates.len());
        let mut state_types = Vec::with_capacity(bound.aggregates.len());
        let mut finished = Vec::with_capacity(bound.aggregates.len());
        for (place, aggregate) in bound.aggregates.iter().enumerate() {
            let argument = |column: usize| {
                let name = input.field(column).name();
                Arc::new(Column::new(name, column)) as Arc<dyn PhysicalExpr>
            };
            let arguments = aggregate.arguments.clone().map(argument).collect();
            let name = aggregate_column(place);
            let function = AggregateExprBuilder::new(Arc::clone(&aggregate.function), arguments)
                .schema(Arc::clone(input))
                .alias(&name)
                .build()?;
            let fields = function.state_fields()?;
            let types: Vec<_> = fields
                .iter()
                .map(|field| field.data_type().clone())
                .collect();
            if !types.iter().all(state::is_storable) {
                let what = format!("`{}` in a rollup", function.fun().name());
                return Err(QueryError::not_implemented(what, None));
            }
            finished.push(Field::new(name, function.field().data_type().clone(), true));
            state_types.push(types);
            aggregates.push(Aggregate {
                function,
                arguments: aggregate.arguments.clone(),
                filter: aggregate.filter,
            });
        }
        let finished = Arc::new(Schema::new(finished));
        let schema = DFSchema::try_from(Arc::clone(&finished))?;
        let (properties, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
        let items = bound.items.iter();
        let items = items.map(|item| create_physical_expr(item, &schema, &properties, &context));
        Ok(Self {
            key_count: bound.key_count,
            items: items.collect::<Result<_, DataFusionError>>()?,
            aggregates,
            state_types,
            finished,
            output,
        })
    }

    fn accumulators(&self) -> Result<Accumulators, DataFusionError> {
        let aggregates = self.aggregates.iter();
        aggregates
            .map(|aggregate| aggregate.function.create_accumulator())
            .collect()
    }

    /// Adds the rows of `batch` to their groups and returns the key of each row.
    fn add(&self, batch: &RecordBatch, groups: &mut Groups) -> Result<Vec<Vec<u8>>, QueryError> {
        let keys = self.keys(batch);
        let mut rows_of: BTreeMap<&[u8], Vec<u32>> = BTreeMap::new();
        for (key, row) in keys.iter().zip(0..) {
            rows_of.entry(key).or_default().push(row);
        }
        for (key, rows) in rows_of {
            if !groups.contains_key(key) {
                groups.insert(key.to_vec(), self.accumulators()?);
            }
            let accumulators = groups.get_mut(key).into_iter().flatten();
            for (aggregate, accumulator) in self.aggregates.iter().zip(accumulators) {
                let rows = aggregate.counted(batch, &rows);
                let columns = aggregate.arguments.clone();
                let columns = columns.map(|column| take(batch.column(column), &rows, None));
                let columns = columns.collect::<Result<Vec<_>, _>>();
                accumulator.update_batch(&columns.map_err(DataFusionError::from)?)?;
            }
        }
        Ok(keys)
    }

    /// The key of each row: the keys of its terms, each with a sign in front of it for whether it is
    /// there. A key tells its own end.
    fn keys(&self, batch: &RecordBatch) -> Vec<Vec<u8>> {
        let mut keys = vec![Vec::new(); batch.num_rows()];
        for column in &batch.columns()[..self.key_count] {
            let terms = column.as_binary_view();
            for (key, term) in keys.iter_mut().zip(terms) {
                key.push(u8::from(term.is_some()));
                key.extend_from_slice(term.unwrap_or_default());
            }
        }
        keys
    }

    /// The document of a group with these states.
    fn document(&self, states: &[Vec<ScalarValue>]) -> Result<Object, QueryError> {
        let mut finished = Vec::with_capacity(states.len());
        for (mut accumulator, state) in self.accumulators()?.into_iter().zip(states) {
            accumulator.merge_batch(&columns(state)?)?;
            finished.push(accumulator.evaluate()?.to_array()?);
        }
        let finished = one_row(Arc::clone(&self.finished), finished)?;
        let mut items = Vec::with_capacity(self.items.len());
        for item in &self.items {
            items.push(item.evaluate(&finished)?.into_array(1)?);
        }
        let fields = items.iter().zip(0..).map(|(item, place): (_, usize)| {
            Field::new(format!("item{place}"), item.data_type().clone(), true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let items = one_row(schema, items)?;
        DocumentReader::new(&self.output, &items, Undefined::Null)?.document(0)
    }
}

/// A batch of one row, which may have no columns.
fn one_row(schema: SchemaRef, columns: Vec<ArrayRef>) -> Result<RecordBatch, DataFusionError> {
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(schema, columns, &options);
    Ok(batch?)
}

impl Aggregate {
    /// Those of `rows` that pass its filter.
    fn counted(&self, batch: &RecordBatch, rows: &[u32]) -> UInt32Array {
        let Some(filter) = self.filter else {
            return UInt32Array::from_iter_values(rows.iter().copied());
        };
        let passes = batch.column(filter).as_boolean();
        let passes = |row: u32| passes.is_valid(row as usize) && passes.value(row as usize);
        UInt32Array::from_iter_values(rows.iter().copied().filter(|row| passes(*row)))
    }
}

fn states(accumulators: Accumulators) -> Result<Vec<Vec<ScalarValue>>, DataFusionError> {
    let states = accumulators.into_iter();
    states.map(|mut accumulator| accumulator.state()).collect()
}

/// A state as columns of one row.
fn columns(state: &[ScalarValue]) -> Result<Vec<ArrayRef>, DataFusionError> {
    state.iter().map(ScalarValue::to_array).collect()
}

/// The id of the group of this key: a part of its hash, in hexadecimal digits.
fn id(key: &[u8]) -> String {
    let hash = Sha256::digest(key);
    let digits = hash.iter().take(ID_BYTES);
    digits.map(|byte| format!("{byte:02x}")).collect()
}
