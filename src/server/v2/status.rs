//! `/api/v2/status` and `/api/v2/receivers`.

use std::sync::Arc;

use serde_json::{Value, json};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use crate::{
    clock::rfc3339,
    model::Kind,
    server::{
        State, answer,
        routes::with,
        visible::{Visible, visible},
    },
};

/// What stands for a configuration: clients parse it.
const CONFIG: &str = "# Probity is told whom to tell by AlertRules and NotificationChannels, which are its receivers.\n\
                      route:\n  receiver: log\nreceivers:\n- name: log\n";

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let uptime = rfc3339(state.clock.wall());
    let status = warp::path!("api" / "v2" / "status").map(move || answer::json(&status(&uptime)));
    let receivers = warp::path!("api" / "v2" / "receivers").and(with(state)).and(visible()).map(receivers);
    warp::get().and(status.or(receivers).unify()).boxed()
}

/// `uptime` is the moment from which on it serves, as with Alertmanager.
fn status(uptime: &str) -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "cluster": {"status": "disabled", "peers": []},
        "versionInfo": {
            "version": version, "revision": version, "branch": "", "buildUser": "", "buildDate": "", "goVersion": "",
        },
        "config": {"original": CONFIG},
        "uptime": uptime,
    })
}

fn receivers(state: Arc<State>, visible: Visible) -> Response {
    let channels = state.silences.catalog().of_kind(Kind::NotificationChannel);
    let mut names: Vec<String> = channels
        .iter()
        .map(|entry| &entry.id.key)
        .filter(|key| visible.takes(&key.namespace))
        .map(ToString::to_string)
        .collect();
    names.push("log".to_owned());
    names.sort();
    answer::json(&names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>())
}
