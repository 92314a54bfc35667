//! Opens a TCP connection to the first of several addresses that takes it (RFC 8305).
//!
//! Knows only addresses: names are `resolve`'s, and what may be dialled was decided before.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::net::TcpStream;

/// How long one address is waited for before the next is tried beside it (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);

/// How many addresses of one name are tried. With 250 ms between them that is 4 s, which is most of a usual timeout.
pub(super) const ADDRESSES_MAX: usize = 16;

/// An address that was tried in vain, and why.
pub(super) struct Miss {
    pub(super) ip: IpAddr,
    pub(super) error: io::Error,
}

/// Connects to the first of `addresses` that accepts, IPv6 and IPv4 in turns.
///
/// # Errors
/// Every address that was tried; empty only when there were none.
pub(super) async fn dial(addresses: &[IpAddr], port: u16) -> Result<(TcpStream, IpAddr), Vec<Miss>> {
    if let &[ip] = addresses {
        return connect(ip, port).await.map_err(|miss| vec![miss]);
    }
    let mut waiting = in_turns(addresses).into_iter();
    let mut trying = FuturesUnordered::new();
    let mut misses = Vec::new();
    loop {
        if let Some(ip) = waiting.next() {
            trying.push(connect(ip, port));
        }
        tokio::select! {
            biased;
            tried = trying.next() => match tried {
                Some(Ok(connected)) => return Ok(connected),
                // The next one is tried at once.
                Some(Err(miss)) => misses.push(miss),
                None => return Err(misses),
            },
            () = tokio::time::sleep(STAGGER), if waiting.len() > 0 => {}
        }
    }
}

async fn connect(ip: IpAddr, port: u16) -> Result<(TcpStream, IpAddr), Miss> {
    let connected = TcpStream::connect(SocketAddr::new(ip, port)).await.and_then(|stream| {
        // A probe writes small messages and waits: Nagle's algorithm would only add its delay.
        stream.set_nodelay(true)?;
        Ok(stream)
    });
    match connected {
        Ok(stream) => Ok((stream, ip)),
        Err(error) => Err(Miss { ip, error }),
    }
}

/// IPv6 first, then one of each family in turns, at most [`ADDRESSES_MAX`].
fn in_turns(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let mut v6 = addresses.iter().filter(|ip| ip.is_ipv6());
    let mut v4 = addresses.iter().filter(|ip| ip.is_ipv4());
    let mut order = Vec::with_capacity(addresses.len().min(ADDRESSES_MAX));
    while order.len() < ADDRESSES_MAX {
        let pair = [v6.next(), v4.next()];
        if pair == [None, None] {
            break;
        }
        order.extend(pair.into_iter().flatten());
    }
    order.truncate(ADDRESSES_MAX);
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_list_is_bounded() {
        let ips = |all: &[&str]| all.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<IpAddr>>();
        assert_eq!(
            in_turns(&ips(&["1.0.0.1", "1.0.0.2", "1.0.0.3", "fd00::1", "fd00::2"])),
            ips(&["fd00::1", "1.0.0.1", "fd00::2", "1.0.0.2", "1.0.0.3"])
        );
        assert_eq!(in_turns(&ips(&["1.0.0.1"; 40])).len(), ADDRESSES_MAX);
        assert_eq!(in_turns(&[]), ips(&[]));
    }

    #[tokio::test]
    async fn an_address_that_refuses_is_passed_over() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let ips = ["::1".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let Ok((stream, ip)) = dial(&ips, port).await else { panic!("not connected") };
        assert_eq!(ip, ips[1]);
        assert!(stream.nodelay().unwrap());
    }

    #[tokio::test]
    async fn an_address_that_stays_silent_does_not_hold_up_the_next() {
        let full = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
        let port = full.local_addr().unwrap().port();
        // Linux drops what comes while the accept queue is full, which std makes 128 long.
        let mut held = Vec::new();
        while let Ok(stream) =
            std::net::TcpStream::connect_timeout(&full.local_addr().unwrap(), Duration::from_millis(200))
        {
            held.push(stream);
            assert!(held.len() < 5_000, "the accept queue never fills");
        }
        let open = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let ips = ["127.0.0.2".parse().unwrap(), "127.0.0.1".parse().unwrap()];
        let Ok(Ok((_, ip))) = tokio::time::timeout(Duration::from_secs(5), dial(&ips, port)).await else {
            panic!("not connected")
        };
        assert_eq!(ip, ips[1]);
        drop(open);
    }
}
