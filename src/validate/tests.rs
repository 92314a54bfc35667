//! From a spec to the model, and what no object may bring about.

use std::{sync::Arc, time::Duration};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fault, FieldError, Invalid, Lookup, References, ValueKind, health_check, set};
use crate::model::{Address, Auth, HealthCheck, HttpVersion, IpFamily, ObjectKey, Probe, Secret, StartTls};

/// Every Secret and ConfigMap is there, and holds what its key is called.
struct Everything {
    in_cluster: bool,
}

impl References for Everything {
    fn value(&self, kind: ValueKind, object: &ObjectKey, key: &str) -> Lookup {
        match key {
            "missing" => Lookup::NoKey(vec!["mising".to_owned()]),
            "binary" => Lookup::Found(Secret::new(Arc::from([0xff]))),
            _ => Lookup::Found(Secret::new(
                format!("{kind} {object} {key}").replace([' ', '/'], ".").into_bytes().into(),
            )),
        }
    }

    fn health_check_exists(&self, check: &ObjectKey) -> bool {
        &*check.name != "missing"
    }

    fn health_checks(&self, _namespace: &str) -> Vec<Arc<str>> {
        vec!["mising".into()]
    }

    fn in_cluster(&self) -> bool {
        self.in_cluster
    }

    fn is_operators(&self, _namespace: &str) -> bool {
        false
    }
}

fn object(spec: Value) -> Value {
    json!({
        "apiVersion": "probity.dev/v1alpha1", "kind": "HealthCheck",
        "metadata": {"name": "a", "namespace": "ns", "generation": 7, "labels": {"tier": "web"}},
        "spec": spec,
    })
}

fn judge(spec: Value) -> Result<HealthCheck, Invalid> {
    health_check(&object(spec), "elsewhere", &Everything { in_cluster: false })
}

fn mistakes(spec: Value) -> Vec<String> {
    judge(spec).err().map(|Invalid(all)| all.iter().map(ToString::to_string).collect()).unwrap_or_default()
}

fn secret(key: &str) -> Value {
    json!({"valueFrom": {"secretKeyRef": {"name": "s", "key": key}}})
}

#[test]
fn what_is_not_said_has_the_documented_value() {
    let check = judge(json!({"http": {"url": "http://Shop.example"}})).unwrap();
    assert_eq!(check.key, ObjectKey::new("ns", "a"));
    assert_eq!((check.generation, &*check.report_as, &*check.instance), (7, "a", "http://Shop.example"));
    assert_eq!(check.labels["tier"], "web");
    assert_eq!((check.interval, check.timeout), (Duration::from_secs(30), Duration::from_secs(5)));
    assert_eq!((check.failure_threshold, check.success_threshold, check.retries, check.suspend), (3, 1, 0, false));
    assert!(check.degraded.latency.is_none() && check.degraded.when.is_none() && check.depends_on.is_empty());
    let Probe::Http(http) = &*check.probe else { panic!() };
    assert_eq!((http.method.as_str(), http.url.as_str()), ("GET", "http://shop.example/"));
    assert_eq!((http.follow_redirects, http.max_body_bytes, http.version), (true, 1 << 20, HttpVersion::Http1));
    assert!(http.expect.status.contains(200) && http.expect.status.contains(299) && !http.expect.status.contains(300));
    assert!(http.auth.is_none() && http.headers.is_empty() && http.body.is_none() && !http.tls.asked);
}

#[test]
fn a_timeout_is_5s_or_a_shorter_interval() {
    for (spec, timeout) in [
        (json!({"interval": "10s"}), 5000),
        (json!({"interval": "2s"}), 2000),
        (json!({"interval": "2s", "timeout": "2s"}), 2000),
        (json!({"interval": "1m", "timeout": "1m"}), 60_000),
    ] {
        let mut spec = spec;
        spec["tcp"] = json!({"address": "a:1"});
        assert_eq!(judge(spec).unwrap().timeout, Duration::from_millis(timeout));
    }
}

