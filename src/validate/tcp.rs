//! The `tcp` probe.

use bytes::Bytes;

use super::{checker::Checker, field::FieldPath, tls};
use crate::{
    api::{TcpSpec, TcpStepSpec},
    model::{Tcp, TcpStep},
};

pub fn probe(checker: &mut Checker<'_>, path: &FieldPath, spec: &TcpSpec, discovers: bool) -> Option<(Tcp, String)> {
    let address = checker.target_address(path, spec.address.as_deref(), discovers);
    let tls = tls::settings(checker, &path.field("tls"), spec.tls.as_ref());
    let steps_at = path.field("steps");
    let steps = spec.steps.as_deref().unwrap_or_default();
    if steps.iter().filter(|step| step.start_tls).count() > 1 {
        checker.refuse(&steps_at, "at most one step may have startTLS");
    }
    let steps: Vec<_> = steps.iter().enumerate().map(|(at, spec)| step(checker, &steps_at.index(at), spec)).collect();
    let steps = steps.into_iter().collect::<Option<Vec<_>>>()?;
    let probe = Tcp { address: address?, ip_family: tls::family(spec.ip_family), tls: tls?.shared(), steps };
    Some((probe, spec.address.clone().unwrap_or_default()))
}

fn step(checker: &mut Checker<'_>, path: &FieldPath, spec: &TcpStepSpec) -> Option<TcpStep> {
    if !spec.start_tls && !["send", "expect"].into_iter().any(|field| checker.is_set(&path.field(field))) {
        checker.refuse(path, "at least one of send, expect, startTLS must be set");
    }
    let expect = match &spec.expect {
        None => None,
        Some(source) => Some(checker.unanchored(&path.field("expect"), source)?),
    };
    Some(TcpStep { send: spec.send.clone().map(Bytes::from), expect, start_tls: spec.start_tls })
}
