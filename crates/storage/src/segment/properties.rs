//! How each column of a segment is encoded.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type};
use hashbrown::HashSet;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{
    EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
};
use parquet::schema::types::ColumnPath;

use super::hash::hash64;
use crate::chunk::{Chunk, ChunkColumn, ints};
use crate::sub_column::{DOCUMENT_COLUMN, SubColumn};

/// Rows of a data page: the unit of skipping inside a column.
const PAGE_ROWS: usize = 8192;

/// Bytes of a data page of documents: what reading a single one decompresses.
const DOCUMENT_PAGE_BYTES: usize = 32 * 1024;

/// Values looked at to decide whether a column repeats itself.
const SAMPLE_VALUES: usize = 2048;

/// The properties of a file with these columns and the documents; `sample` holds some of the rows.
pub(crate) fn of_columns(columns: &[SubColumn], sample: &Chunk) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("outcrop ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::LZ4_RAW)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Page);
    for name in columns {
        let path = ColumnPath::from(name.name());
        builder = of_column(builder, path, name, sample.column(name));
    }
    // Documents are more than half of a file. Zstandard at its lowest level makes them a third
    // smaller than LZ4 does, for 15 µs more per page; columns are scanned, so there LZ4 stays.
    let document = ColumnPath::from(DOCUMENT_COLUMN);
    builder
        .set_column_dictionary_enabled(document.clone(), false)
        .set_column_compression(document.clone(), Compression::ZSTD(ZstdLevel::default()))
        .set_column_data_page_size_limit(document.clone(), DOCUMENT_PAGE_BYTES)
        .set_column_statistics_enabled(document, EnabledStatistics::None)
        .build()
}

fn of_column(
    builder: WriterPropertiesBuilder,
    path: ColumnPath,
    name: &SubColumn,
    sample: Option<&ChunkColumn>,
) -> WriterPropertiesBuilder {
    if name.kind.is_k() {
        return builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None);
    }
    // A reader of a single row decodes the whole dictionary: it must pay. Where the sample knows
    // nothing Parquet tries one, and gives up when it gets too large.
    let repeats = sample.is_none_or(|column| repeats(column.values.as_ref()));
    let builder = builder.set_column_dictionary_enabled(path.clone(), repeats);
    if is_int(&name.kind.data_type()) {
        builder.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
    } else {
        builder
    }
}

fn is_int(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Int64 | DataType::Time64(_) | DataType::Timestamp(_, _)
    )
}

/// Whether a sample of the values holds each one twice or more on average.
fn repeats(values: &dyn Array) -> bool {
    let step = (values.len() / SAMPLE_VALUES).max(1);
    let sample = (0..values.len()).step_by(step);
    let sample_len = sample.len();
    let distinct: HashSet<u64> = match values.data_type() {
        DataType::Utf8View => {
            let strings = values.as_string_view();
            sample
                .map(|index| hash64(strings.value(index).as_bytes()))
                .collect()
        }
        DataType::Float64 => {
            let floats = values.as_primitive::<Float64Type>();
            sample.map(|index| floats.value(index).to_bits()).collect()
        }
        DataType::Date32 => {
            let dates = values.as_primitive::<Date32Type>();
            sample
                .map(|index| u64::from(dates.value(index).cast_unsigned()))
                .collect()
        }
        data_type if is_int(data_type) => {
            let ints = ints(values);
            sample.map(|index| ints[index].cast_unsigned()).collect()
        }
        _ => return false,
    };
    distinct.len() * 2 <= sample_len
}
