//! The machine's own files about names, read again when they change: a laptop changes its DNS servers with
//! every network, and people edit their hosts file.

use std::{fs::Metadata, path::Path, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use parking_lot::Mutex;

use super::lookup::System;

const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// How old what we know of the files may be.
const FRESH: Duration = Duration::from_secs(5);

/// What tells that a file was written: its device, inode, size and time of modification in nanoseconds.
type Stamp = Option<(u64, u64, u64, i64)>;

pub(super) struct Machine {
    system: ArcSwap<System>,
    /// None when no file has a say.
    seen: Option<Mutex<Seen>>,
}

struct Seen {
    /// On the monotonic clock.
    at: Duration,
    stamps: [Stamp; 2],
}

impl Machine {
    pub(super) fn new(now: Duration) -> Self {
        let seen = Seen { at: now, stamps: stamps() };
        Self { system: ArcSwap::from_pointee(System::read()), seen: Some(Mutex::new(seen)) }
    }

    pub(super) fn fixed(system: System) -> Self {
        Self { system: ArcSwap::from_pointee(system), seen: None }
    }

    /// The present configuration. Called for look-ups that are in no cache, and costs two `stat` every few seconds.
    pub(super) fn system(&self, now: Duration) -> Arc<System> {
        let changed = self.seen.as_ref().and_then(Mutex::try_lock).is_some_and(|mut seen| {
            if now.saturating_sub(seen.at) < FRESH {
                return false;
            }
            seen.at = now;
            let stamps = stamps();
            std::mem::replace(&mut seen.stamps, stamps) != stamps
        });
        if changed {
            tracing::info!("the machine's DNS configuration has changed, and is read again");
            self.system.store(Arc::new(System::read()));
        }
        self.system.load_full()
    }
}

fn stamps() -> [Stamp; 2] {
    FILES.map(|path| std::fs::metadata(Path::new(path)).ok().as_ref().map(stamp))
}

fn stamp(metadata: &Metadata) -> (u64, u64, u64, i64) {
    use std::os::unix::fs::MetadataExt as _;
    let modified = metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
    (metadata.dev(), metadata.ino(), metadata.size(), modified)
}
