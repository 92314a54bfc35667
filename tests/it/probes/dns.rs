//! The `dns` probe: against dnsmasq, and against servers that misbehave.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use hickory_resolver::proto::{
    op::{MessageType, ResponseCode},
    rr::{RData, Record, rdata::TXT},
};
use probity::{
    health::Reason,
    model::{Address, Dns, DnsExpect, DnsTransport, DnsType, IpFamily, Pattern, Probe},
    net::{Egress, Net},
    probe::{Context, Details, DnsDetails, Outcome, Verdict},
};

use super::peers::{
    context,
    dns::{DnsPeer, a, reply},
    probe, probe_within, real,
};

fn spec(server: SocketAddr, name: &str, record_type: DnsType, answers: &[&str]) -> Dns {
    Dns {
        server: Some(Address { host: server.ip().to_string().into(), port: server.port() }),
        name: format!("{name}.").parse().unwrap(),
        record_type,
        transport: DnsTransport::Udp,
        ip_family: IpFamily::Any,
        expect: DnsExpect {
            rcode: vec![ResponseCode::NoError],
            answers: answers.iter().map(|source| Pattern::anchored(source).unwrap()).collect(),
        },
    }
}

async fn run(spec: Dns) -> Outcome {
    probe(&context(&[]), Probe::Dns(spec)).await
}

