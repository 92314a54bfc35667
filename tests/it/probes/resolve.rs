//! From names to addresses: the cache, shared look-ups, and what is told when there is none.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use probity::{health::Reason, model::IpFamily, net::Failure, probe::Context};

use super::peers::{
    context,
    dns::{DnsPeer, a, reply},
    real,
};

const SECOND: Duration = Duration::from_secs(1);

async fn resolve(context: &Context, host: &str, max_cache: Duration) -> Result<(Vec<String>, Duration, bool), Failure> {
    let (addresses, resolved) = context.net.resolve(&Arc::from(host), IpFamily::Any, max_cache).await?;
    let ips = addresses.as_slice().iter().map(ToString::to_string).collect();
    Ok((ips, resolved.took, resolved.cached))
}

#[tokio::test]
async fn an_answer_is_kept_for_the_shorter_of_its_ttl_and_what_the_caller_allows() {
    let table: &'static [_] = &[("a.example.", "10.0.0.1"), ("a.example.", "fd00::1")];
    let peer = DnsPeer::table(60, table).await;
    let context = context(&[peer.address]);
    let (ips, took, cached) = resolve(&context, "a.example", 5 * SECOND).await.unwrap();
    assert_eq!((ips, cached, peer.asked()), (vec!["fd00::1".into(), "10.0.0.1".into()], false, 2));
    assert!(took > Duration::ZERO);
    let (ips, took, cached) = resolve(&context, "a.example", 5 * SECOND).await.unwrap();
    assert_eq!((ips.len(), took, cached, peer.asked()), (2, Duration::ZERO, true, 2));
    // A caller that allows no age asks again, and another one keeps what it may.
    assert!(!resolve(&context, "a.example", Duration::ZERO).await.unwrap().2);
    assert_eq!(peer.asked(), 4);
    assert!(resolve(&context, "a.example", 5 * SECOND).await.unwrap().2);

    let short = DnsPeer::table(0, table).await;
    let context = super::peers::context(&[short.address]);
    for _ in 0..2 {
        assert!(!resolve(&context, "a.example", 60 * SECOND).await.unwrap().2);
    }
    assert_eq!(short.asked(), 4);
}

#[tokio::test]
async fn an_answer_grows_old() {
    let peer = DnsPeer::table(60, &[("a.example.", "10.0.0.1")]).await;
    let context = context(&[peer.address]);
    let age = Duration::from_millis(100);
    assert!(!resolve(&context, "a.example", age).await.unwrap().2);
    let deadline = context.clock.mono() + 10 * SECOND;
    while resolve(&context, "a.example", age).await.unwrap().2 {
        assert!(context.clock.mono() < deadline, "an old answer is still used");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn who_asks_at_the_same_time_shares_one_look_up() {
    let peer = DnsPeer::table(60, &[("a.example.", "10.0.0.1")]).await;
    let context = context(&[peer.address]);
    let all = futures::future::join_all((0..100).map(|_| resolve(&context, "a.example", 5 * SECOND))).await;
    assert!(all.into_iter().all(|one| one.unwrap().0 == ["10.0.0.1"]));
    assert_eq!(peer.asked(), 2, "one for each family");
}

#[tokio::test]
async fn a_look_up_outlives_the_one_who_began_it() {
    let slow = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let gate = Arc::clone(&slow);
    let peer = DnsPeer::start(move |query, _| {
        if gate.load(Ordering::SeqCst) {
            return vec![];
        }
        let mut message = reply(query);
        message.add_answer(a(&query.queries[0].name, 60, "10.0.0.1"));
        vec![message.to_vec().unwrap()]
    })
    .await;
    let context = context(&[peer.address]);
    let mut first = Box::pin(resolve(&context, "a.example", 5 * SECOND));
    assert!(tokio::time::timeout(Duration::from_millis(200), &mut first).await.is_err());
    let second = resolve(&context, "a.example", 5 * SECOND);
    drop(first);
    slow.store(false, Ordering::SeqCst);
    // The server is asked again after 2 s.
    assert_eq!(tokio::time::timeout(15 * SECOND, second).await.unwrap().unwrap().0, ["10.0.0.1"]);
}

#[tokio::test]
async fn a_failure_is_told_and_never_kept_needs_dnsmasq() {
    let Some(server) = real::dnsmasq(
        "host-record=v4.example.test,10.0.0.4\nhost-record=v6.example.test,fd00::6\n\
         txt-record=text.example.test,x\nlocal=/test/\n",
    )
    .await
    else {
        return;
    };
    let context = context(&[server.address]);
    let message = async |host: &str, family| {
        let failure = context.net.resolve(&Arc::from(host), family, SECOND).await.unwrap_err();
        assert_eq!(failure.reason, Reason::DNSError);
        failure.message
    };
    assert_eq!(message("gone.example.test", IpFamily::Any).await, "there is no name gone.example.test");
    assert_eq!(message("gone.example.test", IpFamily::IPv4).await, "there is no name gone.example.test");
    assert_eq!(message("text.example.test", IpFamily::Any).await, "text.example.test has no address");
    assert_eq!(message("v4.example.test", IpFamily::IPv6).await, "v4.example.test has no IPv6 address, only IPv4");
    assert_eq!(message("v6.example.test", IpFamily::IPv4).await, "v6.example.test has no IPv4 address, only IPv6");
    assert_eq!(message("a.invalid", IpFamily::Any).await, "there is no name a.invalid");
    assert_eq!(message("refused.example", IpFamily::Any).await, "the DNS server answers REFUSED for refused.example");
    assert_eq!(message("10.0.0.1", IpFamily::IPv6).await, "10.0.0.1 is not an IPv6 address");
    assert!(message("fe80::1%eth0", IpFamily::Any).await.contains("fe80::1%eth0"));

    let peer = DnsPeer::table(60, &[]).await;
    let context = super::peers::context(&[peer.address]);
    for asked in [2, 4] {
        assert!(resolve(&context, "gone.example", 60 * SECOND).await.is_err());
        assert_eq!(peer.asked(), asked);
    }
}

#[tokio::test]
async fn nobody_answers() {
    let nobody = ([127, 0, 0, 1], real::free_port()).into();
    let failure = resolve(&context(&[nobody]), "a.example", SECOND).await.unwrap_err();
    assert_eq!((failure.reason, &*failure.message), (Reason::DNSError, "no DNS server answers for a.example"));
    let failure = resolve(&context(&[]), "a.example", SECOND).await.unwrap_err();
    assert_eq!(failure.reason, Reason::DNSError, "{failure}");
}
