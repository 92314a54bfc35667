//! Installing the types, and what the API server makes of objects.

use probity::model::Kind;
use serde_json::{Value, json};

use crate::{Stage, Told};

pub const CRDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crds");
pub const HEALTH_CHECKS: &str = "/apis/probity.dev/v1alpha1/namespaces/default/healthchecks";

/// A HealthCheck with this spec.
pub fn health_check(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "probity.dev/v1alpha1", "kind": "HealthCheck", "metadata": {"name": name}, "spec": spec})
}

pub fn applies(stage: &Stage<'_>) -> Told {
    let kubectl = stage.cluster.kubectl();
    kubectl.must(["apply", "-f", CRDS])?;
    kubectl.must(["wait", "--for=condition=Established", "--timeout=60s", "-f", CRDS])?;
    let said = kubectl.must(["apply", "-f", CRDS])?;
    if !said.contains("unchanged") {
        return Err(format!("applied again it is not unchanged: {said}"));
    }
    // What the API server itself finds strange about the schemas.
    for kind in Kind::ALL {
        let name = format!("{}.probity.dev", kind.plural());
        let crd: Value = read(&kubectl.must(["get", "crd", &name, "-o", "json"])?)?;
        for condition in crd["status"]["conditions"].as_array().into_iter().flatten() {
            let wanted = if condition["type"] == "NonStructuralSchema" { "False" } else { "True" };
            if condition["status"] != wanted {
                return Err(format!("the API server says of the type {name}: {condition}"));
            }
        }
    }
    Ok(())
}

pub fn applies_server_side(stage: &Stage<'_>) -> Told {
    stage.cluster.kubectl().must(["apply", "--server-side", "--force-conflicts", "-f", CRDS])?;
    Ok(())
}

pub fn defaults_are_filled_in(stage: &Stage<'_>) -> Told {
    let spec = json!({"http": {"url": "http://127.0.0.1:1/", "expect": {}}});
    let answer = stage.api.post(&format!("{HEALTH_CHECKS}?dryRun=All"), &health_check("defaults", spec))?;
    if !answer.is_success() {
        return Err(answer.message());
    }
    let spec = &answer.body["spec"];
    for (pointer, expected) in [
        ("/interval", json!("30s")),
        ("/failureThreshold", json!(3)),
        ("/successThreshold", json!(1)),
        ("/retries", json!(0)),
        ("/suspend", json!(false)),
        ("/timeout", Value::Null),
        ("/http/method", json!("GET")),
        ("/http/followRedirects", json!(true)),
        ("/http/maxBodyBytes", json!(1_048_576)),
        ("/http/ipFamily", json!("Any")),
        ("/http/expect/status", json!(["200-299"])),
    ] {
        let found = spec.pointer(pointer).cloned().unwrap_or_default();
        if found != expected {
            return Err(format!("spec{pointer} is {found}, not {expected}, in {spec}"));
        }
    }
    Ok(())
}

pub fn columns_are_printed(stage: &Stage<'_>) -> Told {
    let kubectl = stage.cluster.kubectl();
    let file = stage.cluster.folder().join("columns.json");
    let object = health_check("columns", json!({"tcp": {"address": "127.0.0.1:1"}}));
    std::fs::write(&file, object.to_string()).map_err(|error| error.to_string())?;
    kubectl.must(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])?;
    let status = json!({"status": {
        "observedGeneration": 1,
        "state": "Healthy",
        "reason": "Ok",
        "message": "connected",
        "latency": "10ms",
        "uptime": {"24h": "99.98"},
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }});
    kubectl.must(["patch", "phc", "columns", "--subresource=status", "--type=merge", "-p", &status.to_string()])?;
    for (arguments, expected) in [
        (&["get", "phc"][..], "NAME PROBE STATE TARGETS LATENCY UPTIME(24H) SINCE AGE"),
        (&["get", "probity", "-o", "wide"], "NAME PROBE STATE TARGETS LATENCY UPTIME(24H) SINCE MESSAGE AGE"),
    ] {
        let table = kubectl.must(arguments)?;
        let head: Vec<_> = table.lines().next().unwrap_or_default().split_whitespace().collect();
        if head.join(" ") != expected {
            return Err(format!("the columns of {arguments:?} are {head:?}, not {expected}"));
        }
        for value in ["columns", "Healthy", "10ms", "99.98"] {
            if !table.contains(value) {
                return Err(format!("{value} is not in:\n{table}"));
            }
        }
    }
    kubectl.must(["delete", "phc", "columns"])?;
    Ok(())
}

pub fn targets_are_printed(stage: &Stage<'_>) -> Told {
    let kubectl = stage.cluster.kubectl();
    let file = stage.cluster.folder().join("targets.json");
    let object = json!({
        "apiVersion": "probity.dev/v1alpha1", "kind": "SLOTarget", "metadata": {"name": "availability"},
        "spec": {"target": 99.9, "window": {"rolling": "30d"}, "indicator": {"availability": {"healthChecks": {}}}},
    });
    std::fs::write(&file, object.to_string()).map_err(|error| error.to_string())?;
    kubectl.must(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])?;
    let made = read(&kubectl.must(["get", "pslo", "availability", "-o", "json"])?)?;
    let availability = json!({"healthChecks": {}, "method": "Time", "combine": "All"});
    if made["spec"]["indicator"]["availability"] != availability {
        return Err(format!("the defaults are not filled in: {}", made["spec"]));
    }
    let status = json!({"status": {
        "observedGeneration": 1,
        "state": "Warning",
        "message": "it misses the target by 0.005%",
        "summary": {
            "indicator": "availability", "target": "99.9%", "current": "99.895%", "budget": "-5% (-2m9s)", "burn1h": "0.4",
        },
        "current": 99.895, "raw": 99.8, "target": 99.9, "unit": "%", "period": "30d",
        "errorBudget": {
            "total": "43m12s", "remaining": "-2m9s", "remainingPercent": -5, "exhaustedAt": "2026-01-01T00:00:00Z",
        },
        "burnRates": [{"window": "1h", "rate": 0.4}],
        "coverage": 98.7,
        "bounds": {"lowest": 98.6, "highest": 99.96},
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }});
    let patch = status.to_string();
    kubectl.must(["patch", "pslo", "availability", "--subresource=status", "--type=merge", "-p", &patch])?;
    let kept = read(&kubectl.must(["get", "pslo", "availability", "-o", "json"])?)?;
    if kept["status"] != status["status"] {
        return Err(format!("of the status there is {}", kept["status"]));
    }
    let table = kubectl.must(["get", "pslo"])?;
    let rows: Vec<Vec<_>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    let (head, row) = (rows.first().cloned().unwrap_or_default(), rows.get(1).cloned().unwrap_or_default());
    let row = row.join(" ");
    if head.join(" ") != "NAME INDICATOR TARGET CURRENT STATE BUDGET BURN(1H) WINDOW AGE"
        || !row.starts_with("availability availability 99.9% 99.895% Warning -5% (-2m9s) 0.4 30d ")
    {
        return Err(format!("kubectl get shows:\n{table}"));
    }
    kubectl.must(["delete", "pslo", "availability"])?;
    Ok(())
}

pub fn read(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}: {text}"))
}