#[test]
fn an_object_without_a_namespace_is_where_the_caller_says() {
    let mut object = object(json!({"tcp": {"address": "a:1"}, "dependsOn": [{"name": "b"}]}));
    object["metadata"] = json!({"name": "a"});
    let check = health_check(&object, "elsewhere", &Everything { in_cluster: false }).unwrap();
    assert_eq!(check.key, ObjectKey::new("elsewhere", "a"));
    assert_eq!(*check.depends_on, [ObjectKey::new("elsewhere", "b")]);
    assert_eq!(check.generation, 1);
}

#[test]
fn http_with_everything() {
    let check = judge(json!({"reportAs": "shop", "degraded": {"latency": "0ms", "certificateValidFor": "2h"}, "http": {
        "url": "https://a/x", "method": "POST", "body": "b", "httpVersion": "HTTP2", "ipFamily": "IPv6",
        "followRedirects": false, "maxBodyBytes": 5,
        "headers": [{"name": "X-A", "value": "plain"}, {"name": "X-B", "valueFrom": secret("k")["valueFrom"]},
                    {"name": "X-C", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}, {"name": "Cookie", "value": "c"}],
        "auth": {"basic": {"username": {"value": "ann"}, "password": secret("p")}},
        "expect": {"status": ["204", "300-302"], "bodyMatches": ["x"], "bodyNotMatches": ["y", "z"],
                   "headers": [{"name": "Server", "matches": "a|b"}], "when": "response.status == 204"},
    }})).unwrap();
    assert_eq!((&*check.report_as, check.degraded.latency), ("shop", Some(Duration::ZERO)));
    assert_eq!(check.degraded.certificate_valid_for, Some(Duration::from_secs(7200)));
    let Probe::Http(http) = &*check.probe else { panic!() };
    assert_eq!(
        (http.method.as_str(), http.body.as_deref(), http.version),
        ("POST", Some(&b"b"[..]), HttpVersion::Http2)
    );
    assert_eq!((http.ip_family, http.follow_redirects, http.max_body_bytes), (IpFamily::IPv6, false, 5));
    let headers: Vec<_> = (http.headers.iter())
        .map(|header| (header.name.as_str(), header.value.to_str().unwrap(), header.value.is_sensitive()))
        .collect();
    // What comes from a Secret, and what is a credential by its name, stays with its origin.
    let expected = [
        ("x-a", "plain", false),
        ("x-b", "Secret.ns.s.k", true),
        ("x-c", "ConfigMap.ns.c.k", false),
        ("cookie", "c", true),
    ];
    assert_eq!(headers, expected);
    let Some(Auth::Basic { username, password }) = http.auth.as_deref() else { panic!() };
    assert_eq!((username.expose().as_str(), password.expose().as_str()), ("ann", "Secret.ns.s.p"));
    assert_eq!(http.expect.status.0, [(204, 204), (300, 302)]);
    assert_eq!((http.expect.body_matches.len(), http.expect.body_not_matches.len()), (1, 2));
    assert!(!http.expect.headers[0].matches.is_match(b"ab") && http.expect.when.is_some());
    assert!(!format!("{check:?}").contains("Secret.ns.s"), "a secret is shown");
}

#[test]
fn tcp_tls_and_dns() {
    let check =
        judge(json!({"tcp": {"address": "[::1]:25", "steps": [{"send": "a", "expect": "b"}, {"startTLS": true}]}}));
    let check = check.unwrap();
    let Probe::Tcp(tcp) = &*check.probe else { panic!() };
    assert_eq!((&*check.instance, tcp.address.to_string().as_str()), ("[::1]:25", "[::1]:25"));
    assert_eq!(
        (tcp.steps.len(), tcp.steps[0].start_tls, tcp.steps[1].start_tls, tcp.tls.asked),
        (2, false, true, false)
    );

    let check = judge(
        json!({"tls": {"address": "A:1", "serverName": "b", "startTLS": "postgres", "tls": {"insecureSkipVerify": true}}}),
    );
    let check = check.unwrap();
    let Probe::Tls(tls) = &*check.probe else { panic!() };
    assert_eq!((tls.start_tls, tls.tls.server_name.as_deref()), (Some(StartTls::Postgres), Some("b")));
    assert!(tls.tls.asked && tls.tls.insecure_skip_verify);

    let check =
        judge(json!({"dns": {"name": "A.example", "type": "MX", "server": "::1", "expect": {"rcode": ["NXDOMAIN"]}}}));
    let check = check.unwrap();
    let Probe::Dns(dns) = &*check.probe else { panic!() };
    assert_eq!(dns.server, Some(Address { host: "::1".into(), port: 53 }));
    assert!(dns.name.is_fqdn() && dns.expect.answers.is_empty());
    assert_eq!((dns.record_type.to_string().as_str(), &*check.instance), ("MX", "dns://::1/A.example?type=MX"));
}

