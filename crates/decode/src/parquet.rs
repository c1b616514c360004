//! Parquet: a document for each row.
//!
//! The types are those of Parquet's own schema. The schema of Arrow that some writers put beside it is passed over.

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::basic::Type as PhysicalType;
use arrow::array::RecordBatchReader as _;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, TimeUnit};
use bytes::Bytes;

use crate::columns;
use crate::{DecodeError, Sink};

/// Rows that are decoded together.
const BATCH_ROWS: usize = 1024;

/// Hands the rows to `sink`.
pub(crate) fn read(file: Vec<u8>, sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    let file = Bytes::from(file);
    let plain = || ArrowReaderOptions::new().with_skip_arrow_metadata(true);
    let metadata = ArrowReaderMetadata::load(&file, plain()).map_err(DecodeError::file)?;
    columns::check(metadata.schema().fields())?;
    let columns = metadata.metadata().file_metadata().schema_descr();
    let mut leaves = columns.columns().iter().map(|leaf| leaf.physical_type());
    let fields = in_microseconds(metadata.schema().fields(), &mut leaves);
    let options = plain().with_schema(Arc::new(Schema::new(fields)));
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
        .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
        .map_err(DecodeError::file)?;
    let schema = reader.schema();
    let mut rows_before = 0;
    for batch in reader {
        let batch = batch.map_err(DecodeError::file)?;
        for row in 0..batch.num_rows() {
            let document = columns::document(schema.fields(), batch.columns(), row);
            let number = rows_before + row + 1;
            sink(document.map_err(|reason| format!("row {number}: {reason}")))?;
        }
        rows_before += batch.num_rows();
    }
    Ok(())
}

/// The fields with old 96-bit timestamps in microseconds. In nanoseconds, which is what they are by default, 64 bits end
/// in the year 2262, and what is later comes out wrong.
fn in_microseconds(
    fields: &Fields,
    leaves: &mut dyn Iterator<Item = PhysicalType>,
) -> Vec<FieldRef> {
    let fields = fields.iter();
    fields
        .map(|field| field_in_microseconds(field, leaves))
        .collect()
}

fn field_in_microseconds(
    field: &Field,
    leaves: &mut dyn Iterator<Item = PhysicalType>,
) -> FieldRef {
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(in_microseconds(fields, leaves).into()),
        DataType::List(element) => DataType::List(field_in_microseconds(element, leaves)),
        DataType::Map(entry, sorted) => {
            DataType::Map(field_in_microseconds(entry, leaves), *sorted)
        }
        leaf => match leaves.next() {
            Some(PhysicalType::INT96) => DataType::Timestamp(TimeUnit::Microsecond, None),
            _ => leaf.clone(),
        },
    };
    Arc::new(field.clone().with_data_type(data_type))
}
