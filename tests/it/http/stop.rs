//! Stopping in order.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::world::{PATIENCE, World, checks, options, until};
use probity::server::{Limits, Options};

#[tokio::test]
async fn a_request_in_flight_is_answered_to_its_end() {
    let many = (0..3_000).map(|i| super::metrics::probed(&format!("check-{i}"))).collect();
    let mut world = World::with(options(), many).await;
    let mut idle = TcpStream::connect(world.address).await.unwrap();
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut got = vec![0; 1024];
    tokio::time::timeout(PATIENCE, stream.read_exact(&mut got)).await.unwrap().unwrap();
    world.shutdown.cancel();
    until("no more connections", async || TcpStream::connect(world.address).await.is_err()).await;
    // Megabytes are still to come, and they come, to the last chunk.
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut got)).await.unwrap().unwrap();
    let end = String::from_utf8_lossy(&got[got.len() - 200..]).into_owned();
    assert!(end.ends_with("\r\n0\r\n\r\n"), "{end}");
    assert!(got.len() > 4_000_000, "{}", got.len());
    let mut nothing = Vec::new();
    assert_eq!(tokio::time::timeout(PATIENCE, idle.read_to_end(&mut nothing)).await.unwrap().unwrap_or(0), 0);
    let ended = tokio::time::timeout(PATIENCE, world.running.join_next()).await.unwrap();
    ended.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn one_that_does_not_end_is_cut_off() {
    let many = (0..3_000).map(|i| super::metrics::probed(&format!("check-{i}"))).collect();
    let limits = Limits { drain: Duration::from_millis(300), ..Limits::default() };
    let mut world = World::with(Options { limits, ..options() }, many).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    until("the request", async || world.state.metrics.requests_in_flight().get() == 1).await;
    world.shutdown.cancel();
    let ended = tokio::time::timeout(PATIENCE, world.running.join_next()).await.unwrap();
    ended.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn without_requests_it_stops_at_once() {
    let mut world = World::with(options(), checks()).await;
    assert_eq!(world.get("/health").await.status, 200);
    world.shutdown.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(5), world.running.join_next()).await.unwrap();
    ended.unwrap().unwrap().unwrap();
}
