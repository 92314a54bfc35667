//! Every metric that is rendered from the snapshot, in one table. Names and meanings of `probe_*` are
//! blackbox_exporter's, so that dashboards made for it work.

use crate::{
    health::State,
    metrics::{probes as p, text::Lines},
};

/// One metric: what the text format says of it, and how its samples are taken from a target.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) kind: &'static str,
    /// Labels beyond `namespace`, `healthcheck` and `instance`.
    pub(super) labels: &'static [&'static str],
    pub(super) emit: Emit,
}

/// How samples are taken. A function pointer, called once per target and scrape.
pub(super) enum Emit {
    /// Of every target there is.
    Target(fn(&p::Target, &mut Lines<'_>)),
    /// Of targets whose last run still says how they are.
    Run(fn(&p::Run, &mut Lines<'_>)),
}

/// Every metric that probes give: name, type, labels beside `namespace`, `healthcheck` and `instance`, help.
pub fn reference() -> impl Iterator<Item = (&'static str, &'static str, &'static [&'static str], &'static str)> {
    FAMILIES.iter().map(|family| (family.name, family.kind, family.labels, family.help))
}

const fn gauge(name: &'static str, help: &'static str, emit: fn(&p::Run, &mut Lines<'_>)) -> Family {
    Family { name, help, kind: "gauge", labels: &[], emit: Emit::Run(emit) }
}

const fn labelled(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    emit: fn(&p::Run, &mut Lines<'_>),
) -> Family {
    Family { name, help, kind: "gauge", labels, emit: Emit::Run(emit) }
}

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "probity_healthcheck_state",
        help: "1 for the state that the target is in, 0 for the others.",
        kind: "gauge",
        labels: &["state"],
        emit: Emit::Target(|t, l| {
            for state in State::ALL {
                l.labelled("state", state.as_lower(), f64::from(u8::from(t.state == state)));
            }
        }),
    },
    Family {
        name: "probity_probe_runs_total",
        help: "Probe runs that ended, by result and reason.",
        kind: "counter",
        labels: &["result", "reason"],
        emit: Emit::Target(p::runs),
    },
    gauge("probe_success", "1 when the run that ended last passed, 0 when it did not.", |t, l| {
        l.value(f64::from(u8::from(t.passed())));
    }),
    gauge("probe_duration_seconds", "Time that the run that ended last took.", |t, l| {
        l.value(t.latency().as_secs_f64());
    }),
    gauge("probe_timeout_seconds", "Time that a run may take.", |t, l| l.value(t.timeout().as_secs_f64())),
    gauge(
        "probe_dns_lookup_time_seconds",
        "Time to look up the target's address; 0 when it was cached or literal.",
        |t, l| {
            if let Some(resolved) = t.resolved() {
                l.value(resolved.took.as_secs_f64());
            }
        },
    ),
    gauge("probe_ip_protocol", "IP version of the address that was used: 4 or 6.", |t, l| {
        if let Some(resolved) = t.resolved() {
            l.value(if resolved.ip.is_ipv4() { 4.0 } else { 6.0 });
        }
    }),
    gauge("probe_ip_addr_hash", "FNV-1a hash of the address that was used, to see it change.", |t, l| {
        if let Some(resolved) = t.resolved() {
            l.value(f64::from(p::address_hash(resolved.ip)));
        }
    }),
    labelled(
        "probe_http_duration_seconds",
        "Time per phase of the request, summed over redirects.",
        &["phase"],
        |t, l| {
            if let Some(http) = t.http() {
                l.labelled("phase", "resolve", http.phases.resolve.as_secs_f64());
                l.labelled("phase", "connect", http.phases.connect.as_secs_f64());
                l.labelled("phase", "tls", http.phases.tls.as_secs_f64());
                l.labelled("phase", "processing", http.phases.processing.as_secs_f64());
                l.labelled("phase", "transfer", http.phases.transfer.as_secs_f64());
            }
        },
    ),
    gauge("probe_http_status_code", "Status code of the answer; 0 when there was none.", |t, l| {
        if let Some(http) = t.http() {
            l.value(f64::from(http.status));
        }
    }),
    gauge("probe_http_content_length", "Length of the body as its header said; -1 when it did not.", |t, l| {
        if let Some(http) = t.http() {
            l.value(http.content_length as f64);
        }
    }),
    gauge("probe_http_uncompressed_body_length", "Bytes of the body that were read, after decompression.", |t, l| {
        if let Some(http) = t.http() {
            l.value(http.body_length as f64);
        }
    }),
    gauge("probe_http_redirects", "Redirects that were followed.", |t, l| {
        if let Some(http) = t.http() {
            l.value(f64::from(http.redirects));
        }
    }),
    gauge("probe_http_ssl", "1 when the final connection was TLS.", |t, l| {
        if let Some(http) = t.http() {
            l.value(f64::from(u8::from(http.ssl)));
        }
    }),
    gauge("probe_http_version", "HTTP version of the answer; 0 when there was none.", |t, l| {
        if let Some(http) = t.http() {
            // By tenths, because 1.1 as an f32 is not the f64 that is written 1.1.
            l.value((f64::from(http.version) * 10.0).round() / 10.0);
        }
    }),
    gauge("probe_failed_due_to_regex", "1 when a regular expression decided that the run failed.", |t, l| {
        if let Some(failed) = t.failed_due_to_regex() {
            l.value(f64::from(u8::from(failed)));
        }
    }),
    gauge("probe_failed_due_to_cel", "1 when a CEL expression decided that the run failed.", |t, l| {
        if let Some(failed) = t.http().and_then(|http| http.failed_due_to_cel) {
            l.value(f64::from(u8::from(failed)));
        }
    }),
    gauge("probe_http_last_modified_timestamp_seconds", "Last-Modified of the answer, in Unix time.", |t, l| {
        if let Some(at) = t.http().and_then(|http| http.last_modified) {
            l.value(at as f64);
        }
    }),
    gauge(
        "probe_ssl_earliest_cert_expiry",
        "When the first of the peer's certificates expires, in Unix time.",
        |t, l| {
            if let Some(tls) = t.tls() {
                l.value(tls.earliest_expiry as f64);
            }
        },
    ),
    gauge(
        "probe_ssl_last_chain_expiry_timestamp_seconds",
        "When the last verified chain expires, in Unix time; -62135596800 when none verifies.",
        |t, l| {
            if let Some(tls) = t.tls() {
                l.value(tls.chain_expiry.unwrap_or(p::GO_ZERO_TIME) as f64);
            }
        },
    ),
    labelled(
        "probe_ssl_last_chain_info",
        "Always 1; its labels say which leaf certificate the peer showed.",
        &["fingerprint_sha256", "subject", "issuer", "subjectalternative", "serialnumber"],
        |t, l| {
            if let Some(tls) = t.tls() {
                let leaf = &tls.certificate;
                l.info(&[
                    ("fingerprint_sha256", &leaf.fingerprint_sha256),
                    ("subject", &leaf.subject),
                    ("issuer", &leaf.issuer),
                    ("subjectalternative", &leaf.subject_alternative),
                    ("serialnumber", &leaf.serial),
                ]);
            }
        },
    ),
    labelled(
        "probe_tls_version_info",
        "Always 1; its label says which TLS version was agreed on.",
        &["version"],
        |t, l| {
            if let Some(tls) = t.tls() {
                l.info(&[("version", tls.version)]);
            }
        },
    ),
    labelled(
        "probe_tls_cipher_info",
        "Always 1; its label says which TLS cipher suite was agreed on.",
        &["cipher"],
        |t, l| {
            if let Some(tls) = t.tls() {
                l.info(&[("cipher", tls.cipher)]);
            }
        },
    ),
    labelled("probe_dns_duration_seconds", "Time per phase of the query.", &["phase"], |t, l| {
        if let Some(dns) = t.dns() {
            l.labelled("phase", "resolve", dns.resolve.as_secs_f64());
            l.labelled("phase", "connect", dns.connect.as_secs_f64());
            l.labelled("phase", "request", dns.request.as_secs_f64());
        }
    }),
    gauge("probe_dns_answer_rrs", "Records in the answer section.", |t, l| {
        if let Some(dns) = t.dns() {
            l.value(f64::from(dns.answer_rrs));
        }
    }),
    gauge("probe_dns_authority_rrs", "Records in the authority section.", |t, l| {
        if let Some(dns) = t.dns() {
            l.value(f64::from(dns.authority_rrs));
        }
    }),
    gauge("probe_dns_additional_rrs", "Records in the additional section.", |t, l| {
        if let Some(dns) = t.dns() {
            l.value(f64::from(dns.additional_rrs));
        }
    }),
    gauge("probe_dns_query_succeeded", "1 when an answer came, whatever it said.", |t, l| {
        if let Some(dns) = t.dns() {
            l.value(f64::from(u8::from(dns.query_succeeded)));
        }
    }),
    gauge("probe_dns_serial", "Serial of the zone, of a SOA answer.", |t, l| {
        if let Some(serial) = t.dns().and_then(|dns| dns.serial) {
            l.value(f64::from(serial));
        }
    }),
];
