//! Sub-columns that a segment does not store, taken out of its documents.

use arrow::array::{Array, ArrayRef, BinaryViewArray};
use arrow::error::ArrowError;

use crate::chunk::ViewBuffers;
use crate::shred::Shredder;
use crate::sub_column::SubColumn;

/// The values of `column` in each of `documents`; null where a document has none of that type.
///
/// # Errors
/// [`ArrowError::ExternalError`] if a document's bytes are not K.
pub(super) fn extract(
    documents: &BinaryViewArray,
    column: &SubColumn,
) -> Result<ArrayRef, ArrowError> {
    let bytes = documents.iter().map(Option::unwrap_or_default);
    let (builder, aside) = Shredder::extract(bytes, column)
        .map_err(|(_, error)| ArrowError::from_external_error(Box::new(error)))?;
    let buffers = ViewBuffers {
        documents: Vec::<u8>::new().into(),
        aside: aside.into(),
    };
    let rows = u32::try_from(documents.len())
        .map_err(|_| ArrowError::InvalidArgumentError("a batch has too many rows".to_owned()))?;
    builder
        .finish(&buffers)?
        .project(&(0..rows).collect::<Vec<_>>())
}
