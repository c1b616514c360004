//! What a load tells the user: failures as they come, a progress bar, and a closing line.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Failures beyond this number are counted and no longer printed: a wrong file would flood the terminal.
const FAILURES_PRINTED_MAX: u64 = 100;
/// How often the bar is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// Counts and prints; shared by the reader and all lanes.
pub(crate) struct Report {
    bar: ProgressBar,
    start: Instant,
    loaded: AtomicU64,
    failed: AtomicU64,
}

impl Report {
    /// Starts the clock and, on a terminal, the bar. `total_bytes` is unknown with standard input.
    pub(crate) fn new(total_bytes: Option<u64>) -> Self {
        let bar = match total_bytes {
            Some(bytes) => ProgressBar::new(bytes).with_style(style(
                "{bar:30} {binary_bytes}/{binary_total_bytes} {msg} ({eta} left)",
            )),
            None => ProgressBar::no_length().with_style(style("{spinner} {binary_bytes} {msg}")),
        };
        bar.enable_steady_tick(TICK);
        Self {
            bar,
            start: Instant::now(),
            loaded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// So many more bytes of the files were read.
    pub(crate) fn read_bytes(&self, count: usize) {
        self.bar.inc(count as u64);
    }

    /// So many more documents are stored.
    pub(crate) fn loaded(&self, count: u64) {
        let loaded = self.loaded.fetch_add(count, Ordering::Relaxed) + count;
        self.bar.set_message(format!("{loaded} documents"));
    }

    /// A line, or the document that begins there, was not stored.
    pub(crate) fn line_failed(&self, file: &str, line: u64, reason: &str) {
        self.failure(&format!("{file}:{line}: {reason}"));
    }

    /// A file could not be read, or not to its end.
    pub(crate) fn file_failed(&self, file: &str, reason: &str) {
        self.failure(&format!("{file}: {reason}"));
    }

    fn failure(&self, message: &str) {
        let before = self.failed.fetch_add(1, Ordering::Relaxed);
        self.bar.suspend(|| match before {
            0..FAILURES_PRINTED_MAX => eprintln!("{message}"),
            FAILURES_PRINTED_MAX => eprintln!("… and more, which are only counted"),
            _ => {}
        });
    }

    /// Prints the closing line; the number of failures.
    pub(crate) fn finish(&self, target: &str) -> u64 {
        self.bar.finish_and_clear();
        let loaded = self.loaded.load(Ordering::Relaxed);
        let failed = self.failed.load(Ordering::Relaxed);
        let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
        let rate = loaded as f64 / seconds;
        let documents = if loaded == 1 { "document" } else { "documents" };
        eprintln!(
            "{loaded} {documents} loaded into {target} in {seconds:.1} s ({rate:.0} per second), {failed} failed"
        );
        failed
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the template is a constant that the tests build")
}

#[cfg(test)]
mod tests {
    use super::Report;

    #[test]
    fn failures_are_counted() {
        let report = Report::new(Some(10));
        report.read_bytes(10);
        report.loaded(2);
        report.line_failed("f", 3, "no");
        report.file_failed("g", "gone");
        assert_eq!(report.finish("commons.c"), 2);
        assert_eq!(Report::new(None).finish("commons.c"), 0);
    }
}
