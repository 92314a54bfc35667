//! Which time planned work leaves out of an SLO. Pure.
//!
//! A window that selects the SLOTarget, or each of its checks, leaves its time out; one that selects some of its checks
//! leaves these out of the minutes that it is open in, and the others speak for them.

use std::sync::Arc;

use crate::{
    clock::WallMs,
    history::MINUTE_MS,
    model::{Labels, MaintenanceWindow, SloTarget},
    slo::Excluded,
};

/// The planned work that is about one SLOTarget.
#[derive(Default)]
pub(super) struct Planned {
    windows: Vec<About>,
    /// When all of it is left out.
    whole: Excluded,
}

struct About {
    window: Arc<MaintenanceWindow>,
    /// None: about all of it. Else about these checks, by their place, in this time.
    checks: Option<(Vec<usize>, Excluded)>,
}

impl Planned {
    /// Of all windows those that are about this target, over a time in minutes since the epoch.
    pub(super) fn of<'a>(
        windows: impl IntoIterator<Item = &'a Arc<MaintenanceWindow>>,
        operator: &str,
        target: &SloTarget,
        checks: &[&Labels],
        (from, to): (u32, u32),
    ) -> Self {
        let mut planned = Self::default();
        let mut whole = Vec::new();
        for window in windows {
            let namespace = &*window.key.namespace;
            if !window.exclude_from_slo || (namespace != operator && *namespace != *target.key.namespace) {
                continue;
            }
            let selects = |labels: &Labels| window.selector.matches(labels);
            let selected: Vec<_> =
                checks.iter().enumerate().filter(|(_, labels)| selects(labels)).map(|(at, _)| at).collect();
            let ms = |minute: u32| i64::from(minute) * MINUTE_MS;
            let open = window.window.overlaps(ms(from), ms(to));
            let about = if selects(&target.labels) || (selected.len() == checks.len() && !checks.is_empty()) {
                whole.extend(open);
                None
            } else if selected.is_empty() {
                continue;
            } else {
                Some((selected, Excluded::new(open)))
            };
            planned.windows.push(About { window: window.clone(), checks: about });
        }
        planned.whole = Excluded::new(whole);
        planned
    }

    /// Whether both are the same work about the same checks.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let places = |about: &About| about.checks.as_ref().map(|(checks, _)| checks.clone());
        let same = |a: &About, b: &About| Arc::ptr_eq(&a.window, &b.window) && places(a) == places(b);
        self.windows.len() == other.windows.len() && self.windows.iter().zip(&other.windows).all(|(a, b)| same(a, b))
    }

    /// How much of a minute is left out, 0 to 1; of the one that runs at `now`, of what has passed of it.
    pub(super) fn share(&self, minute: u32, now: WallMs) -> f64 {
        self.whole.share(minute, now)
    }

    /// Whether this check, by its place, is left out of a minute though others of the target are not.
    pub(super) fn leaves_out(&self, at: usize, minute: u32) -> bool {
        self.windows
            .iter()
            .filter_map(|about| about.checks.as_ref())
            .any(|(checks, open)| checks.binary_search(&at).is_ok() && open.touches(minute, minute.saturating_add(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{ObjectKey, Selector},
        schedule::Window,
        slo::{AllowanceOf, Indicator, Objective, Tolerance, Window as SloWindow},
    };

    fn labels(text: &str) -> Labels {
        Arc::new([("tier".to_owned(), text.to_owned())].into())
    }

    fn window(namespace: &str, selector: &str, minutes: (i64, i64), exclude_from_slo: bool) -> Arc<MaintenanceWindow> {
        Arc::new(MaintenanceWindow {
            key: ObjectKey::new(namespace, "work"),
            generation: 1,
            labels: Labels::default(),
            selector: Selector::parse(selector).unwrap(),
            window: Window::once(minutes.0 * MINUTE_MS, minutes.1 * MINUTE_MS).unwrap(),
            mute_alerts: true,
            exclude_from_slo,
        })
    }

    fn target() -> SloTarget {
        SloTarget {
            key: ObjectKey::new("shop", "availability"),
            generation: 1,
            labels: labels("slo"),
            report_as: "availability".into(),
            description: None,
            checks: Selector::default(),
            objective: Objective {
                indicator: Indicator::ErrorRate,
                target: 1.0,
                window: SloWindow::Rolling(std::time::Duration::from_secs(86_400)),
                tolerance: Tolerance { percent: 10.0, of: AllowanceOf::Allowance },
                tiers: Arc::default(),
            },
            alerting: None,
            left_out: Arc::default(),
        }
    }

    #[test]
    fn a_window_is_about_a_target_by_its_own_labels_or_those_of_its_checks() {
        let checks = [labels("web"), labels("db")];
        let checks: Vec<_> = checks.iter().collect();
        for (window, whole, first, second) in [
            (window("shop", "tier=slo", (10, 20), true), true, false, false),
            (window("shop", "tier in (web, db)", (10, 20), true), true, false, false),
            (window("shop", "", (10, 20), true), true, false, false),
            (window("shop", "tier=db", (10, 20), true), false, false, true),
            (window("shop", "tier=slo", (10, 20), false), false, false, false),
            (window("shop", "tier=cache", (10, 20), true), false, false, false),
            (window("other", "", (10, 20), true), false, false, false),
            (window("operator", "", (10, 20), true), true, false, false),
        ] {
            let planned = Planned::of([&window], "operator", &target(), &checks, (0, 100));
            for minute in [9, 10, 19, 20] {
                let is_open = (10..20).contains(&minute);
                let share = if whole && is_open { 1.0 } else { 0.0 };
                assert_eq!(planned.share(minute, i64::MAX), share, "{window:?} {minute}");
                assert_eq!(planned.leaves_out(0, minute), first && is_open, "{window:?} {minute}");
                assert_eq!(planned.leaves_out(1, minute), second && is_open, "{window:?} {minute}");
            }
        }
    }
}
