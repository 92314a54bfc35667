//! The shapes of these answers, for the OpenAPI document.

use serde_json::{Map, Value, json};

use crate::server::openapi::{object, reference};

fn or_null(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn list(items: &str) -> Value {
    json!({"type": "array", "items": reference(items)})
}

/// What stands under `data` in an answer of Prometheus' own shape.
fn prometheus(name: &str, items: &str) -> Value {
    let data = json!({
        "type": "object", "required": [name],
        "properties": {name: list(items), "groupNextToken": {"type": "string"}},
    });
    object(json!({"status": {"const": "success"}, "data": data}))
}

/// The same, with these properties too.
fn with(mut schema: Value, optional: Value) -> Value {
    if let (Some(Value::Object(properties)), Value::Object(more)) = (schema.get_mut("properties"), optional) {
        properties.extend(more);
    }
    schema
}

pub(in crate::server) fn schemas() -> Map<String, Value> {
    let text = json!({"type": "string"});
    let texts = json!({"type": "object", "additionalProperties": text});
    let names = json!({"type": "array", "items": text});
    let flag = json!({"type": "boolean"});
    let moment = json!({"type": "string", "format": "date-time"});
    let count = json!({"type": "integer", "minimum": 0});
    let number = json!({"type": "integer"});
    let seconds = json!({"type": "number", "minimum": 0, "description": "Seconds."});
    let (text_or_null, moment_or_null) = (or_null(&text), or_null(&moment));
    let (flag_or_null, seconds_or_null) = (or_null(&flag), or_null(&seconds));
    let outcome = json!({"enum": ["delivered", "retry", "dead"]});
    let meta = json!({
        "namespace": text, "name": text, "labels": texts, "generation": number,
        "ready": object(json!({"status": flag, "reason": text, "message": text})),
    });
    let of_kind = |own: Value| {
        let mut all = meta.clone();
        if let (Value::Object(all), Value::Object(own)) = (&mut all, own) {
            all.extend(own);
        }
        object(all)
    };
    let group = json!({
        "name": text, "file": text, "rules": list("PrometheusRule"), "interval": seconds, "limit": count,
        "evaluationTime": seconds, "lastEvaluation": moment,
    });
    let told_rule = json!({
        "state": {"enum": ["inactive", "pending", "firing"]}, "name": text, "query": text, "duration": seconds,
        "keepFiringFor": seconds, "labels": texts, "annotations": texts, "health": {"enum": ["ok", "err", "unknown"]},
        "evaluationTime": seconds, "lastEvaluation": moment, "type": {"const": "alerting"},
    });
    let told_alert = json!({
        "labels": texts, "annotations": texts, "state": {"enum": ["pending", "firing"]}, "activeAt": moment, "value": text,
        "fingerprint": text, "message": text,
    });
    let evaluation =
        object(json!({"time": moment, "duration": seconds, "result": {"enum": ["ok", "no_data", "error"]}}));
    let notification = object(json!({"channel": text, "outcome": outcome, "time": moment}));
    let not_told = object(json!({"channel": text, "because": text}));
    let rule = json!({
        "alertName": text_or_null, "severity": text_or_null, "query": text_or_null, "interval": seconds_or_null,
        "for": seconds_or_null, "keepFiringFor": seconds_or_null,
        "state": {"enum": ["Inactive", "Pending", "Firing", "Silenced", "Error", "NoData"]}, "message": text,
        "lastTransitionTime": moment, "active": count, "pending": count, "silenced": count,
        "lastEvaluation": or_null(&evaluation), "lastNotification": or_null(&notification), "channels": names,
        "notTold": {"type": "array", "items": not_told}, "toLog": flag, "alerts": list("Alert"),
    });
    let inhibitor = object(json!({"rule": text, "fingerprint": text_or_null}));
    let ack = object(json!({"by": text, "comment": text, "at": moment}));
    let alert = json!({
        "fingerprint": text, "incident": text, "name": text, "state": {"enum": ["Pending", "Firing", "Silenced"]},
        "severity": text_or_null, "labels": texts, "annotations": texts, "message": text, "value": text_or_null,
        "reason": text_or_null, "activeAt": moment, "startsAt": moment_or_null, "keepFiringSince": moment_or_null,
        "silencedBy": names, "mutedBy": names, "inhibitedBy": or_null(&inhibitor), "dependency": text_or_null,
        "acknowledged": or_null(&ack),
        "channels": {"type": "object", "additionalProperties": {"enum": ["no", "waits", "told", "dead"]}},
    });
    let last = object(json!({"time": moment, "outcome": outcome, "answer": text}));
    let channel = json!({
        "kind": text_or_null, "default": flag_or_null, "severities": or_null(&names), "sendResolved": flag_or_null,
        "fallback": text_or_null, "delivering": flag_or_null, "waiting": count, "inFlight": count,
        "oldest": moment_or_null, "failures": count, "paused": seconds_or_null, "gone": text_or_null,
        "delivered": count, "dead": count, "last": or_null(&last),
    });
    let tried = json!({
        "channel": text, "kind": text, "notification": text, "outcome": {"enum": ["delivered", "retry", "refused"]},
        "answer": text, "duration": seconds,
        "recorded": {"type": "boolean", "description": "False while the store fails: the audit trail does not say it."},
    });
    let silence = json!({
        "state": {"enum": ["Pending", "Active", "Expired", null]}, "matchers": or_null(&names),
        "startsAt": moment_or_null, "endsAt": moment_or_null, "createdBy": text_or_null, "comment": text_or_null,
        "matches": count,
    });
    let percent = json!({"type": ["number", "null"], "description": "Percent; null while nothing was observed."});
    let bounds = json!({"type": ["object", "null"], "properties": {"lowest": {"type": "number"}, "highest": {"type": "number"}}});
    let is = json!({"enum": ["compliant", "warning", "violated", "unknown"]});
    let unit = json!({"enum": ["%", "ms", "req/s"]});
    let metric = object(json!({
        "name": text, "target": {"type": "number"}, "current": {"type": ["number", "null"]}, "unit": unit, "status": is,
        "measurement_period": text, "namespace": text, "coverage": percent, "bounds": bounds,
        "error_budget_remaining_percent": {"type": ["number", "null"]},
    }));
    let definition = object(json!({"target": {"type": "number"}, "unit": unit, "period": text}));
    let report = object(json!({
        "overall_status": is, "timestamp": moment,
        "metrics": {"type": "object", "additionalProperties": reference("SlaMetric")},
        "sla_definitions": {"type": "object", "additionalProperties": definition},
    }));
    let number_or_null = json!({"type": ["number", "null"]});
    let budget = object(json!({
        "total": text, "remaining": text, "remainingPercent": {"type": "number"}, "exhaustedAt": moment_or_null,
    }));
    let burning = object(json!({
        "severity": text, "factor": {"type": "number"}, "long": text, "short": text, "longRate": {"type": "number"},
        "shortRate": {"type": "number"},
    }));
    let slo = json!({
        "reportAs": text_or_null, "description": text_or_null, "indicator": text_or_null, "target": number_or_null,
        "unit": or_null(&unit), "period": text_or_null,
        "state": {"enum": ["Compliant", "Warning", "Violated", "Unknown"]}, "lastTransitionTime": moment, "note": text_or_null,
    });
    let slo_figures = json!({
        "current": number_or_null, "raw": number_or_null, "errorBudget": or_null(&budget),
        "burnRates": {"type": "array", "items": object(json!({"window": text, "rate": number_or_null}))},
        "coverage": percent, "bounds": bounds, "excluded": seconds, "exact": flag, "checks": count,
        "resolvable": or_null(&object(json!({"status": flag, "message": text}))), "burning": or_null(&burning), "asOf": moment,
    });
    let all = [
        ("SlaReport", report),
        ("SlaMetric", metric),
        ("SloTargetList", object(json!({"items": list("SloTarget")}))),
        ("SloTarget", with(of_kind(slo), slo_figures)),
        ("Rules", prometheus("groups", "RuleGroup")),
        ("Alerts", prometheus("alerts", "PrometheusAlert")),
        ("RuleGroup", object(group)),
        ("PrometheusRule", with(object(told_rule), json!({"alerts": list("PrometheusAlert"), "lastError": text}))),
        ("PrometheusAlert", with(object(told_alert), json!({"keepFiringSince": moment}))),
        ("AlertRuleList", object(json!({"items": list("AlertRule")}))),
        ("AlertRule", of_kind(rule)),
        ("Alert", object(alert)),
        ("ChannelList", object(json!({"items": list("Channel")}))),
        ("Channel", of_kind(channel)),
        ("ChannelTest", object(tried)),
        ("SilenceList", object(json!({"items": list("Silence")}))),
        ("Silence", of_kind(silence)),
    ];
    all.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect()
}
