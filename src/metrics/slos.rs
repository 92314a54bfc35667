//! The series of SLOTargets, rendered from their board a slice at a time: ten thousand have some 140,000.

use std::sync::Arc;

use super::text::{self, Lines, escape};
use crate::{
    engine::slos::{Board, Figures, View},
    model::SloTarget,
    slo::State,
};

/// A metric that SLOTargets give.
struct Family {
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    emit: fn(&SloTarget, Option<&Figures>, &mut Lines<'_>),
}

const FAMILIES: &[Family] = &[
    Family {
        name: "probity_slo_objective",
        help: "What is promised, in the indicator's unit.",
        labels: &[],
        emit: |target, _, lines| lines.value(target.objective.target),
    },
    Family {
        name: "probity_slo_state",
        help: "1 for the state that the SLOTarget is in, 0 for the others.",
        labels: &["state"],
        emit: |_, figures, lines| {
            let is = figures.map_or(State::Unknown, |figures| figures.standing().state);
            for state in State::ALL {
                lines.labelled("state", state.as_lower(), f64::from(u8::from(is == state)));
            }
        },
    },
    Family {
        name: "probity_slo_current",
        help: "What was seen in the window, in the indicator's unit, without planned work.",
        labels: &[],
        emit: |_, figures, lines| {
            if let Some(current) = figures.and_then(|figures| figures.standing().current) {
                lines.value(current);
            }
        },
    },
    Family {
        name: "probity_slo_error_budget_remaining_ratio",
        help: "What is left of the error budget: 1 is all of it, below 0 more was spent than there is.",
        labels: &[],
        emit: |_, figures, lines| {
            if let Some(budget) = figures.and_then(|figures| figures.standing().budget.as_ref()) {
                lines.value(budget.remaining_percent / 100.0);
            }
        },
    },
    Family {
        name: "probity_slo_burn_rate",
        help: "How fast the error budget burns over the last so long: at 1 it lasts for its window.",
        labels: &["window"],
        emit: |_, figures, lines| {
            for burn in figures.into_iter().flat_map(|figures| &figures.standing().burn_rates) {
                if let Some(rate) = burn.rate {
                    lines.labelled("window", &burn.name(), rate);
                }
            }
        },
    },
    Family {
        name: "probity_slo_coverage_ratio",
        help: "The share of the window, as far as it has gone on, that was observed.",
        labels: &[],
        emit: |_, figures, lines| {
            if let Some(coverage) = figures.and_then(|figures| figures.standing().coverage) {
                lines.value(coverage / 100.0);
            }
        },
    },
];

/// Every metric that SLOTargets give: name, labels beside `namespace` and `slotarget`, help. All are gauges.
pub fn slo_reference() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static str)> {
    FAMILIES.iter().map(|family| (family.name, family.labels, family.help))
}

/// The targets in force, as they were when a scrape began.
pub(super) struct Pulled {
    targets: Vec<(Arc<View>, String)>,
    family: usize,
    target: usize,
    headed: bool,
}

impl Pulled {
    pub(super) fn new(board: &Board) -> Self {
        let labels = |target: &SloTarget| {
            let mut labels = Vec::new();
            for (name, value) in [("namespace=\"", &target.key.namespace), ("\",slotarget=\"", &target.key.name)] {
                labels.extend_from_slice(name.as_bytes());
                escape(&mut labels, value);
            }
            labels.push(b'"');
            String::from_utf8_lossy(&labels).into_owned()
        };
        let views = board.targets().into_iter().map(|cell| cell.view());
        let targets = views.filter_map(|view| {
            let labels = labels(view.model()?);
            Some((view, labels))
        });
        Self { targets: targets.collect(), family: 0, target: 0, headed: false }
    }

    /// Appends to `out` until it holds at least `size` bytes or there is no more. True while there is more.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, size: usize) -> bool {
        while let Some(family) = FAMILIES.get(self.family) {
            while let Some((view, labels)) = self.targets.get(self.target) {
                if out.len() >= size {
                    return true;
                }
                self.target += 1;
                let Some(target) = view.model() else { continue };
                let before = out.len();
                let mut lines = Lines { out: &mut *out, name: family.name, labels };
                (family.emit)(target, view.figures.as_deref(), &mut lines);
                if !self.headed && out.len() > before {
                    self.headed = true;
                    let mut head = Vec::with_capacity(256);
                    text::head(&mut head, family.name, family.help, "gauge");
                    out.splice(before..before, head);
                }
            }
            (self.family, self.target, self.headed) = (self.family + 1, 0, false);
        }
        false
    }
}
