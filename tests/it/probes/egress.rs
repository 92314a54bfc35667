//! What the egress policy denies is never dialled, however it is spelled.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use probity::{
    clock::Clock,
    health::Reason,
    model::{Address, IpFamily, Probe, Tcp, Tls},
    net::{
        Egress, Net,
        client::{Client, Limits, from_request, peer_of, read_bounded},
    },
    probe::{Context, Outcome, Verdict},
};
use reqwest::Method;
use url::Url;

use super::peers::{
    Peer, context,
    dns::DnsPeer,
    probe,
    script::{Act, script},
};

fn policy(egress: Egress, servers: &[SocketAddr]) -> Context {
    let clock = Clock::system();
    Context::new(clock.clone(), Arc::new(Net::with_servers(egress, clock, servers)))
}

async fn tcp(context: &Context, host: &str, port: u16) -> Outcome {
    let address = Address { host: host.into(), port };
    let tls = Arc::new(Tls::default());
    probe(context, Probe::Tcp(Tcp { address, ip_family: IpFamily::Any, tls, steps: vec![] })).await
}

const NAMES: &[(&str, &str)] = &[
    ("metadata.example.", "169.254.169.254"),
    ("mapped.example.", "::ffff:a9fe:a9fe"),
    ("nat64.example.", "64:ff9b::a9fe:a9fe"),
    ("six-to-four.example.", "2002:a9fe:a9fe::1"),
    ("mixed.example.", "169.254.169.254"),
    ("mixed.example.", "127.0.0.1"),
    ("local.example.", "127.0.0.1"),
];

#[tokio::test]
async fn names_and_addresses_that_lead_to_what_is_denied_are_blocked() {
    let dns = DnsPeer::table(60, NAMES).await;
    let context = context(&[dns.address]);
    for (host, message) in [
        ("169.254.169.254", "169.254.169.254 is a cloud's metadata service: denied by the egress policy"),
        ("::ffff:a9fe:a9fe", "::ffff:169.254.169.254 is a cloud's metadata service: denied by the egress policy"),
        ("0.0.0.0", "0.0.0.0 is an unspecified address: denied by the egress policy"),
        (
            "metadata.example",
            "metadata.example resolves to 169.254.169.254, a cloud's metadata service: denied by the egress policy",
        ),
        (
            "mapped.example",
            "mapped.example resolves to ::ffff:169.254.169.254, a cloud's metadata service: denied by the egress policy",
        ),
    ] {
        let outcome = tcp(&context, host, 80).await;
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Unobserved, Reason::Blocked), "{host}: {outcome:?}");
        assert_eq!(&*outcome.message, message);
    }
    for host in ["nat64.example", "six-to-four.example"] {
        assert_eq!(tcp(&context, host, 80).await.reason, Reason::Blocked, "{host}");
    }
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_allowed_are_dialled() {
    let dns = DnsPeer::table(60, NAMES).await;
    let context = context(&[dns.address]);
    let peer = script(vec![Act::Hold]).await;
    for _ in 0..2 {
        assert_eq!(tcp(&context, "mixed.example", peer.port()).await.reason, Reason::Ok);
    }
}

#[tokio::test]
async fn loopback_goes_by_its_switch() {
    let dns = DnsPeer::table(60, NAMES).await;
    let peer = script(vec![Act::Hold]).await;
    let closed = policy(Egress::default(), &[dns.address]);
    for host in ["127.0.0.1", "localhost", "local.example", "::ffff:127.0.0.1"] {
        assert_eq!(tcp(&closed, host, peer.port()).await.reason, Reason::Blocked, "{host}");
        assert_eq!(tcp(&context(&[dns.address]), host, peer.port()).await.reason, Reason::Ok, "{host}");
    }
    let lifted = Egress { allow: vec!["127.0.0.1/32".parse().unwrap()], ..Egress::default() };
    assert_eq!(tcp(&policy(lifted, &[]), "127.0.0.1", peer.port()).await.reason, Reason::Ok);
}

fn limits(redirects: usize) -> Limits {
    Limits { timeout: Duration::from_secs(10), redirects, proxy: false }
}

async fn get(client: &Client, url: &str) -> Result<String, (Reason, String)> {
    let url: Url = url.parse().unwrap();
    let failed = |failure: probity::net::Failure| (failure.reason, failure.message);
    let request = client.request(Method::GET, url.clone()).map_err(failed)?;
    let response = request.send().await.map_err(|error| failed(from_request(&error, &peer_of(&url))))?;
    let body = read_bounded(response, 16).await.map_err(failed)?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

/// Answers every request with this.
async fn http(answer: String) -> Peer {
    let answer: &'static [u8] = Box::leak(answer.into_bytes().into_boxed_slice());
    script(vec![Act::Hear(b"\r\n\r\n"), Act::Say(answer)]).await
}

fn redirect(to: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn our_own_client_is_under_the_policy_too() {
    let dns = DnsPeer::table(60, NAMES).await;
    let client = Client::new(&context(&[dns.address]).net, &limits(2)).unwrap();
    for url in [
        "http://169.254.169.254/token",
        "http://2852039166/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0xA9FEA9FE/",
        "http://metadata.example/",
        "http://mapped.example/",
    ] {
        let (reason, message) = get(&client, url).await.unwrap_err();
        assert_eq!(reason, Reason::Blocked, "{url}: {message}");
    }
    for to in ["http://169.254.169.254/", "http://metadata.example/", "http://[64:ff9b::a9fe:a9fe]/"] {
        let peer = http(redirect(to)).await;
        let (reason, message) = get(&client, &format!("http://localhost:{}/", peer.port())).await.unwrap_err();
        assert_eq!(reason, Reason::Blocked, "{to}: {message}");
    }
}

#[tokio::test]
async fn our_own_client_is_bounded() {
    let client = Client::new(&context(&[]).net, &limits(2)).unwrap();
    let answer =
        |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    let (small, big) = (http(answer("0123456789abcdef")).await, http(answer("0123456789abcdefg")).await);
    let url = |peer: &Peer| format!("http://localhost:{}/", peer.port());
    assert_eq!(get(&client, &url(&small)).await.unwrap(), "0123456789abcdef");
    let (reason, message) = get(&client, &url(&big)).await.unwrap_err();
    let expected = format!("localhost:{} sent a body of more than 16 bytes", big.port());
    assert_eq!((reason, message), (Reason::BodyTooLarge, expected));

    let round = http(redirect("/again")).await;
    assert_eq!(get(&client, &url(&round)).await.unwrap_err().0, Reason::TooManyRedirects);
    let once = http(redirect(&url(&small))).await;
    assert_eq!(get(&client, &url(&once)).await.unwrap(), "0123456789abcdef");

    let nobody = super::peers::real::free_port();
    let (reason, _) = get(&client, &format!("http://localhost:{nobody}/")).await.unwrap_err();
    assert_eq!(reason, Reason::ConnectionRefused);
    let resetting = script(vec![Act::Hear(b"\r\n\r\n"), Act::Reset]).await;
    assert_eq!(get(&client, &url(&resetting)).await.unwrap_err().0, Reason::ConnectionReset);
    let plain = script(vec![Act::Say(b"hello\r\n")]).await;
    let (reason, message) = get(&client, &format!("https://localhost:{}/", plain.port())).await.unwrap_err();
    assert_eq!(reason, Reason::TLSError, "{message}");
}
