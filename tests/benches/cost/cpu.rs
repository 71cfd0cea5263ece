//! What the kernel says of a process's CPU time, in nanoseconds and not in ticks; measures of it.

use std::fs;

/// Microseconds that all threads of a process have run.
pub(crate) fn micros(process: u32) -> f64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    let nanos: u64 = threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|stat| stat.split(' ').next()?.parse::<u64>().ok())
        .sum();
    as_f64(nanos) / 1000.0
}

/// A count as a measure.
pub(crate) const fn as_f64(count: u64) -> f64 {
    count as f64
}

/// The value in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