fn details(outcome: &Outcome) -> &DnsDetails {
    let Details::Dns(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details
}

const ZONE: &str = "\
host-record=www.example.test,10.1.2.3,fd00::3
host-record=mail.example.test,10.1.2.4
cname=alias.example.test,www.example.test
mx-host=example.test,mail.example.test,10
txt-record=example.test,v=spf1 -all
srv-host=_api._tcp.example.test,www.example.test,443,1,2
local=/example.test/
local=/test/
";

/// More text than a datagram of 512 bytes takes.
fn zone() -> String {
    let long = format!("txt-record=big.example.test,{}\n", "y".repeat(250));
    format!("{ZONE}{}", long.replace("yyyy\n", "first\n") + &long.replace("yyyy\n", "second\n") + &long)
}

#[tokio::test]
async fn a_real_server_answers_every_type_needs_dnsmasq() {
    let Some(server) = real::dnsmasq(&zone()).await else { return };
    let at = server.address;
    for (name, record_type, answers) in [
        ("www.example.test", DnsType::A, &[r"10\.1\.2\.3"][..]),
        ("WWW.example.test", DnsType::A, &[r"10\.1\.2\.3"]),
        ("www.example.test", DnsType::AAAA, &["fd00::3"]),
        ("alias.example.test", DnsType::CNAME, &[r"www\.example\.test"]),
        ("alias.example.test", DnsType::A, &[r"10\.1\.2\.3"]),
        ("example.test", DnsType::MX, &[r"10 mail\.example\.test"]),
        ("example.test", DnsType::TXT, &["v=spf1 -all"]),
        ("_api._tcp.example.test", DnsType::SRV, &[r"1 2 443 www\.example\.test"]),
        ("3.2.1.10.in-addr.arpa", DnsType::PTR, &[r"www\.example\.test"]),
    ] {
        let outcome = run(spec(at, name, record_type, answers)).await;
        assert_eq!((outcome.verdict, &*outcome.message), (Verdict::Good, "NOERROR, answers as expected"), "{name}");
        let details = details(&outcome);
        assert!(details.query_succeeded && details.answer_rrs > 0 && details.request > Duration::ZERO);
        assert_eq!(details.resolved.unwrap().ip, at.ip());
        let over_tcp = Dns { transport: DnsTransport::Tcp, ..spec(at, name, record_type, answers) };
        assert_eq!(run(over_tcp).await.reason, Reason::Ok, "{name} over TCP");
    }
}

#[tokio::test]
async fn a_real_server_says_what_is_not_there_needs_dnsmasq() {
    let Some(server) = real::dnsmasq(&zone()).await else { return };
    let at = server.address;
    let failed = async |name, record_type, answers| {
        let outcome = run(spec(at, name, record_type, answers)).await;
        assert_eq!(outcome.reason, Reason::ExpectationFailed, "{outcome:?}");
        assert!(details(&outcome).query_succeeded);
        outcome.message.to_string()
    };
    assert_eq!(failed("gone.example.test", DnsType::A, &[]).await, "rcode is NXDOMAIN");
    assert_eq!(failed("elsewhere.invalid", DnsType::A, &[]).await, "rcode is REFUSED");
    assert_eq!(failed("www.example.test", DnsType::A, &["10.9.9.9"]).await, "no A record matches /10.9.9.9/");
    assert_eq!(failed("www.example.test", DnsType::MX, &[".*"]).await, "NOERROR, but there is no MX record");
    let mut nx = spec(at, "gone.example.test", DnsType::A, &[]);
    nx.expect.rcode = vec![ResponseCode::NXDomain];
    assert_eq!(&*run(nx).await.message, "NXDOMAIN");
}

#[tokio::test]
async fn a_truncated_answer_is_asked_again_over_tcp_needs_dnsmasq() {
    let Some(server) = real::dnsmasq(&zone()).await else { return };
    let outcome = run(spec(server.address, "big.example.test", DnsType::TXT, &["y+first", "y+second"])).await;
    assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");
    assert_eq!(details(&outcome).answer_rrs, 3);

    let counted = DnsPeer::start(|query, tcp| {
        let mut message = reply(query);
        if tcp {
            message.add_answer(a(&query.queries[0].name, 1, "10.0.0.1"));
        } else {
            message.metadata.truncation = true;
        }
        vec![message.to_vec().unwrap()]
    })
    .await;
    let outcome = run(spec(counted.address, "a.example", DnsType::A, &["10.0.0.1"])).await;
    assert_eq!((outcome.reason, counted.asked()), (Reason::Ok, 2), "{outcome:?}");
}

#[tokio::test]
async fn only_the_answer_to_the_question_counts() {
    let forging = DnsPeer::start(|query, _| {
        let name = &query.queries[0].name;
        let with = |change: &dyn Fn(&mut hickory_resolver::proto::op::Message)| {
            let mut message = reply(query);
            message.add_answer(a(name, 1, "10.6.6.6"));
            change(&mut message);
            message.to_vec().unwrap()
        };
        vec![
            with(&|message| message.metadata.id ^= 1),
            with(&|message| message.queries[0].name = "other.example.".parse().unwrap()),
            with(&|message| message.metadata.message_type = MessageType::Query),
            b"no DNS at all".to_vec(),
            with(&|message| message.answers = vec![a(name, 1, "10.0.0.1")]),
        ]
    })
    .await;
    for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
        let dns = Dns { transport, ..spec(forging.address, "a.example", DnsType::A, &[r"10\.0\.0\.1"]) };
        let outcome = run(dns).await;
        assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");
    }
}

#[tokio::test]
async fn servers_that_do_not_answer() {
    let silent = DnsPeer::start(|_, _| vec![]).await;
    let dns = Probe::Dns(spec(silent.address, "a.example", DnsType::A, &[]));
    let outcome = probe_within(&context(&[]), dns, Duration::from_millis(300)).await;
    assert_eq!(outcome.reason, Reason::Timeout);
    assert_eq!(&*outcome.message, "no answer within 300ms: still waiting for the answer");
    assert!(!details(&outcome).query_succeeded);

    let nobody = ([127, 0, 0, 1], real::free_port()).into();
    for transport in [DnsTransport::Udp, DnsTransport::Tcp] {
        let outcome = run(Dns { transport, ..spec(nobody, "a.example", DnsType::A, &[]) }).await;
        assert_eq!(outcome.reason, Reason::ConnectionRefused, "{outcome:?}");
        assert_eq!(*outcome.message, format!("{nobody} refused the connection"));
    }

    let garbled = DnsPeer::start(|query, _| {
        let mut bytes = reply(query).to_vec().unwrap();
        bytes.truncate(14);
        vec![bytes]
    })
    .await;
    let outcome = run(spec(garbled.address, "a.example", DnsType::A, &[])).await;
    assert_eq!(outcome.reason, Reason::ProtocolError, "{outcome:?}");
}

