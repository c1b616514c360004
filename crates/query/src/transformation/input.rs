//! `_input`: the table that a transformation reads.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{BinaryViewBuilder, Int64Array, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::internal_datafusion_err;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::stream;

use crate::binder::{INPUT_DOCUMENT, INPUT_ROW};
use crate::types::DYNAMIC;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    Arc::new(Schema::new(vec![
        Field::new(INPUT_DOCUMENT, DYNAMIC, true),
        Field::new(INPUT_ROW, DataType::Int64, true),
    ]))
});

/// The documents of one run, as an extension of the session that its task has.
#[derive(Debug)]
pub(super) struct Input(RecordBatch);

impl Input {
    /// Documents in the K encoding, the first of which is row `first`.
    ///
    /// # Errors
    /// None in fact: the columns are those of the schema.
    pub(super) fn new(documents: &[Vec<u8>], first: usize) -> Result<Self, ArrowError> {
        let mut column = BinaryViewBuilder::with_capacity(documents.len());
        for document in documents {
            column.append_value(document);
        }
        let rows = first..first + documents.len();
        let rows = rows.map(|row| i64::try_from(row).unwrap_or(i64::MAX));
        let rows = Int64Array::from_iter_values(rows);
        let schema = Arc::clone(&SCHEMA);
        let columns = vec![Arc::new(column.finish()) as _, Arc::new(rows) as _];
        RecordBatch::try_new(schema, columns).map(Self)
    }
}

/// The table for the planner.
///
/// # Errors
/// None in fact: the schema is its own.
pub(super) fn table() -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let table = StreamingTable::try_new(Arc::clone(&SCHEMA), vec![Arc::new(InputStream)])?;
    Ok(Arc::new(table))
}

/// Gives the documents of the task that runs it.
#[derive(Debug)]
struct InputStream;

impl PartitionStream for InputStream {
    fn schema(&self) -> &SchemaRef {
        &SCHEMA
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let input = context.session_config().get_extension::<Input>();
        let batch = input
            .map(|input| input.0.clone())
            .ok_or_else(|| internal_datafusion_err!("the task of a transformation has no input"));
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&SCHEMA),
            stream::iter([batch]),
        ))
    }
}
