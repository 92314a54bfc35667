//! Each CEL rule of the types, broken on purpose: the API server says which field and why.

use serde_json::{Value, json};

use crate::{
    Stage, Told,
    crd::{HEALTH_CHECKS, read},
};

/// A rule, and where it stands.
struct Rule {
    /// Of what it is about, with `[]` for any item: `spec.http.headers[].name`.
    path: String,
    /// Of the field that it blames.
    blamed: String,
    message: String,
}

pub fn every_rule_refuses_what_it_should(stage: &Stage<'_>) -> Told {
    let crd = read(&stage.cluster.kubectl().must(["get", "crd", "healthchecks.probity.dev", "-o", "json"])?)?;
    let mut rules = Vec::new();
    find(&crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], String::new(), &mut rules);
    if rules.len() < 50 {
        return Err(format!("only {} rules: is this the right schema?", rules.len()));
    }
    let bases = bases();
    for base in &bases {
        let answer = stage.api.post(&format!("{HEALTH_CHECKS}?dryRun=All"), base)?;
        if !answer.is_success() {
            return Err(format!("what no rule speaks against is refused: {}", answer.message()));
        }
    }
    let mut wrong = Vec::new();
    for rule in &rules {
        if let Err(problem) = broken(stage, rule, &bases) {
            wrong.push(format!("{}: {}: {problem}", rule.path, rule.message));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("of {} rules:\n{}", rules.len(), wrong.join("\n"))) }
}

fn find(schema: &Value, path: String, rules: &mut Vec<Rule>) {
    if !schema.is_object() {
        return;
    }
    for rule in schema["x-kubernetes-validations"].as_array().into_iter().flatten() {
        let text = |field: &str| rule[field].as_str().unwrap_or_default().to_owned();
        let blamed = format!("{path}{}", text("fieldPath")).trim_start_matches('.').to_owned();
        rules.push(Rule { path: path.clone(), blamed, message: text("message") });
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        find(field, path, rules);
    }
    find(&schema["items"], format!("{path}[]"), rules);
}

/// Breaks `rule`, and only it, in the first base that has its place.
fn broken(stage: &Stage<'_>, rule: &Rule, bases: &[Value]) -> Told {
    let change = breaking(rule).ok_or("the test knows no way to break it; add one")?;
    for base in bases {
        let mut object = base.clone();
        let Some(place) = place(&mut object, &rule.path) else { continue };
        merge(place, &change);
        let answer = stage.api.post(&format!("{HEALTH_CHECKS}?dryRun=All&fieldValidation=Strict"), &object)?;
        if answer.is_success() {
            return Err(format!("the API server takes {object}"));
        }
        let causes = answer.causes();
        let told = causes
            .iter()
            .any(|(field, message)| without_numbers(field) == rule.blamed && message.contains(&rule.message));
        // A single cause is not listed apart by some versions.
        if told || (causes.is_empty() && answer.message().contains(&rule.message)) {
            return Ok(());
        }
        return Err(format!("the API server says {:?}", answer.message()));
    }
    Err("no base has its place; add one".to_owned())
}

fn place<'v>(object: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    path.split('.').filter(|name| !name.is_empty()).try_fold(object, |value, name| match name.strip_suffix("[]") {
        Some(list) => value.get_mut(list)?.get_mut(0),
        None => value.get_mut(name),
    })
}

/// A JSON merge patch (RFC 7396).
fn merge(value: &mut Value, change: &Value) {
    match (value, change) {
        (Value::Object(fields), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    fields.remove(name);
                } else {
                    merge(fields.entry(name.clone()).or_insert(Value::Null), change);
                }
            }
        }
        (value, change) => *value = change.clone(),
    }
}

fn without_numbers(field: &str) -> String {
    field.split('[').enumerate().fold(String::new(), |text, (at, part)| match (at, part.split_once(']')) {
        (0, _) | (_, None) => text + part,
        (_, Some((_, rest))) => text + "[]" + rest,
    })
}