#[tokio::test]
async fn a_soa_has_a_serial_and_the_sections_are_counted() {
    let counting = DnsPeer::start(|query, _| {
        let name = &query.queries[0].name;
        let soa = hickory_resolver::proto::rr::rdata::SOA::new(name.clone(), name.clone(), 7, 1, 1, 1, 1);
        let mut message = reply(query);
        message.add_answer(Record::from_rdata(name.clone(), 1, RData::SOA(soa)));
        message.add_authority(Record::from_rdata(name.clone(), 1, RData::TXT(TXT::new(vec!["x".into()]))));
        message.add_additionals([a(name, 1, "10.0.0.1"), a(name, 1, "10.0.0.2")]);
        vec![message.to_vec().unwrap()]
    })
    .await;
    let outcome = run(spec(counting.address, "example", DnsType::SOA, &["example example 7 .*"])).await;
    assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");
    let details = details(&outcome);
    assert_eq!((details.answer_rrs, details.authority_rrs, details.additional_rrs), (1, 1, 2));
    assert_eq!(details.serial, Some(7));
}

#[tokio::test]
async fn the_server_may_be_a_name_or_the_machines_own() {
    let table = DnsPeer::table(60, &[("a.example.", "10.0.0.1")]).await;
    let mut named = spec(table.address, "a.example", DnsType::A, &[r"10\.0\.0\.1"]);
    named.server = Some(Address { host: "localhost".into(), port: table.address.port() });
    // ::1 refuses, and 127.0.0.1 is asked next.
    assert_eq!(run(named).await.reason, Reason::Ok);

    let context = context(&[]);
    let none = Dns { server: None, ..spec(table.address, "a.example", DnsType::A, &[]) };
    let outcome = probe(&context, Probe::Dns(none)).await;
    assert_eq!(outcome.reason, Reason::DNSError);
    assert_eq!(&*outcome.message, "no DNS server of that family is configured on this machine");
}

#[tokio::test]
async fn the_server_passes_the_egress_policy() {
    let clock = probity::clock::Clock::system();
    let net = Net::with_servers(Egress::default(), clock.clone(), &[]);
    let context = Context::new(clock, std::sync::Arc::new(net));
    let at = ([127, 0, 0, 1], 53).into();
    let outcome = probe(&context, Probe::Dns(spec(at, "a.example", DnsType::A, &[]))).await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Unobserved, Reason::Blocked));
}

#[tokio::test]
async fn a_question_that_gets_lost_is_sent_again() {
    let losing = |lost: usize| {
        let heard = AtomicUsize::new(0);
        DnsPeer::start(move |query, _| {
            let mut message = reply(query);
            message.add_answer(a(&query.queries[0].name, 1, "10.0.0.1"));
            let answers = heard.fetch_add(1, Ordering::SeqCst) >= lost;
            if answers { vec![message.to_vec().unwrap()] } else { vec![] }
        })
    };
    for lost in [1, 2] {
        let server = losing(lost).await;
        let spec = Probe::Dns(spec(server.address, "www.example.test", DnsType::A, &[r"10\.0\.0\.1"]));
        let outcome = probe_within(&context(&[]), spec, Duration::from_secs(3)).await;
        assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");
        assert_eq!(server.asked(), lost + 1);
    }
    // And no more often than three times.
    let silent = losing(usize::MAX).await;
    let spec = Probe::Dns(spec(silent.address, "www.example.test", DnsType::A, &[]));
    let outcome = probe_within(&context(&[]), spec, Duration::from_millis(300)).await;
    assert_eq!((outcome.reason, silent.asked()), (Reason::Timeout, 3), "{outcome:?}");
}
