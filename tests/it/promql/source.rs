//! What a real Prometheus answers.

use std::time::Duration;

use probity::{
    health::Reason,
    promql::{Found, Point},
};

use super::{server::Prometheus, sources};

#[tokio::test]
async fn every_type_of_result_needs_prometheus() {
    let sources = sources();
    let prometheus = Prometheus::start(&sources).await;
    let at = 1_435_781_451_781;
    let found = async |expr: &str| prometheus.instant(&sources, expr).await.unwrap().found;
    assert_eq!(found("time()").await, Found::Scalar(Point { at, value: 1_435_781_451.781 }));
    assert_eq!(found("\"a \\\"b\\\"\"").await, Found::Text("a \"b\"".to_owned()));
    assert_eq!(found("up{job=\"nobody\"}").await, Found::Vector(vec![]));
    for (expr, value) in [("vector(1) / 0", f64::INFINITY), ("vector(-1) / 0", f64::NEG_INFINITY), ("vector(1.5)", 1.5)]
    {
        match found(expr).await {
            Found::Vector(samples) => assert_eq!(samples[0].point, Point { at, value }, "{expr}"),
            other => panic!("{expr}: {other:?}"),
        }
    }
    match found("label_replace(vector(0) / 0, \"a\", \"b\\\"c\", \"\", \"\")").await {
        Found::Vector(samples) => {
            assert!(samples[0].point.value.is_nan());
            assert_eq!(samples[0].labels.get("a"), Some("b\"c"));
        }
        other => panic!("{other:?}"),
    }
    match found("vector(1)[5m:1m]").await {
        Found::Matrix(series) => assert_eq!(series[0].points.len(), 5),
        other => panic!("{other:?}"),
    }
    let range =
        sources.range(&prometheus.source(), "time()", (at, at + 60_000), Duration::from_secs(15)).await.unwrap();
    match range.found {
        Found::Matrix(series) => assert_eq!(series[0].points.len(), 5),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_it_refuses_is_told_needs_prometheus() {
    let sources = sources();
    let prometheus = Prometheus::start(&sources).await;
    let failure = prometheus.instant(&sources, "up +").await.unwrap_err();
    assert_eq!(failure.reason, Reason::QueryFailed);
    let said = format!("127.0.0.1:{} refused the query (bad_data): ", prometheus.address.port());
    assert!(failure.message.starts_with(&said), "{}", failure.message);
    let mut elsewhere = prometheus.source();
    elsewhere.url.set_path("/nowhere");
    let failure = sources.instant(&elsewhere, "up", 0).await.unwrap_err();
    assert_eq!(failure.reason, Reason::UnexpectedStatus, "{failure}");
}