/// What to change at the place of a rule so that it speaks.
fn breaking(rule: &Rule) -> Option<Value> {
    let path = rule.path.as_str();
    Some(match rule.message.as_str() {
        "exactly one of secretKeyRef, configMapKeyRef must be set" => {
            let reference = json!({"name": "a", "key": "b"});
            json!({"secretKeyRef": reference, "configMapKeyRef": reference})
        }
        "exactly one of value, valueFrom must be set" => json!({"value": null, "valueFrom": null}),
        "must begin with http:// or https:// and name a host" => json!("ftp://a/"),
        "must not hold credentials: use clientID and clientSecret" | "must not hold credentials: use auth" => {
            json!("http://ann:pw@a/")
        }
        "must not hold spaces or control characters" => json!("http://a/b c"),
        "the port must be 1 to 65535" if path.ends_with("address") => json!("a:65536"),
        "the port must be 1 to 65535" => json!("http://a:65536/"),
        "must be host:port, or [address]:port for IPv6" => json!("::1:80"),
        "exactly one of basic, bearer, oauth2 must be set" => {
            json!({"basic": null, "bearer": null, "oauth2": null})
        }
        "the first code of a range must not be over the last" => json!(["299-200"]),
        "belongs to the connection and cannot be set" => json!("Transfer-Encoding"),
        "a header may be set only once" => json!([{"name": "X-A", "value": "1"}, {"name": "x-a", "value": "2"}]),
        "cert and key must be set together" => json!({"key": null}),
        "exactly one of url, service must be set" => json!({"http": {"service": {"name": "web", "port": 80}}}),
        "an address is required, or discover beside the probe" if rule.blamed.ends_with("tcp") => {
            json!({"http": null, "tcp": {}})
        }
        "an address is required, or discover beside the probe" => json!({"http": null, "tls": {}}),
        "discover takes the place of the probe's own address" => {
            json!({"discover": {"kind": "Pod", "selector": {}, "port": 80}})
        }
        "a workload probe has a selector of its own" => {
            let discover = json!({"kind": "Pod", "selector": {}, "port": 80});
            json!({"http": null, "workload": {"kind": "Deployment", "name": "a"}, "discover": discover})
        }
        "scheme goes with discover; a url and a service have their own" => json!({"http": {"scheme": "https"}}),
        "In and NotIn take values, Exists and DoesNotExist take none" => json!({"operator": "In"}),
        "exactly one of name, selector must be set" => json!({"name": "a"}),
        "a workload probe sees no certificate" => {
            let workload = json!({"kind": "Deployment", "name": "a"});
            json!({"http": null, "workload": workload, "degraded": {"certificateValidFor": "1h"}})
        }
        "path goes with service or discover; a url has its own" => json!({"path": "/health"}),
        "the answer to HEAD has no body to match" => json!({"method": "HEAD", "expect": {"bodyMatches": ["a"]}}),
        "tls has no effect: the url is plain http and redirects are not followed" => {
            json!({"url": "http://a/", "followRedirects": false})
        }
        "at most one of auth and a header Authorization may be set" => {
            json!({"headers": [{"name": "authorization", "value": "a"}]})
        }
        "must be at least 1s" => json!("999ms"),
        "must be over 0" => json!("0s"),
        "at least one of send, expect, startTLS must be set" => json!({"send": null, "expect": null}),
        "at most one step may have startTLS" => json!([{"startTLS": true}, {"startTLS": true}]),
        "at most one of serverName, tls.serverName may be set" => {
            json!({"serverName": "a", "tls": {"serverName": "b"}})
        }
        "exactly one of http, tcp, tls, dns, workload must be set" => {
            json!({"dns": {"name": "a.example"}, "tcp": {"address": "a:1"}})
        }
        "timeout must not be over the interval" => json!({"interval": "5s", "timeout": "5001ms"}),
        "a dns probe sees no certificate" => {
            json!({"http": null, "dns": {"name": "a.example"}, "degraded": {"certificateValidFor": "1h"}})
        }
        "a tcp probe without tls sees no certificate" => {
            json!({"http": null, "tcp": {"address": "a:1"}, "degraded": {"certificateValidFor": "1h"}})
        }
        "a check cannot depend on itself" => json!({"spec": {"dependsOn": [{"name": "base"}]}}),
        _ => return None,
    })
}

/// Valid objects that between them have every place of the schema that a rule stands at.
fn bases() -> Vec<Value> {
    let from = json!({"valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}});
    let tls = json!({"ca": from, "cert": from, "key": from});
    let http = |auth: Value| {
        json!({
            "interval": "30s",
            "timeout": "5s",
            "degraded": {"latency": "1s"},
            "http": {
                "url": "https://a/",
                "headers": [{"name": "X-A", "valueFrom": from["valueFrom"]}],
                "auth": auth,
                "tls": tls,
                "expect": {"status": ["200-299"], "headers": [{"name": "X-B", "matches": "b"}]},
            },
        })
    };
    let labelled = json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "a", "operator": "Exists"}]});
    let specs = [
        http(json!({"basic": {"username": from, "password": from}})),
        http(json!({"bearer": {"token": from}})),
        http(json!({"oauth2": {"tokenURL": "https://a/", "clientID": from, "clientSecret": from, "scopes": ["a"]}})),
        json!({"tcp": {"address": "a:1", "tls": tls, "steps": [{"send": "a", "expect": "b"}]}}),
        json!({"tls": {"address": "a:1", "tls": tls}}),
        json!({"dns": {"name": "a.example", "expect": {"answers": ["a"]}}}),
        json!({"tcp": {}, "discover": {"kind": "Pod", "selector": labelled, "port": "http"}}),
        json!({"workload": {"kind": "Deployment", "selector": labelled}}),
    ];
    specs.map(|spec| crate::crd::health_check("base", spec)).into()
}
