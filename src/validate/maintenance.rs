//! A MaintenanceWindow: from its text to the model.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::Value;

use super::{
    FieldError,
    checker::Checker,
    discover,
    field::FieldPath,
    form::{Form, labels},
    metadata::Metadata,
    references::References,
};
use crate::{
    api::MaintenanceWindowSpec,
    model::{Kind, MaintenanceWindow, ObjectKey},
    schedule::{Window, WindowError},
};

/// The shortest window that comes again: a schedule has whole minutes.
const MIN_SECONDS: u64 = 60;

pub static FORM: LazyLock<Form> = LazyLock::new(|| {
    Form::of(Kind::MaintenanceWindow, "spec: {selector: {matchLabels: {…}}, schedule: \"0 3 * * SUN\", duration: 1h}")
});

/// The model, or every mistake.
pub fn judge(
    object: &Value,
    namespace: &str,
    references: &dyn References,
) -> Result<MaintenanceWindow, Vec<FieldError>> {
    FORM.judge(object, namespace, references, model)
}

fn model(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    metadata: &Metadata,
    spec: &MaintenanceWindowSpec,
) -> Option<MaintenanceWindow> {
    let selector = discover::selector(checker, &path.field("selector"), &spec.selector);
    let window = window(checker, path, spec);
    Some(MaintenanceWindow {
        key: ObjectKey::new(checker.namespace, metadata.name.as_str()),
        generation: metadata.generation,
        labels: labels(&metadata.labels),
        selector: selector?,
        window: window?,
        mute_alerts: spec.mute_alerts,
        exclude_from_slo: spec.exclude_from_slo,
    })
}

fn window(checker: &mut Checker<'_>, path: &FieldPath, spec: &MaintenanceWindowSpec) -> Option<Window> {
    let is_set = |field: &str| checker.is_set(&path.field(field));
    let again = is_set("schedule") && is_set("duration") && !is_set("startsAt") && !is_set("endsAt");
    let once = is_set("startsAt")
        && is_set("endsAt")
        && !["schedule", "duration", "timeZone"].iter().any(|field| is_set(field));
    if !again && !once {
        checker.refuse(path, "either schedule and duration (and timeZone), or startsAt and endsAt");
        return None;
    }
    let made = match (&spec.schedule, &spec.duration, &spec.starts_at, &spec.ends_at) {
        (Some(schedule), Some(duration), ..) => {
            let at = path.field("duration");
            let duration = checker.duration(&at, duration)?;
            if duration.as_secs() < MIN_SECONDS {
                checker.refuse(&at, "must be at least 1m");
                return None;
            }
            Window::recurring(schedule, spec.time_zone.as_deref().unwrap_or("UTC"), duration)
        }
        (_, _, Some(Time(from)), Some(Time(to))) => Window::once(from.as_millisecond(), to.as_millisecond()),
        // What was left out is told already.
        _ => return None,
    };
    made.map_err(|error: WindowError| checker.refuse(&path.field(error.field()), error.to_string())).ok()
}
