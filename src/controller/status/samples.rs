//! Objects and alerts for the tables of the other files.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    alert::{
        AlertIs, Counts, Episode, Incident, Labels, Moment, Phase, RuleIs, Shown,
        desk::{MuteKey, MuteKind, Routes, Suppressed},
        rule::Sight,
    },
    clock::WallMs,
    controller::events::{Gravity, Note},
    engine::alerts::board::RuleView,
    health::Reason,
    model::{self, Kind, ObjectId, ObjectKey},
    source::{Entry, Refused, Verdict},
    validate::{self, Lookup, References, ValueKind},
};

pub const NOW: WallMs = 1_800_000_000_000;
/// `NOW` in RFC 3339, and a minute later.
pub const NOW_TEXT: &str = "2027-01-15T08:00:00Z";
pub const LATER: WallMs = NOW + 60_000;

/// A cluster that holds nothing to refer to.
struct Nothing;

impl References for Nothing {
    fn value(&self, _: ValueKind, _: &ObjectKey, _: &str) -> Lookup {
        Lookup::NoObject
    }

    fn health_check_exists(&self, _: &ObjectKey) -> bool {
        false
    }

    fn health_checks(&self, _: &str) -> Vec<Arc<str>> {
        Vec::new()
    }

    fn in_cluster(&self) -> bool {
        true
    }

    fn is_operators(&self, _: &str) -> bool {
        false
    }
}

/// An object that is in force, of namespace `shop` and name `a`.
pub fn entry(kind: Kind, spec: &Value, generation: i64) -> Arc<Entry> {
    let object = json!({
        "apiVersion": "probity.dev/v1alpha1",
        "kind": kind.as_str(),
        "metadata": {"name": "a", "namespace": "shop"},
        "spec": spec,
    });
    let model = validate::object(kind, &object, "shop", &Nothing).unwrap();
    of(kind, Verdict::Accepted(model), generation)
}

pub fn refused(kind: Kind, message: &str, generation: i64) -> Arc<Entry> {
    let refused =
        Refused { ready_reason: "InvalidSpec", reason: Reason::InvalidSpec, message: message.to_owned().into() };
    of(kind, Verdict::Refused(refused), generation)
}

fn of(kind: Kind, verdict: Verdict, generation: i64) -> Arc<Entry> {
    Arc::new(Entry {
        id: ObjectId::new(kind, ObjectKey::new("shop", "a")),
        uid: "u".into(),
        generation,
        labels: model::Labels::default(),
        verdict,
        stale: None,
        note: None,
    })
}

/// A rule in force without alerts, whose alerts go to shop/ops.
pub fn rule_view(generation: i64) -> RuleView {
    let spec = json!({"condition": {"healthCheck": {"name": "web"}}});
    RuleView {
        entry: entry(Kind::AlertRule, &spec, generation),
        sight: Sight::Clear,
        counts: Counts::default(),
        is: RuleIs::Inactive,
        since: NOW - 5_000,
        routes: Routes { channels: vec![ObjectKey::new("shop", "ops")], ..Routes::default() },
    }
}

/// An alert about a check that became so, so many seconds before `NOW`.
pub fn alert(check: &str, is: AlertIs, seconds: i64) -> Arc<Shown> {
    let labels =
        Labels::new([("alertname", "Down"), ("namespace", "shop"), ("severity", "high"), ("healthcheck", check)]);
    let then = Moment { at: NOW - seconds * 1000, wall: NOW - seconds * 1000 };
    let mute = || MuteKey { kind: MuteKind::Silence, object: ObjectKey::new("shop", "deploy") };
    let fires = is != AlertIs::Pending;
    let episode = Episode {
        incident: Incident::of("u", &labels),
        rule: ObjectKey::new("shop", "a"),
        generation: 1,
        subject: check.into(),
        phase: if fires { Phase::Firing } else { Phase::Pending },
        name: "Down".into(),
        severity: Some(model::Severity::High),
        fingerprint: labels.fingerprint(),
        labels,
        message: format!("{check} is down").into(),
        annotations: Labels::default(),
        value: Some(1.0.into()),
        reason: None,
        object: model::Labels::default(),
        dependency: None,
        active: then,
        fired: fires.then_some(then),
        keeping: None,
        resolved: None,
    };
    Arc::new(Shown {
        episode: Arc::new(episode),
        suppressed: Suppressed {
            mutes: (is == AlertIs::Silenced).then(mute).into_iter().collect(),
            ..Suppressed::default()
        },
        ack: None,
        channels: Box::default(),
    })
}

/// Events written short.
pub fn short(notes: &[Note]) -> Vec<String> {
    let sign = |note: &Note| if note.gravity == Gravity::Warning { '!' } else { ' ' };
    notes.iter().map(|note| format!("{}{} {}", sign(note), note.reason, note.text)).collect()
}

/// A condition's status, reason and message, and since how many seconds after `NOW`.
pub fn told(
    conditions: Option<&[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]>,
    name: &str,
) -> (String, String, String, i64) {
    let one = super::condition::find(conditions, name).unwrap();
    let since = one.last_transition_time.0.as_second() - NOW / 1000;
    (one.status.clone(), one.reason.clone(), one.message.clone(), since)
}
