//! Opening a file, standard input included, and undoing gzip.

use super::report::Report;
use anyhow::{Context, Result};
use flate2::bufread::MultiGzDecoder;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The size of all files in bytes, or `None` with standard input among them. A file that cannot be read counts
/// as empty here; opening it tells why.
pub(crate) fn total_bytes(files: &[PathBuf]) -> Result<Option<u64>> {
    let stdin_count = files.iter().filter(|path| is_stdin(path)).count();
    if stdin_count > 1 {
        anyhow::bail!("standard input (`-`) can be read only once");
    }
    let sizes = files
        .iter()
        .map(|path| std::fs::metadata(path).map_or(0, |metadata| metadata.len()));
    Ok((stdin_count == 0).then(|| sizes.sum()))
}

/// Opens a file for reading its plain text. What is read counts as progress of `report`.
pub(crate) fn open(path: &Path, report: &Arc<Report>) -> Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if is_stdin(path) {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(path).context("cannot open it")?)
    };
    let counted = Counted {
        inner: raw,
        report: Arc::clone(report),
    };
    let mut buffered = BufReader::with_capacity(BUFFER_BYTES, counted);
    // A pipe may hand over a single byte at first; then the second one is not looked at, which only matters
    // for a gzip stream that trickles in.
    let gzip = buffered
        .fill_buf()
        .context("cannot read it")?
        .starts_with(&GZIP_MAGIC);
    if gzip {
        let plain = MultiGzDecoder::new(buffered);
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
    }
    Ok(Box::new(buffered))
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Tells the report how much was read.
struct Counted<R> {
    inner: R,
    report: Arc<Report>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.report.read_bytes(count);
        Ok(count)
    }
}
