//! What a process has used, and what its own metrics say. Of all benchmarks.

use std::{fs, time::Duration};

/// CPU time that a process has used so far, all its threads together, user and system.
pub fn cpu(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in parentheses may hold spaces; the fields are counted behind it (proc_pid_stat(5)).
    let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    // The kernel tells user space hundredths of a second, whatever its own tick is.
    Duration::from_millis(ticks * 10)
}

/// Resident memory, in MB (10^6 bytes).
pub fn resident(process: u32) -> f64 {
    memory(process, "VmRSS:")
}

/// A line of what the kernel says of a process's memory (proc_pid_status(5)), in MB.
pub fn memory(process: u32, line: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|found| found.starts_with(line)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0 / 1e6
}

/// The value below which `share` of the durations lie.
pub fn quantile(durations: &mut [Duration], share: f64) -> Duration {
    durations.sort_unstable();
    let at = ((durations.len() as f64 * share).ceil() as usize).clamp(1, durations.len());
    durations[at - 1]
}

/// The buckets of a histogram without labels: upper bound and how many were at or below it.
pub type Buckets = Vec<(f64, f64)>;

/// Reads a histogram from a process's metrics.
pub fn histogram(text: &str, name: &str) -> Buckets {
    let prefix = format!("{name}_bucket{{le=\"");
    let buckets: Buckets = text
        .lines()
        .filter_map(|line| line.strip_prefix(&prefix)?.split_once("\"} "))
        .map(|(bound, count)| (bound.parse().unwrap(), count.parse().unwrap()))
        .collect();
    assert!(!buckets.is_empty(), "there is no histogram {name} in /metrics");
    buckets
}

/// The quantile of what came between two readings, by interpolation within its bucket as Prometheus does it.
pub fn histogram_quantile(before: &Buckets, after: &Buckets, share: f64) -> f64 {
    let counts: Vec<_> = after.iter().zip(before).map(|((bound, new), (_, old))| (*bound, new - old)).collect();
    let total = counts.last().unwrap().1;
    let wanted = total * share;
    let mut low = (0.0, 0.0);
    for (bound, count) in counts {
        if count >= wanted {
            if bound.is_infinite() || count == low.1 {
                return low.0;
            }
            return low.0 + (bound - low.0) * (wanted - low.1) / (count - low.1);
        }
        low = (bound, count);
    }
    low.0
}
