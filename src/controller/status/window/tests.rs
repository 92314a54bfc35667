//! Tables: what a window looks like as a status, what differs, and what is told.

use serde_json::json;

use super::*;
use crate::{
    controller::status::samples::{NOW, entry, refused, short, told},
    model::Kind,
    schedule::Span,
};

/// Open from so many seconds after `NOW` to so many.
fn view(span: Option<(i64, i64)>, mute: bool) -> WindowView {
    let spec = json!({"selector": {}, "schedule": "0 3 * * SUN", "duration": "1h", "muteAlerts": mute});
    let span = span.map(|(from, to)| Span { start: NOW + from * 1000, end: NOW + to * 1000 });
    WindowView { entry: entry(Kind::MaintenanceWindow, &spec, 1), span, mutes: 0 }
}

fn none() -> MaintenanceWindowStatus {
    MaintenanceWindowStatus::default()
}

#[test]
fn it_opens_closes_and_ends() {
    let mut before = none();
    for (seconds, span, open, message, note) in [
        (0, Some((60, 120)), false, "valid; it opens at 2027-01-15T08:01:00", ""),
        (60, Some((60, 120)), true, "open until 2027-01-15T08:02:00", " Open open until"),
        (120, Some((600, 660)), false, "valid; it opens at 2027-01-15T08:10:00", " Closed valid"),
        (700, None, false, "it is over, and does not come again", ""),
    ] {
        let status = window(&view(span, true), &before, NOW + seconds * 1000);
        assert_eq!(status.open, Some(open), "{seconds}");
        let (answer, _, said, since) = told(status.conditions.as_deref(), "Ready");
        assert!(said.starts_with(message), "{said}");
        assert_eq!((&*answer, since), ("True", 0));
        assert_eq!(difference(&before, &status), Difference::Standing);
        assert_eq!(difference(&status, &window(&view(span, true), &status, NOW + seconds * 1000)), Difference::None);
        let told = short(&announcements(&before, &status));
        assert_eq!(told.len(), usize::from(!note.is_empty()), "{seconds}: {told:?}");
        assert!(told.iter().all(|told| told.starts_with(note)), "{told:?}");
        before = status;
    }
    // When it was stays to be read.
    assert_eq!(before.from, Some(time(NOW / 1000 + 600)));
}

#[test]
fn one_that_mutes_nothing_says_so_and_one_that_is_refused_says_why() {
    let open = window(&view(Some((-60, 60)), false), &none(), NOW);
    assert!(told(open.conditions.as_deref(), "Ready").2.ends_with("; muteAlerts is false"));
    let spec = json!({"selector": {}, "schedule": "0 3 * * SUN", "duration": "1h", "excludeFromSLO": true});
    let leaves_out = WindowView { entry: entry(Kind::MaintenanceWindow, &spec, 1), ..view(Some((-60, 60)), true) };
    let leaves_out = window(&leaves_out, &none(), NOW);
    assert!(
        told(leaves_out.conditions.as_deref(), "Ready").2.ends_with("; alerts are muted, and SLOs leave the time out")
    );
    let refused = WindowView { entry: refused(Kind::MaintenanceWindow, "spec.schedule: no", 2), span: None, mutes: 0 };
    let after = window(&refused, &open, NOW);
    assert_eq!((after.open, after.from.clone()), (None, None));
    assert_eq!(short(&announcements(&open, &after)), ["!InvalidSpec spec.schedule: no"]);
}
