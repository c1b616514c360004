//! What the operating system tells of this process.
//!
//! Linux alone tells it; elsewhere nothing is known.

use std::time::Duration;

/// Ticks of a second in `/proc`, on every platform that Rust has.
const TICKS_PER_SECOND: u64 = 100;

/// Memory of this process that is its own, without pages of files.
pub(crate) fn anonymous_bytes() -> Option<usize> {
    let status = read("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: usize = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Time of processors that this process has had.
pub(crate) fn processor_time() -> Option<Duration> {
    let stat = read("/proc/self/stat")?;
    // The name of the program is in brackets, and may have spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<u64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some(Duration::from_millis(
        (user + system) * 1000 / TICKS_PER_SECOND,
    ))
}

#[cfg(target_os = "linux")]
#[expect(
    clippy::disallowed_methods,
    reason = "it asks the operating system about this process; no data is read"
)]
fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

#[cfg(not(target_os = "linux"))]
fn read(_path: &str) -> Option<String> {
    None
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn work_takes_processor_time() {
        let before = processor_time().unwrap();
        let mut sum = 0_u64;
        while processor_time().unwrap() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(processor_time().unwrap() > before);
    }

    #[test]
    fn memory_of_the_process_is_known() {
        assert!(anonymous_bytes().unwrap() > 0);
    }
}
