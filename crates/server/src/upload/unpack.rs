//! Compressed files.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use outcrop_api::error::ErrorType;

use crate::error::{ApiError, ApiResult};

/// What gzip begins with.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// What Zstandard begins with.
const ZSTD: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
/// How far back Zstandard may look, as a power of two: more than a file may unpack to. By default it is 128 MiB, which
/// a few bytes can ask for.
const ZSTD_WINDOW_LOG_MAX: u32 = 24;

/// What a compressed file unpacks to; `None` if it is not compressed.
///
/// # Errors
/// `INVALIDINPUT` for what is damaged, `CONTENTTOOLARGE` for what unpacks to more than `bytes_max`.
pub(super) fn unpacked(content: &[u8], bytes_max: usize) -> ApiResult<Option<Vec<u8>>> {
    let unpacked = if content.starts_with(GZIP) {
        read(MultiGzDecoder::new(content), bytes_max)
    } else if content.starts_with(ZSTD) {
        zstd(content).and_then(|decoder| read(decoder, bytes_max))
    } else {
        return Ok(None);
    };
    let unpacked = unpacked
        .map_err(|error| ApiError::invalid(format!("the file cannot be unpacked: {error}")))?;
    match unpacked.len() > bytes_max {
        false => Ok(Some(unpacked)),
        true => Err(too_large(bytes_max)),
    }
}

/// The failure of a file that unpacks to too much.
pub(super) fn too_large(bytes_max: usize) -> ApiError {
    ApiError::new(
        ErrorType::ContentTooLarge,
        format!("the file unpacks to more than the limit of {bytes_max} bytes"),
    )
}

fn zstd(content: &[u8]) -> io::Result<impl Read> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(content)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// All there is, but of what is too much no more than a byte.
fn read(decoder: impl Read, bytes_max: usize) -> io::Result<Vec<u8>> {
    let bound = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut unpacked = Vec::new();
    decoder
        .take(bound.saturating_add(1))
        .read_to_end(&mut unpacked)?;
    Ok(unpacked)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(content: &[u8]) -> Vec<u8> {
        zstd::encode_all(content, 0).unwrap()
    }

    #[test]
    fn what_unpacks_to_too_much_is_refused() {
        for pack in [gzip, zstd] {
            let packed = pack(&vec![b' '; 10_000]);
            assert_eq!(unpacked(&packed, 10_000).unwrap().unwrap().len(), 10_000);
            let error = unpacked(&packed, 9_999).unwrap_err();
            assert_eq!(error.model.error_type, ErrorType::ContentTooLarge);
            let cut_off = &packed[..packed.len() - 9];
            let error = unpacked(cut_off, 10_000).unwrap_err();
            assert_eq!(error.model.error_type, ErrorType::InvalidInput);
            let twice = [&packed[..], &packed].concat();
            assert_eq!(unpacked(&twice, 20_000).unwrap().unwrap().len(), 20_000);
        }
    }

    #[test]
    fn a_window_that_no_file_needs_is_refused() {
        // A frame without a size whose window is 128 MiB, and one empty block.
        let frame = [ZSTD, &[0x00, 0x88, 0x01, 0x00, 0x00]].concat();
        let error = unpacked(&frame, 10_000).unwrap_err();
        assert_eq!(error.model.error_type, ErrorType::InvalidInput);
        let small = [ZSTD, &[0x00, 0x70, 0x01, 0x00, 0x00]].concat();
        assert_eq!(unpacked(&small, 10_000).unwrap(), Some(Vec::new()));
    }
}
