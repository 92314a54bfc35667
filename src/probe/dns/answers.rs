//! What an answer says, and whether it is as expected. Pure.

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData},
};

use crate::{
    health::Reason,
    model::{DnsExpect, DnsType},
    net::Failure,
};

/// Judges an answer; gives what there is to say of a good one.
///
/// # Errors
/// ExpectationFailed: a wrong rcode, or no answer of the asked type that matches.
pub(super) fn judge(message: &Message, asked: DnsType, expect: &DnsExpect) -> Result<String, Failure> {
    let rcode = message.metadata.response_code;
    let failed = |what: String| Err(Failure::new(Reason::ExpectationFailed, what));
    if !expect.rcode.contains(&rcode) {
        return failed(format!("rcode is {}", rcode_name(rcode)));
    }
    if expect.answers.is_empty() {
        return Ok(rcode_name(rcode));
    }
    let texts: Vec<String> = message
        .answers
        .iter()
        .filter(|record| asked == DnsType::ANY || record.record_type() == asked)
        .map(|record| text(&record.data))
        .collect();
    if texts.is_empty() {
        return failed(format!("{}, but there is no {asked} record", rcode_name(rcode)));
    }
    match expect.answers.iter().find(|pattern| !texts.iter().any(|text| pattern.is_match(text.as_bytes()))) {
        Some(unmatched) => failed(format!("no {asked} record matches /{}/", unmatched.source())),
        None => Ok(format!("{}, answers as expected", rcode_name(rcode))),
    }
}

/// The serial of a SOA among the answers.
pub(super) fn serial(message: &Message) -> Option<u32> {
    message.answers.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(soa.serial),
        _ => None,
    })
}

/// `NXDOMAIN`, as IANA registers it.
fn rcode_name(rcode: ResponseCode) -> String {
    match rcode {
        ResponseCode::Unknown(code) => format!("RCODE{code}"),
        known => format!("{known:?}").to_ascii_uppercase(),
    }
}

/// The data of a record as a zone file has it, but for the dot behind names and the quotes around texts.
fn text(data: &RData) -> String {
    match data {
        RData::CNAME(name) => host(name),
        RData::NS(name) => host(name),
        RData::PTR(name) => host(name),
        RData::MX(mx) => format!("{} {}", mx.preference, host(&mx.exchange)),
        RData::SRV(srv) => format!("{} {} {} {}", srv.priority, srv.weight, srv.port, host(&srv.target)),
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {} {}",
            host(&soa.mname),
            host(&soa.rname),
            soa.serial,
            soa.refresh,
            soa.retry,
            soa.expire,
            soa.minimum
        ),
        // The strings of one record are one text (RFC 7208, section 3.3).
        RData::TXT(txt) => String::from_utf8_lossy(&txt.txt_data.concat()).into_owned(),
        other => other.to_string(),
    }
}

/// Without the trailing dot; the root alone keeps it.
fn host(name: &Name) -> String {
    let text = name.to_ascii();
    match text.strip_suffix('.') {
        Some(host) if !host.is_empty() => host.to_owned(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use hickory_resolver::proto::{
        op::OpCode,
        rr::{
            Record,
            rdata::{A, CNAME, MX, SOA, SRV, TXT},
        },
    };

    use super::*;
    use crate::model::Pattern;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn message(rcode: ResponseCode, data: Vec<RData>) -> Message {
        let mut message = Message::response(1, OpCode::Query);
        message.metadata.response_code = rcode;
        message.add_answers(data.into_iter().map(|data| Record::from_rdata(name("a.example."), 60, data)));
        message
    }

    fn verdict(message: &Message, asked: DnsType, answers: &[&str]) -> Result<String, String> {
        let answers = answers.iter().map(|source| Pattern::anchored(source).unwrap()).collect();
        judge(message, asked, &DnsExpect { rcode: vec![ResponseCode::NoError], answers })
            .map_err(|failure| failure.message)
    }

    #[test]
    fn records_as_text() {
        for (data, expected) in [
            (RData::A(A::new(10, 0, 0, 1)), "10.0.0.1"),
            (RData::CNAME(CNAME(name("b.example."))), "b.example"),
            (RData::MX(MX::new(10, name("mail.example."))), "10 mail.example"),
            (RData::MX(MX::new(0, Name::root())), "0 ."),
            (RData::SRV(SRV::new(1, 2, 443, name("b.example."))), "1 2 443 b.example"),
            (RData::TXT(TXT::new(vec!["v=spf1 ".into(), "-all".into()])), "v=spf1 -all"),
            (
                RData::SOA(SOA::new(name("ns.example."), name("root.example."), 7, 1, 2, 3, 4)),
                "ns.example root.example 7 1 2 3 4",
            ),
        ] {
            assert_eq!(text(&data), expected);
        }
    }

    #[test]
    fn each_pattern_needs_an_answer_of_the_asked_type_in_any_order() {
        let two = message(
            ResponseCode::NoError,
            vec![RData::CNAME(CNAME(name("b.example."))), RData::A(A::new(10, 0, 0, 2)), RData::A(A::new(10, 0, 0, 1))],
        );
        let asked = |answers| verdict(&two, DnsType::A, answers);
        assert_eq!(asked(&[]), Ok("NOERROR".into()));
        assert_eq!(asked(&[r"10\.0\.0\.1", r"10\.0\.0\.[0-9]"]), Ok("NOERROR, answers as expected".into()));
        assert_eq!(asked(&[r"10\.0\.0"]), Err(r"no A record matches /10\.0\.0/".into()));
        assert_eq!(asked(&["b.example"]), Err("no A record matches /b.example/".into()));
        assert_eq!(verdict(&two, DnsType::ANY, &["b.example"]), Ok("NOERROR, answers as expected".into()));
        let none = message(ResponseCode::NoError, vec![]);
        assert_eq!(verdict(&none, DnsType::A, &[]), Ok("NOERROR".into()));
        assert_eq!(verdict(&none, DnsType::A, &[".*"]), Err("NOERROR, but there is no A record".into()));
    }

    #[test]
    fn the_rcode_is_one_of_a_list() {
        let gone = message(ResponseCode::NXDomain, vec![]);
        assert_eq!(verdict(&gone, DnsType::A, &[]), Err("rcode is NXDOMAIN".into()));
        let expect = DnsExpect { rcode: vec![ResponseCode::NoError, ResponseCode::NXDomain], answers: vec![] };
        assert_eq!(judge(&gone, DnsType::A, &expect).unwrap(), "NXDOMAIN");
        assert_eq!(rcode_name(ResponseCode::Unknown(3841)), "RCODE3841");
    }
}
