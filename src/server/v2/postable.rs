//! A silence as clients send it: `postableSilence` of Alertmanager's OpenAPI. Pure.

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use std::sync::Arc;

use super::bad;
use crate::{
    alert::{Compare, Matcher, Matchers},
    clock::WallMs,
    server::answer::ApiError,
    source::{Draft, made},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Postable {
    id: Option<String>,
    matchers: Option<Vec<PostableMatcher>>,
    starts_at: Option<String>,
    ends_at: Option<String>,
    created_by: Option<String>,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PostableMatcher {
    name: Option<String>,
    value: Option<String>,
    is_regex: Option<bool>,
    /// Clients from before 0.22 leave it out.
    is_equal: Option<bool>,
}

impl Postable {
    /// The silence that it is to take the place of.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref().filter(|id| !id.is_empty())
    }

    /// Where it would be made, as [`Draft::namespace`] has it: known before any expression is compiled.
    pub(super) fn namespace(&self, operator: &Arc<str>) -> Arc<str> {
        let given = self.matchers.iter().flatten();
        let named = given.filter_map(|given| Some((given.name.as_deref()?, given.compare()?, given.value.as_deref()?)));
        made::namespace(named, operator)
    }

    /// What is asked for. Compiles expressions, which takes a while: not on the threads that answer liveness.
    ///
    /// # Errors
    /// 422 for what is left out, 400 for what is wrong.
    pub(super) fn draft(self) -> Result<Draft, ApiError> {
        let matchers = self.matchers.ok_or_else(|| required("matchers"))?;
        if matchers.is_empty() {
            let message = "matchers in body should have at least 1 items";
            return Err(ApiError::said(StatusCode::UNPROCESSABLE_ENTITY, json!({"code": 612, "message": message})));
        }
        if matchers.len() > Matchers::MAX {
            return Err(bad(format!("silence invalid: at most {} matchers", Matchers::MAX)));
        }
        let matchers = matchers.into_iter().enumerate().map(|(at, given)| matcher(at, given));
        Ok(Draft {
            matchers: matchers.collect::<Result<_, _>>()?,
            starts_at: moment("startsAt", self.starts_at)?,
            ends_at: moment("endsAt", self.ends_at)?,
            created_by: self.created_by.ok_or_else(|| required("createdBy"))?,
            comment: self.comment.ok_or_else(|| required("comment"))?,
        })
    }
}

impl PostableMatcher {
    /// None while it is not said whether it is an expression.
    fn compare(&self) -> Option<Compare> {
        Some(match (self.is_equal.unwrap_or(true), self.is_regex?) {
            (true, false) => Compare::Equal,
            (false, false) => Compare::NotEqual,
            (true, true) => Compare::Matches,
            (false, true) => Compare::NotMatches,
        })
    }
}

fn matcher(at: usize, given: PostableMatcher) -> Result<Matcher, ApiError> {
    let missing = |field: &str| required(&format!("matchers.{at}.{field}"));
    let compare = given.compare().ok_or_else(|| missing("isRegex"))?;
    let (name, value) = (given.name.ok_or_else(|| missing("name"))?, given.value.ok_or_else(|| missing("value"))?);
    Matcher::new(name, compare, value)
        .map_err(|error| bad(format!("silence invalid: invalid label matcher {at}: {error}")))
}

fn moment(field: &str, text: Option<String>) -> Result<WallMs, ApiError> {
    let text = text.ok_or_else(|| required(field))?;
    let parsed = text.parse::<jiff::Timestamp>();
    parsed.map(jiff::Timestamp::as_millisecond).map_err(|_| {
        let shown: String = text.chars().take(64).collect();
        bad(format!("{field} is no time of RFC 3339: {shown:?}"))
    })
}

/// As go-openapi, which Alertmanager is made with, says it.
fn required(field: &str) -> ApiError {
    let message = format!("{field} in body is required");
    ApiError::said(StatusCode::UNPROCESSABLE_ENTITY, json!({"code": 602, "message": message}))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn good() -> Value {
        json!({
            "matchers": [
                {"name": "a", "value": "b", "isRegex": false},
                {"name": "c", "value": "d.*", "isRegex": true, "isEqual": false},
            ],
            "startsAt": "2026-11-23T01:00:00.000Z", "endsAt": "2026-11-23T03:00:00+01:00", "createdBy": "ann", "comment": "",
        })
    }

    fn draft(value: Value) -> Result<Draft, ApiError> {
        serde_json::from_value::<Postable>(value).unwrap().draft()
    }

    #[test]
    fn what_amtool_sends_is_a_draft() {
        let made = draft(good()).unwrap();
        let texts: Vec<_> = made.matchers.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["a=\"b\"", "c!~\"d.*\""]);
        assert_eq!(made.ends_at - made.starts_at, 3_600_000);
        assert_eq!((&*made.created_by, &*made.comment), ("ann", ""));
    }

    #[test]
    fn where_it_would_be_made_is_known_before_its_expressions_are_compiled() {
        let operator: Arc<str> = "ops".into();
        let one = |name: &str, value: &str, is_regex: bool| json!({"name": name, "value": value, "isRegex": is_regex});
        for (matchers, want) in [
            (json!([one("a", "b", false)]), "ops"),
            (json!([one("a", "b", false), one("namespace", "shop", false)]), "shop"),
            (json!([one("namespace", "shop", true)]), "ops"),
            (json!([{"name": "namespace", "value": "shop", "isRegex": false, "isEqual": false}]), "ops"),
            (json!([one("namespace", "shop", false), one("namespace", "web", false)]), "ops"),
            (json!([one("namespace", "shop", false), {"name": "a"}]), "shop"),
            (Value::Null, "ops"),
        ] {
            let mut given = good();
            given["matchers"] = matchers;
            let posted: Postable = serde_json::from_value(given).unwrap();
            assert_eq!(&*posted.namespace(&operator), want);
            if let Ok(draft) = posted.draft() {
                assert_eq!(&*draft.namespace(&operator), want);
            }
        }
    }

    #[test]
    fn so_many_matchers_are_not_compiled() {
        let mut given = good();
        // Each would take its milliseconds.
        given["matchers"] = vec![json!({"name": "a", "value": r"\pL{99}", "isRegex": true}); 65].into();
        let error = draft(given).unwrap_err();
        assert!(error.status == 400 && format!("{error:?}").contains("at most 64 matchers"), "{error:?}");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (path, value, status, text) in [
            ("/createdBy", Value::Null, 422, "createdBy in body is required"),
            ("/endsAt", Value::Null, 422, "endsAt in body is required"),
            ("/matchers", json!([]), 422, "at least 1 items"),
            ("/matchers/1/isRegex", Value::Null, 422, "matchers.1.isRegex in body is required"),
            ("/matchers/1/value", json!("("), 400, "invalid label matcher 1"),
            ("/matchers/0/name", json!(""), 400, "invalid label matcher 0"),
            ("/startsAt", json!("soon"), 400, "startsAt is no time"),
        ] {
            let mut given = good();
            *given.pointer_mut(path).unwrap() = value;
            let error = draft(given).unwrap_err();
            assert!(error.status == status && format!("{error:?}").contains(text), "{path}: {error:?}");
        }
    }
}
