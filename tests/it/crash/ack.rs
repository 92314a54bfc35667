//! Somebody acts on an alert while the program dies: who was answered acts from then on, through every kill; who heard
//! nothing acts or does not, and the trail says which. Never twice.

use serde_json::Value;

use crate::standalone::wire;

use super::world::World;

/// The fingerprint of the first alert that was told.
fn fingerprint(world: &World) -> String {
    let deliveries = world.receiver.deliveries();
    deliveries[0].body["alerts"][0]["fingerprint"].as_str().unwrap().to_owned()
}

/// Whether somebody acts on it, as the life under way says; None while it does not say.
fn acts(world: &World, fingerprint: &str) -> Option<bool> {
    let answer = wire::get(world.address()?, "/api/v2/alerts", &[]).ok()?;
    let alerts: Vec<Value> = serde_json::from_slice(&answer.body).ok()?;
    let alert = alerts.into_iter().find(|alert| alert["fingerprint"] == fingerprint)?;
    Some(alert["annotations"]["acknowledged_by"] == "ann")
}

/// Acknowledges it; whether there was an answer.
fn send(world: &World, fingerprint: &str) -> bool {
    let Some(address) = world.address() else { return false };
    let path = format!("/api/v1/alerts/{fingerprint}/ack");
    let Ok(answer) = wire::send(address, "POST", &path, &[], "{\"by\": \"ann\"}") else { return false };
    assert_eq!((answer.status, &answer.json()["recorded"]), (200, &Value::Bool(true)), "{}", answer.text());
    true
}

/// Has it acknowledged, and the program killed once more.
pub fn acknowledge(world: &mut World) {
    let fingerprint = fingerprint(world);
    let mut answered = false;
    world.until("that somebody acts", |world| {
        let rows = || world.rows("ack", "ann");
        match acts(world, &fingerprint) {
            None => false,
            Some(true) => {
                assert_eq!(rows(), 1, "rows of the trail about it");
                true
            }
            Some(false) => {
                assert!(!answered, "it was answered that somebody acts, and nobody does");
                assert_eq!(rows(), 0, "nobody acts, and the trail says so");
                answered = send(world, &fingerprint);
                false
            }
        }
    });
    world.kill();
    world.until("that somebody acts still", |world| acts(world, &fingerprint) == Some(true));
    assert_eq!(world.rows("ack", "ann"), 1, "rows of the trail about it");
}
