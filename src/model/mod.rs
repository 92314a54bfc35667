//! What the program works with: valid by construction, made from a spec once, by `validate`.
//!
//! Nothing in here does I/O, reads a clock or knows Kubernetes. What is equal by content and costs
//! memory (regular expressions, CEL programs, label sets) is interned: see [`intern`].

mod channel;
mod check;
mod dns;
mod expression;
mod http;
mod intern;
mod key;
mod mailbox;
mod maintenance;
mod object;
mod pattern;
pub mod pem;
mod place;
mod receiver;
mod request;
mod rule;
mod secret;
mod seek;
mod selector;
mod severity;
mod silence;
mod slo_target;
mod source;
mod tcp;
mod tls;
mod workload;

pub use channel::{AllowedNamespaces, Channel, Grouping, RateLimit, Severities};
pub use check::{Degraded, HealthCheck, Probe, ProbeKind};
pub use dns::{Dns, DnsExpect, DnsTransport, DnsType};
pub use expression::{Expression, Response};
pub use http::{Auth, Header, HeaderExpect, Http, HttpExpect, HttpVersion, StatusSet};
pub use intern::Pool;
pub use key::{Kind, Labels, ObjectId, ObjectKey, TargetKey};
pub use mailbox::{Mailbox, MailboxError};
pub use maintenance::MaintenanceWindow;
pub use object::Object;
pub use pattern::Pattern;
pub use place::{Known, Nowhere, Place};
pub use receiver::{
    Alertmanager, Discord, Email, EndpointError, Hmac, HttpEndpoint, Login, MailSecurity, PagerDuty, Receiver,
    ReceiverKind, ReplicasError, Slack, Teams, Telegram, Webhook,
};
pub use request::{Hop, Request};
pub use rule::{
    AlertRule, Bound, Checks, Condition, Escalation, Inhibition, OnError, OnNoData, Percentile, ProbeMetric, Templates,
};
pub use secret::Secret;
pub use seek::{Discover, DiscoverKind, Port, Seek};
pub use selector::{Operator, Selector, SelectorError};
pub use severity::{Severity, UnknownSeverity};
pub use silence::Silence;
pub use slo_target::{SloAlerting, SloTarget};
pub use source::Source;
pub use tcp::{Tcp, TcpStep};
pub use tls::{Address, IpFamily, StartTls, Tls, TlsProbe};
pub use workload::{Workload, WorkloadKind};
