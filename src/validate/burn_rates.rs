//! The alerting of an SLOTarget: by which burn rates somebody is told, and who.

use std::{sync::Arc, time::Duration};

use super::{alert_rule::channel_key, channel, checker::Checker, field::FieldPath, slo_target::is_whole_minutes};
use crate::{
    api::{BurnRateModeSpec, BurnRatesSpec, SloAlertingSpec, TierSpec},
    model::{ObjectKey, SloAlerting},
    slo::{Auto, Tier, auto_tiers},
};

/// What burn rates are held against.
#[derive(Debug, Clone, Copy)]
pub struct Promise {
    /// How long the window is as a rule.
    pub window: Duration,
    /// What may be bad, 0 to 1.
    pub allowance: f64,
}

/// What came of `alerting`.
#[derive(Debug, Default)]
pub struct Burning {
    pub alerting: Option<SloAlerting>,
    pub tiers: Arc<[Tier]>,
    pub left_out: Arc<[Tier]>,
}

/// Of an indicator with a budget. Without `promise`, which had mistakes of its own, it says what it can.
pub fn alerting(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    own: &ObjectKey,
    spec: Option<&SloAlertingSpec>,
    promise: Option<Promise>,
) -> Option<Burning> {
    let Some(spec) = spec else { return Some(Burning::default()) };
    let at = path.field("burnRates");
    let mode = mode(spec);
    let custom = spec.burn_rates.as_ref().map(|spec| custom(checker, &at, spec, promise));
    let (tiers, left_out) = match mode {
        BurnRateModeSpec::None => return custom.is_none_or(|custom| custom.is_some()).then(Burning::default),
        BurnRateModeSpec::Custom => (custom??, Vec::new()),
        BurnRateModeSpec::Auto => {
            let Promise { window, allowance } = promise?;
            let Auto { tiers, left_out } = auto_tiers(window, allowance);
            (tiers, left_out)
        }
    };
    let notify = spec.notify.iter().flatten().map(|channel| channel_key(own, channel)).collect();
    Some(Burning { alerting: Some(SloAlerting { notify }), tiers: tiers.into(), left_out: left_out.into() })
}

/// Of an indicator without a budget: nothing burns, and whoever asks for alerts is not to wait for them in vain.
pub fn without_budget(checker: &mut Checker<'_>, path: &FieldPath, spec: Option<&SloAlertingSpec>) -> Option<Burning> {
    if spec.is_some_and(|spec| mode(spec) != BurnRateModeSpec::None) {
        let hint = "leave it out; an AlertRule with a probe condition tells of latencies";
        checker.refuse_with(path, "a response time has no error budget that could burn", hint);
        return None;
    }
    Some(Burning::default())
}

fn mode(spec: &SloAlertingSpec) -> BurnRateModeSpec {
    spec.burn_rates.as_ref().map(|spec| spec.mode).unwrap_or_default()
}

/// The tiers that are given, the fastest first; none for the other modes.
fn custom(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: &BurnRatesSpec,
    promise: Option<Promise>,
) -> Option<Vec<Tier>> {
    let at = path.field("tiers");
    if (spec.mode == BurnRateModeSpec::Custom) != checker.is_set(&at) {
        let hint = "tiers: [{long: 1h, short: 5m, factor: 14.4, severity: critical}]";
        checker.refuse_with(&at, "tiers go with mode: Custom, which has no others", hint);
        return None;
    }
    if checker.was_left_out(&at) {
        return None;
    }
    let tiers = spec.tiers.iter().flatten().enumerate();
    let tiers: Vec<_> = tiers.map(|(number, spec)| tier(checker, &at.index(number), spec, promise)).collect();
    let mut tiers = tiers.into_iter().collect::<Option<Vec<_>>>()?;
    tiers.sort_by(|a, b| b.factor.total_cmp(&a.factor));
    Some(tiers)
}

fn tier(checker: &mut Checker<'_>, path: &FieldPath, spec: &TierSpec, promise: Option<Promise>) -> Option<Tier> {
    let mut length = |field: &str, text| {
        let at = path.field(field);
        let length = checker.window(&at, text)?;
        if !is_whole_minutes(length) {
            checker.refuse(&at, "must be whole minutes, at least one");
            return None;
        }
        Some(length)
    };
    let (long, short) = (length("long", &spec.long), length("short", &spec.short));
    let short = short.filter(|short| {
        let is_shorter = long.is_none_or(|long| *short < long);
        if !is_shorter {
            checker.refuse_with(&path.field("short"), "must be shorter than long", "a twelfth of it, as a rule");
        }
        is_shorter
    });
    let factor_at = path.field("factor");
    let factor = (spec.factor > 0.0 && spec.factor.is_finite()).then_some(spec.factor);
    if factor.is_none() {
        checker.refuse(&factor_at, "must be a number over 0");
    }
    let tier = Tier { long: long?, short: short?, factor: factor?, severity: channel::severity(spec.severity) };
    let Promise { window, allowance } = promise?;
    if tier.long > window {
        checker.refuse(&path.field("long"), "must be no longer than the window of the target");
        return None;
    }
    if !tier.can_fire(allowance) {
        // Three decimals, not rounded up.
        let most = (1_000.0 / allowance).floor() / 1_000.0;
        let message =
            format!("can never be reached: if everything fails the budget burns {most} times as fast as it may");
        checker.refuse_with(&factor_at, message, format!("under {most}"));
        return None;
    }
    Some(tier)
}
