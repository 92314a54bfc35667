//! The `dns` probe.

use hickory_resolver::proto::{
    op::ResponseCode,
    rr::{Name, RecordType},
};

use super::{checker::Checker, field::FieldPath, tls};
use crate::{
    api::{DnsRcode, DnsRecordType, DnsSpec, DnsTransportSpec},
    model::{Dns, DnsExpect, DnsTransport},
};

const PORT: u16 = 53;

pub fn probe(checker: &mut Checker<'_>, path: &FieldPath, spec: &DnsSpec) -> Option<(Dns, String)> {
    let server = spec.server.as_ref().map(|text| checker.server(&path.field("server"), text, PORT));
    let name = name(checker, &path.field("name"), &spec.name);
    let expect_at = path.field("expect");
    let answers = spec.expect.as_ref().and_then(|expect| expect.answers.as_ref());
    let answers =
        checker.patterns(&expect_at.field("answers"), answers, |checker, at, source| checker.anchored(at, source));
    let server = match server {
        None => None,
        Some(server) => Some(server?),
    };
    let rcode = spec
        .expect
        .as_ref()
        .map_or_else(|| vec![ResponseCode::NoError], |expect| expect.rcode.iter().copied().map(rcode).collect());
    let record_type = record_type(spec.record_type);
    let probe = Dns {
        name: name?,
        record_type,
        transport: match spec.transport {
            DnsTransportSpec::Udp => DnsTransport::Udp,
            DnsTransportSpec::Tcp => DnsTransport::Tcp,
        },
        ip_family: tls::family(spec.ip_family),
        expect: DnsExpect { rcode, answers: answers? },
        server,
    };
    // RFC 4501: what a person would write who has to put all of it in one word.
    let instance = match &spec.server {
        Some(server) => format!("dns://{server}/{}?type={record_type}", spec.name),
        None => format!("dns:{}?type={record_type}", spec.name),
    };
    Some((probe, instance))
}

fn name(checker: &mut Checker<'_>, path: &FieldPath, text: &str) -> Option<Name> {
    const HINT: &str = "such as example.com or _ldap._tcp.example.com";
    // Escapes such as \046 are for zone files; here they would only hide what is asked for.
    let plain = !text.contains(|c: char| c.is_whitespace() || c.is_control() || "\\/:@".contains(c));
    if text.parse::<std::net::IpAddr>().is_ok() {
        let hint = "the name of its PTR record, such as 1.0.0.127.in-addr.arpa";
        checker.refuse_with(path, "is an address and not a name", hint);
        return None;
    }
    match Name::from_utf8(text) {
        Ok(mut name) if plain => {
            name.set_fqdn(true);
            Some(name)
        }
        _ => {
            checker.refuse_with(path, "is not a domain name", HINT);
            None
        }
    }
}

fn record_type(spec: DnsRecordType) -> RecordType {
    match spec {
        DnsRecordType::A => RecordType::A,
        DnsRecordType::Aaaa => RecordType::AAAA,
        DnsRecordType::Caa => RecordType::CAA,
        DnsRecordType::Cname => RecordType::CNAME,
        DnsRecordType::Dnskey => RecordType::DNSKEY,
        DnsRecordType::Ds => RecordType::DS,
        DnsRecordType::Https => RecordType::HTTPS,
        DnsRecordType::Mx => RecordType::MX,
        DnsRecordType::Naptr => RecordType::NAPTR,
        DnsRecordType::Ns => RecordType::NS,
        DnsRecordType::Ptr => RecordType::PTR,
        DnsRecordType::Soa => RecordType::SOA,
        DnsRecordType::Srv => RecordType::SRV,
        DnsRecordType::Sshfp => RecordType::SSHFP,
        DnsRecordType::Svcb => RecordType::SVCB,
        DnsRecordType::Tlsa => RecordType::TLSA,
        DnsRecordType::Txt => RecordType::TXT,
    }
}

fn rcode(spec: DnsRcode) -> ResponseCode {
    match spec {
        DnsRcode::NoError => ResponseCode::NoError,
        DnsRcode::FormErr => ResponseCode::FormErr,
        DnsRcode::ServFail => ResponseCode::ServFail,
        DnsRcode::NxDomain => ResponseCode::NXDomain,
        DnsRcode::NotImp => ResponseCode::NotImp,
        DnsRcode::Refused => ResponseCode::Refused,
        DnsRcode::YxDomain => ResponseCode::YXDomain,
        DnsRcode::YxRrSet => ResponseCode::YXRRSet,
        DnsRcode::NxRrSet => ResponseCode::NXRRSet,
        DnsRcode::NotAuth => ResponseCode::NotAuth,
        DnsRcode::NotZone => ResponseCode::NotZone,
    }
}
