//! Arrays without the bytes around their values.
//!
//! Strings and bytes come as views into whole pages of a segment, or into all documents of a chunk. Whoever keeps a
//! few of them keeps the pages as well.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, GenericByteViewArray};
use arrow::datatypes::{BinaryViewType, ByteViewType, DataType, StringViewType};

/// An array is copied if it keeps more than this, and more than twice what its values need.
const BYTES_MIN: usize = 64 << 10;

/// A copy of the array, if it keeps much more than it needs.
pub fn compact_array(array: &ArrayRef) -> Option<ArrayRef> {
    match array.data_type() {
        DataType::Utf8View => views::<StringViewType>(array.as_string_view()),
        DataType::BinaryView => views::<BinaryViewType>(array.as_binary_view()),
        _ => None,
    }
}

fn views<T: ByteViewType>(array: &GenericByteViewArray<T>) -> Option<ArrayRef> {
    let kept: usize = array.data_buffers().iter().map(|buffer| buffer.len()).sum();
    let worthwhile = kept > BYTES_MIN && kept / 2 > array.total_buffer_bytes_used();
    worthwhile.then(|| Arc::new(array.gc()) as ArrayRef)
}
