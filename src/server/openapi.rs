//! The OpenAPI document: paths from the table of routes, schemas by hand beside it.

use serde_json::{Map, Value, json};

use super::routes::{ROUTES, Route};

pub(super) fn document() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let path = paths.entry(route.template).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.verb.as_str().to_owned(), operation(route));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Probity",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Probity sees. Every answer carries x-correlation-id: the request's own if it sent a valid one, \
                else a new UUID. HEAD is answered wherever GET is.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "Needed off loopback."}},
            "parameters": {"correlation": {
                "name": "x-correlation-id", "in": "header", "description": "Ties the request to its answer and its log lines.",
                "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
            }},
            "responses": {"error": {
                "description": "What went wrong.",
                "content": {"application/json": {"schema": reference("Error")}},
            }},
            "schemas": all_schemas(),
        },
    })
}

pub(super) fn reference(schema: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{schema}")})
}

fn operation(route: &Route) -> Value {
    let mut parameters = vec![json!({"$ref": "#/components/parameters/correlation"})];
    let in_path = route.template.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    parameters.extend(
        in_path.map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})),
    );
    parameters.extend(route.query.iter().map(|(name, what, example)| {
        json!({"name": name, "in": "query", "description": what, "example": example, "schema": {"type": "string"}})
    }));
    let schema = route.schema.map_or_else(|| json!({"type": "string"}), reference);
    let media = route.content_type.split(';').next().unwrap_or(route.content_type);
    let mut responses = Map::new();
    let good = json!({"description": route.summary, "content": {media: {"schema": schema}}});
    responses.insert("200".to_owned(), good);
    for (status, description) in route.also {
        let content = json!({"application/json": {"schema": reference("Error")}});
        responses.insert(status.to_string(), json!({"description": description, "content": content}));
    }
    responses.insert("default".to_owned(), json!({"$ref": "#/components/responses/error"}));
    let security = if route.open { json!([]) } else { json!([{"token": []}, {}]) };
    json!({
        "operationId": route.id, "summary": route.summary, "parameters": parameters,
        "responses": responses, "security": security,
    })
}

