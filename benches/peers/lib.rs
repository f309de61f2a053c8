//! What the measurements of the matcher share: sets of questions, and slips of the finger.

#[path = "../../tests/common/random.rs"]
pub mod random;
pub mod sets;
pub mod slips;

use std::fs;

/// The memory in use in bytes, where the system tells.
#[must_use]
pub fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()).unwrap_or_default() * 1_000
}