#[test]
fn a_certificate_and_its_key_must_belong_together() {
    let pair = || {
        let made = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        (made.cert.pem(), made.signing_key.serialize_pem())
    };
    let ((cert, key), (_, other)) = (pair(), pair());
    let judged = |key: &str| {
        let values = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}, "stringData": {"key": key}});
        let check = object(json!({"tls": {"address": "a:1", "tls": {
            "ca": {"value": cert}, "cert": {"value": cert}, "key": secret("key"),
        }}}));
        let judged = set(&[&check, &values]);
        judged[0].mistakes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(judged(&key), [""; 0]);
    assert_eq!(judged(&other), ["spec.tls.tls.key: does not belong to the first certificate of cert"]);
    assert_eq!(judged("x"), ["spec.tls.tls.key: holds no PEM private key (BEGIN PRIVATE KEY, not encrypted)"]);
}

#[test]
fn one_mistake_does_not_hide_the_others() {
    let spec = json!({"interval": 5, "timeout": "1m", "retries": "x", "http": {
        "url": "ftp://a", "headers": [{"name": "a b"}], "expect": {"bodyMatches": ["("], "when": "1 +"},
    }});
    let expected = [
        "spec.http.headers[0].name: \"a b\" is not a header's name",
        "spec.interval: must be a string, not a number",
        "spec.retries: must be a whole number, not a string",
        "spec.http.url: must begin with http:// or https:// and name a host",
        "spec.http.expect.bodyMatches[0]: \"(\" is not a regular expression: unclosed group",
    ];
    let found = mistakes(spec);
    assert_eq!(found[..5], expected);
    assert!(found[5].starts_with("spec.http.expect.when: \"1 +\" is not a CEL expression"), "{found:?}");
    // The timeout is over the interval's default, but an interval was given.
    assert_eq!(found.len(), 6, "{found:?}");
}

#[test]
fn what_is_left_out_for_its_mistakes_is_not_taken_for_absent() {
    // Were it so, there would be "exactly one of" mistakes beside these.
    for (spec, expected) in [
        (json!({"tcp": {}}), "spec.tcp: an address is required, or discover beside the probe"),
        (json!({"http": 5}), "spec.http: must be an object, not a number"),
        (json!({"http": {"url": 5}}), "spec.http.url: must be a string, not a number"),
        (
            json!({"http": {"url": "http://a", "headers": [{"name": "a", "value": 5}]}}),
            "spec.http.headers[0].value: must be a string, not a number",
        ),
        (
            json!({"tcp": {"address": "a:1", "tls": 5}, "degraded": {"certificateValidFor": "1h"}}),
            "spec.tcp.tls: must be an object, not a number",
        ),
    ] {
        assert_eq!(mistakes(spec.clone()), [expected], "{spec}");
    }
}

