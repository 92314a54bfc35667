//! Probity: one program that probes, alerts, keeps error budgets and says why.
//!
//! ```text
//! source ──► validate ──► engine ◄──────── probe results
//! (files)     (spec →      │  the only owner of state: Event in, Effects out
//!              model)      │
//!                          ├─► probe      run this target now
//!                          ├─► history    the store: records, transitions
//!                          └─► snapshot ─► server, metrics (read-only views)
//! ```
//! The modules in reading order:

pub mod api;
pub mod model;
pub mod promql;
pub mod validate;

pub mod alert;
pub mod audit;
pub mod health;
pub mod schedule;
pub mod slo;
pub mod why;

pub mod controller;
pub mod engine;
pub mod history;
pub mod net;
pub mod notify;
pub mod probe;
pub mod query;
pub mod source;
pub mod targets;
pub mod trial;

pub mod cli;
pub mod metrics;
pub mod server;

pub mod run;

pub mod clock;
pub mod settings;
pub mod shutdown;
pub mod supervisor;
pub mod telemetry;
pub mod vitals;
