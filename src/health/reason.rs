//! Why a target is as it is: the closed list that statuses, events and metric labels share.

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// A reason of `design/api.md`. Its name is the label value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name,)+ }

        impl Reason {
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }
        }
    };
}

// The order is part of the store's format (`history` keeps a reason as its position): new ones go last.
reasons! {
    Ok,
    Timeout,
    ConnectionRefused,
    ConnectionReset,
    NetworkUnreachable,
    DNSError,
    TLSError,
    CertificateInvalid,
    UnexpectedStatus,
    BodyMismatch,
    HeaderMismatch,
    ExpectationFailed,
    ExpressionError,
    TooManyRedirects,
    BodyTooLarge,
    ProtocolError,
    AuthenticationFailed,
    QueryFailed,
    StaleBlock,
    BehindPeers,
    NotServing,
    /// Nothing behind the Service or selector.
    TargetMissing,
    DependencyUnhealthy,
    /// Degraded: slower than `degraded.latency`.
    Slow,
    /// Degraded.
    CertificateExpiring,
    /// Degraded: `degraded.when` holds.
    DegradedCondition,
    /// Degraded: would be Healthy, but changed over 5 times in 20 runs.
    Flapping,
    /// Ours: the egress policy forbids the address.
    Blocked,
    /// Ours: a referenced Secret or ConfigMap, or its key, is not there.
    SecretMissing,
    /// Ours: no port, descriptor or memory here.
    LocalResources,
    /// Ours: no result for 3 intervals.
    Stale,
    /// Its file cannot be parsed now; state and time go on.
    SourceStale,
    /// No run has ended yet.
    Pending,
    Suspended,
    /// Ready=False: the spec is refused.
    InvalidSpec,
    /// Ready=False: it needs a cluster.
    NotSupported,
    /// Ours: Probity may not read what the check needs; or Ready=False: it is not for this namespace.
    NotPermitted,
    /// Ours: the API server does not answer, or has not answered yet.
    ApiServerUnavailable,
}

impl Reason {
    /// Whether it is our trouble and not the target's: the state is Unknown and the time unobserved.
    pub fn is_ours(self) -> bool {
        matches!(
            self,
            Self::Blocked
                | Self::SecretMissing
                | Self::LocalResources
                | Self::Stale
                | Self::NotPermitted
                | Self::ApiServerUnavailable
        )
    }

    /// The reason at a position, as the store keeps it.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    pub fn code(self) -> u8 {
        self as u8
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