pub(super) fn object(properties: Value) -> Value {
    let required: Vec<_> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn all_schemas() -> Value {
    let mut all = schemas();
    if let Value::Object(all) = &mut all {
        all.extend(super::alerting::schemas());
    }
    all
}

/// What has a schema elsewhere, and is to be as that says.
fn of_alertmanager(definition: &str, kind: &str) -> Value {
    let at = "https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml";
    json!({"type": kind, "description": format!("`{definition}` of {at}")})
}

fn schemas() -> Value {
    let text = json!({"type": "string"});
    let moment = json!({"type": "string", "format": "date-time"});
    let moment_or_null = json!({"type": ["string", "null"], "format": "date-time"});
    let count = json!({"type": "integer", "minimum": 0});
    let seconds = json!({"type": "number", "minimum": 0, "description": "Seconds."});
    let seconds_or_null =
        json!({"type": ["number", "null"], "minimum": 0, "description": "Seconds; null while there is none."});
    let percent = json!({"type": ["number", "null"], "minimum": 0, "maximum": 100, "description": "Percent of observed time; null while nothing was."});
    let lower = json!({"enum": ["healthy", "degraded", "unknown", "unhealthy", "suspended"]});
    let state = json!({"enum": ["Healthy", "Degraded", "Unknown", "Unhealthy", "Suspended"]});
    let uptime = object(json!({"1h": percent, "24h": percent, "30d": percent}));
    let check = object(json!({
        "name": text, "namespace": text, "status": lower, "reason": text, "message": text,
        "duration": seconds_or_null, "timestamp": moment_or_null, "details": {"type": "object"},
    }));
    let ready = object(json!({"status": {"type": "boolean"}, "reason": text, "message": text}));
    let target = object(json!({
        "target": text, "state": state, "reason": text, "message": text, "since": moment,
        "latency": seconds_or_null, "lastRun": moment_or_null, "uptime": uptime,
    }));
    let latency = object(json!({
        "avg": seconds_or_null, "max": seconds_or_null, "p50": seconds_or_null, "p90": seconds_or_null, "p99": seconds_or_null,
    }));
    let bucket = object(json!({
        "start": moment, "expected": count, "runs": count, "good": count, "degraded": count, "failed": count, "latency": latency,
    }));
    json!({
        "Error": {
            "type": "object", "required": ["error"],
            "properties": {"error": object(json!({"code": text, "message": text, "correlation_id": text}))},
        },
        "Health": object(json!({"status": {"const": "healthy"}, "timestamp": moment})),
        "Readiness": {
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"const": "ready"},
                "notes": {"type": "array", "items": object(json!({"what": text, "why": text}))},
            },
        },
        "Liveness": object(json!({"status": {"const": "alive"}, "timestamp": moment})),
        "Detailed": object(json!({
            "status": lower, "timestamp": moment, "checks": {"type": "array", "items": check},
            "failed_checks": {"type": "array", "items": text}, "total_checks": count, "passed_checks": count,
        })),
        "Business": {"type": "object", "required": ["timestamp"], "properties": {"timestamp": moment}},
        "HealthCheckList": object(json!({"items": {"type": "array", "items": reference("HealthCheck")}})),
        "HealthCheck": object(json!({
            "namespace": text, "name": text, "labels": {"type": "object", "additionalProperties": text}, "reportAs": text,
            "generation": {"type": "integer"}, "probe": {"type": ["string", "null"]}, "interval": seconds, "timeout": seconds,
            "ready": ready, "state": state, "reason": text, "message": text, "lastTransitionTime": moment,
            "latency": seconds_or_null, "uptime": uptime,
            "targets": object(json!({"total": count, "healthy": count, "degraded": count, "unhealthy": count, "unknown": count})),
            "details": {"type": "array", "items": target},
        })),
        "History": object(json!({
            "namespace": text, "name": text, "window": seconds, "step": seconds,
            "buckets": {"type": "array", "items": bucket},
        })),
        "AuditPage": object(json!({
            "items": {"type": "array", "items": reference("AuditRow")},
            "next": {"type": ["string", "null"]}, "head": {"type": ["string", "null"], "description": "CHAIN:SEQ:DIGEST"},
        })),
        "AuditRow": {
            "type": "object", "required": ["chain", "seq", "previous", "digest", "entry"],
            "properties": {
                "chain": count, "seq": count, "previous": text, "digest": text,
                "entry": {"type": ["object", "null"], "description": "What happened: `at`, `kind`, what it is about, and more by kind."},
                "raw": {"type": "string", "description": "The row's bytes in base64, where somebody changed them."},
            },
        },
        "Why": object(json!({
            "asked": text, "at": moment, "alert": {"anyOf": [reference("WhyAlert"), {"type": "null"}]},
            "headline": {"type": "string", "description": "What matters most. Times in texts are UTC."},
            "who": {"type": "array", "items": text}, "steps": {"type": "array", "items": object(json!({"at": moment, "text": text}))},
            "leftOut": count, "now": text, "others": {"type": "array", "items": reference("WhyAlert")},
            "notes": {"type": "array", "items": text},
        })),
        "WhyAlert": object(json!({
            "name": text, "namespace": text, "rule": text, "fingerprint": text,
            "state": {"enum": ["pending", "firing", "resolved", "inactive", "unknown"]}, "since": moment, "text": text,
        })),
        "Acknowledgement": object(json!({
            "fingerprint": text, "recorded": {"type": "boolean", "description": "False while the store fails."},
            "alerts": {"type": "array", "items": object(json!({
                "alertname": text, "namespace": text, "rule": text,
                "ack": {"type": ["object", "null"], "description": "`by`, `comment` and `at`; null when nobody acts."},
            }))},
        })),
        "AlertmanagerAlerts": of_alertmanager("gettableAlerts", "array"),
        "AlertmanagerGroups": of_alertmanager("alertGroups", "array"),
        "AlertmanagerReceivers": {"type": "array", "items": object(json!({"name": text}))},
        "AlertmanagerStatus": of_alertmanager("alertmanagerStatus", "object"),
        "AlertmanagerSilences": of_alertmanager("gettableSilences", "array"),
        "AlertmanagerSilence": of_alertmanager("gettableSilence", "object"),
        "AlertmanagerSilenceId": object(json!({"silenceID": text})),
        "Nothing": {"type": "null"},
        "OpenApi": {"type": "object"},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_to_something() {
        let document = document();
        let mut open = vec![&document];
        let mut seen = 0;
        while let Some(value) = open.pop() {
            if let Some(pointer) = value.get("$ref").and_then(Value::as_str) {
                seen += 1;
                assert!(document.pointer(pointer.trim_start_matches('#')).is_some(), "{pointer}");
            }
            match value {
                Value::Array(values) => open.extend(values),
                Value::Object(values) => open.extend(values.values()),
                _ => {}
            }
        }
        assert!(seen > 20);
    }
}
