//! What is served of SLOTargets, over a board that is filled by hand.

use std::{sync::Arc, time::Duration};

use probity::{
    engine::slos::{Board, Figures, View},
    health::Reason,
    model::{self, Kind, Object, ObjectId, ObjectKey, Selector, Severity, SloTarget},
    slo::{
        self, AllowanceOf, Cell, Combine, Indicator, Ledger, Live, Method, Objective, Observed, Percentile, Resolution,
        Statistic, Tier, Tolerance, Window,
    },
    source::{Entry, Refused, Verdict},
};
use serde_json::{Value, json};

use super::world::World;

const AT: i64 = 1_700_000_000_000;
const HOUR: Duration = Duration::from_secs(3_600);

fn view(namespace: &str, name: &str, verdict: Verdict, figures: Option<Figures>) -> View {
    let id = ObjectId::new(Kind::SloTarget, ObjectKey::new(namespace, name));
    let entry = Entry {
        id,
        uid: Arc::from(""),
        generation: 3,
        labels: model::Labels::default(),
        verdict,
        stale: None,
        note: None,
    };
    View { entry: Arc::new(entry), figures: figures.map(Arc::new), since: AT }
}

/// A target of which the last half hour was seen, half of it bad.
fn target(namespace: &str, name: &str, report_as: &str, indicator: Indicator, target: f64) -> View {
    let tier = Tier { long: HOUR, short: Duration::from_secs(300), factor: 14.4, severity: Severity::Critical };
    let objective = Objective {
        indicator,
        target,
        window: Window::Rolling(24 * HOUR),
        tolerance: Tolerance { percent: 10.0, of: AllowanceOf::Allowance },
        tiers: Arc::new([tier]),
    };
    let running = u32::try_from(AT / 60_000).unwrap();
    let starts = slo::starts(&objective, AT);
    let ledger = Ledger::build(running - 1_500, running - 29, &starts, []);
    let seen = Observed { cell: Cell { part: 30_000.0, whole: 60_000.0, seen_ms: 60_000.0 }, excluded: 0.0 };
    let minutes = [seen; 30];
    let live = Live { first: running - 29, minutes: &minutes };
    let evaluation = slo::evaluate(&objective, &ledger, live, Percentile::default(), AT);
    let resolution = Resolution::of(&objective, [Duration::from_secs(10)]);
    let made = SloTarget {
        key: ObjectKey::new(namespace, name),
        generation: 3,
        labels: model::Labels::default(),
        report_as: report_as.into(),
        description: Some("what users see".into()),
        checks: Selector::default(),
        objective,
        alerting: None,
        left_out: Arc::new([]),
    };
    let figures = Figures { evaluation, resolution, checks: 2, at: AT };
    view(namespace, name, Verdict::Accepted(Object::SloTarget(Arc::new(made))), Some(figures))
}

/// Five targets: two that report as one name, one of a latency, one of errors, and one that is refused.
pub fn fill(board: &Board) {
    let availability = Indicator::Availability { method: Method::Time, combine: Combine::All };
    let refused =
        Refused { ready_reason: "InvalidSpec", reason: Reason::InvalidSpec, message: "spec.target: must be".into() };
    for view in [
        target("shop", "up", "availability", availability, 99.9),
        target("bank", "up", "availability", availability, 40.0),
        target("shop", "fast", "response_time", Indicator::ResponseTime { statistic: Statistic::Average }, 200.0),
        target("shop", "errors", "errors", Indicator::ErrorRate, 1.0),
        view("shop", "wrong", Verdict::Refused(refused), None),
    ] {
        board.put(&view.entry.id.key.clone(), Some(view));
    }
}

async fn world() -> World {
    let world = World::start().await;
    fill(&world.state.slos);
    world
}

#[tokio::test]
async fn a_report_has_every_target_in_force_under_the_name_that_it_reports_as() {
    let world = world().await;
    let report = world.get("/monitoring/sla").await.json();
    assert_eq!(report["overall_status"], "violated");
    let names = |report: &Value| report["metrics"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    // Two of one name are told by their namespaces, and a refused one promises nothing.
    assert_eq!(names(&report), ["bank/availability", "errors", "response_time", "shop/availability"]);
    let definition = &report["sla_definitions"]["response_time"];
    assert_eq!(*definition, json!({"target": 200.0, "unit": "ms", "period": "24h"}));
    let metric = &report["metrics"]["shop/availability"];
    assert_eq!((&metric["current"], &metric["status"]), (&json!(50.0), &json!("violated")), "{metric}");
    assert_eq!(metric["measurement_period"], "24h");
    assert_eq!(report["metrics"]["bank/availability"]["status"], "compliant");

    let narrowed = world.get("/monitoring/sla?namespace=bank").await.json();
    assert_eq!((names(&narrowed), &narrowed["overall_status"]), (vec!["availability".to_owned()], &json!("compliant")));
    assert_eq!(world.get("/monitoring/sla?namespace=none").await.json()["overall_status"], "unknown");
    assert_eq!(world.get("/monitoring/sla?selector=a").await.status, 400);
}

#[tokio::test]
async fn one_of_them_is_found_by_its_name_and_an_unknown_one_gets_the_known_names() {
    let world = world().await;
    for (path, status, name) in [
        ("errors", 200, "errors"),
        ("availability?namespace=shop", 200, "availability"),
        ("shop%2Favailability", 200, "shop/availability"),
        ("availability", 404, ""),
        ("wrong", 404, ""),
        ("errors?namespace=bank", 404, ""),
    ] {
        let answer = world.get(&format!("/monitoring/sla/{path}")).await;
        assert_eq!(answer.status, status, "{path}");
        if status == 200 {
            assert_eq!(answer.json()["name"], name, "{path}");
        } else {
            let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
            assert!(message.contains("known are: "), "{path}: {message}");
        }
    }
}

#[tokio::test]
async fn a_target_tells_what_it_knows_and_a_refused_one_why() {
    let world = world().await;
    let one = world.get("/api/v1/slotargets/shop/up").await.json();
    for (pointer, want) in [
        ("/state", json!("Violated")),
        ("/indicator", json!("availability")),
        ("/reportAs", json!("availability")),
        ("/period", json!("24h")),
        ("/errorBudget/total", json!("1m26s")),
        ("/checks", json!(2)),
        ("/exact", json!(true)),
        ("/resolvable/status", json!(true)),
        ("/burning/severity", json!("critical")),
        ("/burning/long", json!("1h")),
    ] {
        assert_eq!(one.pointer(pointer), Some(&want), "{pointer} of {one}");
    }
    let wrong = world.get("/api/v1/slotargets/shop/wrong").await.json();
    assert_eq!((&wrong["ready"]["message"], &wrong["state"]), (&json!("spec.target: must be"), &json!("Unknown")));
    assert_eq!(wrong.get("current"), None);
    let list = world.get("/api/v1/slotargets?namespace=shop").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(4));
    assert_eq!(world.get("/api/v1/slotargets/shop/none").await.status, 404);
}
