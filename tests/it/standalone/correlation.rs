//! A request's correlation id comes back, and is on every log line of that request.

use super::process::Probity;

#[test]
fn an_id_is_taken_from_the_request_and_logged() {
    let folder = tempfile::tempdir().unwrap();
    let probity = Probity::start(folder.path(), &folder.path().join("data"), &[]);
    let told = probity.ask("/health/detailed", &[("x-correlation-id", "abc-1.2_3")]);
    assert_eq!(told.header("x-correlation-id"), Some("abc-1.2_3"));
    probity.wait_for_line(|line| {
        line["correlation_id"] == "abc-1.2_3" && line["level"].as_str().is_some_and(|l| l.eq_ignore_ascii_case("info"))
    });

    // What is no valid id is not given back, nor is it logged: it could hold a line break.
    let told = probity.ask("/health/detailed", &[("x-correlation-id", "a b\"c")]);
    let given = told.header("x-correlation-id").unwrap().to_owned();
    assert!(uuid::Uuid::parse_str(&given).is_ok(), "{given}");
    let told = probity.get("/api/v1/healthchecks");
    let given = told.header("x-correlation-id").unwrap().to_owned();
    assert!(uuid::Uuid::parse_str(&given).is_ok(), "{given}");
    let line = probity.wait_for_line(|line| line["correlation_id"] == given.as_str());
    for field in ["timestamp", "level", "target", "message", "duration_ms"] {
        assert!(!line[field].is_null(), "{field} is missing in {line}");
    }
}