#[test]
fn references_are_told_by_their_kind() {
    let fault = |spec: Value| {
        let Invalid(all) = judge(spec).unwrap_err();
        let [FieldError { fault, secret_missing, hint, .. }] = &all[..] else { panic!("{all:?}") };
        (*fault, *secret_missing, hint.clone().unwrap_or_default())
    };
    let bearer = |key: &str| json!({"http": {"url": "http://a", "auth": {"bearer": {"token": secret(key)}}}});
    assert_eq!(fault(bearer("missing")), (Fault::UnresolvedReference, true, "did you mean mising?".into()));
    assert_eq!(fault(bearer("binary")), (Fault::InvalidSpec, false, String::new()));
    let depends = json!({"tcp": {"address": "a:1"}, "dependsOn": [{"name": "missing"}]});
    assert_eq!(fault(depends), (Fault::UnresolvedReference, false, "did you mean mising?".into()));
    assert_eq!(fault(json!({"http": {"url": "http://a", "expect": {"when": "("}}})).0, Fault::InvalidExpression);
    let service = json!({"http": {"service": {"name": "b", "port": 8080}, "path": "/x?y"}});
    assert_eq!(fault(service.clone()).0, Fault::NotSupported);
    let check = health_check(&object(service), "ns", &Everything { in_cluster: true }).unwrap();
    assert_eq!(&*check.instance, "http://b.ns.svc:8080/x?y");
}

#[test]
fn a_header_from_a_secret_with_a_line_break_says_what_to_do() {
    let value = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "ns"}, "stringData": {"k": "abc\n"}});
    let spec =
        json!({"http": {"url": "http://a", "headers": [{"name": "X-A", "valueFrom": secret("k")["valueFrom"]}]}});
    let judged = set(&[&object(spec), &value]);
    let told = judged[0].mistakes[0].to_string();
    assert_eq!(told, "spec.http.headers[0].valueFrom: ends with a line break, which a header cannot hold");
}

#[test]
fn a_million_mistakes_are_a_hundred_and_a_count() {
    let many: serde_json::Map<_, _> = (0..100_000).map(|at| (format!("field{at}"), json!(1))).collect();
    let found = mistakes(Value::Object(many));
    assert!(found.len() <= 103, "{}", found.len());
    assert!(found.contains(&"spec: and 99900 mistakes more".to_owned()), "{:?}", found.last());
    let many: serde_json::Map<_, _> = (0..100_000).map(|at| (format!("field {at}"), json!(1))).collect();
    let mut everywhere = object(json!({"tcp": {"address": "a:1"}}));
    for (name, value) in &many {
        everywhere[name] = value.clone();
    }
    everywhere["metadata"] = json!({"name": "a", "labels": many, "annotations": many});
    let Invalid(found) = health_check(&everywhere, "ns", &Everything { in_cluster: false }).unwrap_err();
    assert!(found.len() <= 300, "{}", found.len());
}

#[test]
fn equal_labels_are_held_once() {
    let spec = json!({"tcp": {"address": "a:1"}});
    let (a, b) = (judge(spec.clone()).unwrap(), judge(spec).unwrap());
    assert!(Arc::ptr_eq(&a.labels, &b.labels));
}

/// Values of every kind, with the names of our fields among the keys.
fn any_value() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        Just("http"),
        Just("tcp"),
        Just("tls"),
        Just("dns"),
        Just("url"),
        Just("address"),
        Just("steps"),
        Just("name"),
        Just("expect"),
        Just("status"),
        Just("headers"),
        Just("auth"),
        Just("valueFrom"),
        Just("secretKeyRef"),
        Just("key"),
        Just("interval"),
        Just("degraded"),
        Just("dependsOn"),
        Just("server"),
        Just("value"),
        Just("other"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        "[a-z0-9:/\\[\\].@-]{0,16}".prop_map(Value::from),
        "[0-9]{1,16}(ms|s|m|h)".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(names.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_spec_makes_it_panic_and_none_is_refused_in_silence(spec in any_value()) {
        match judge(spec) {
            Ok(check) => prop_assert!(!check.instance.is_empty() && check.timeout <= check.interval),
            Err(Invalid(mistakes)) => prop_assert!(!mistakes.is_empty()),
        }
    }

    #[test]
    fn no_object_makes_a_set_panic(objects in proptest::collection::vec(any_value(), 0..4)) {
        let objects: Vec<_> = objects.into_iter().map(|spec| object(json!({"http": spec}))).collect();
        let judged = set(&objects.iter().collect::<Vec<_>>());
        // All have one name, so that with two of them none passes.
        prop_assert!(objects.len() < 2 || judged.iter().all(|one| !one.mistakes.is_empty()));
    }
}
