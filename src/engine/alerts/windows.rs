//! Maintenance windows, and when each has to be told to the desk anew. Pure.

use std::{collections::BTreeMap, sync::Arc};

use crate::{alert::desk::Mute, clock::WallMs, model::MaintenanceWindow, model::ObjectKey};

/// All that there are.
#[derive(Default)]
pub(crate) struct Windows {
    all: BTreeMap<ObjectKey, Arc<MaintenanceWindow>>,
    /// When the first of them closes, by the wall clock.
    next: Option<WallMs>,
}

impl Windows {
    /// Puts a window in place of what stood under its key.
    pub(crate) fn set(&mut self, key: &ObjectKey, window: Option<Arc<MaintenanceWindow>>) {
        match window {
            Some(window) => self.all.insert(key.clone(), window),
            None => self.all.remove(key),
        };
    }

    /// What the window mutes at `at`, or next after it.
    pub(crate) fn mute(&mut self, key: &ObjectKey, operator: &str, at: WallMs) -> Option<Mute> {
        let mute = self.all.get(key).and_then(|window| Mute::of_window(window, operator, at))?;
        self.next = Some(self.next.map_or(mute.ends_at, |next| next.min(mute.ends_at)));
        Some(mute)
    }

    /// Those to be told anew at `at`, as one that has closed may open again.
    pub(crate) fn turned(&mut self, at: WallMs) -> Vec<ObjectKey> {
        if self.next.is_none_or(|next| next > at) {
            return Vec::new();
        }
        self.next = None;
        self.all.keys().cloned().collect()
    }
}
