//! Provides question sets, typos and a memory reading for the benchmarks of the matcher.

#[path = "../../tests/common/random.rs"]
pub mod random;
pub mod sets;
pub mod slips;

use std::fs;

/// Returns the resident memory of this process in bytes; 0 on systems without `/proc`.
#[must_use]
pub fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1_000
}
