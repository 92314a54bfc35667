//! Why the way to a target failed. Errors of sockets and of TLS are told apart here and nowhere else.
//!
//! Pure: [`Failure::from_io`] is one table from the system's errors to reasons and sentences.

use std::{fmt::Display, io, net::IpAddr};

use rustix::io::Errno;

use crate::health::Reason;

/// Why an operation on the net failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    pub reason: Reason,
    /// Names the peer as the user named it. Stable: no time, no port of ours, no address that a resolver rotates.
    pub message: String,
}

impl Failure {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// What an error of a socket, or of the TLS on it, says about `peer`.
    pub fn from_io(error: &io::Error, peer: &dyn Display) -> Self {
        if let Some(tls) = tls_error(error) {
            return Self::from_tls(tls, peer);
        }
        let (reason, said) = classify(error);
        let message = match said {
            Said::Peer(what) => format!("{peer} {what}"),
            Said::Us(what) => format!("{what}, to reach {peer}"),
        };
        Self { reason, message }
    }

    /// What a TLS error says about `peer`.
    pub fn from_tls(error: &rustls::Error, peer: &dyn Display) -> Self {
        use rustls::Error;
        match error {
            Error::InvalidCertificate(what) => {
                Self::new(Reason::CertificateInvalid, format!("certificate of {peer} is not usable: {what}"))
            }
            Error::AlertReceived(alert) => {
                Self::new(Reason::TLSError, format!("{peer} ended TLS with the alert {}", alert_name(*alert)))
            }
            Error::InvalidMessage(_) => Self::new(Reason::TLSError, format!("{peer} does not speak TLS here")),
            Error::PeerIncompatible(_) => Self::new(
                Reason::TLSError,
                format!("{peer} offers no version or cipher of TLS that is still safe (1.2 or 1.3)"),
            ),
            other => Self::new(Reason::TLSError, format!("TLS with {peer} failed: {other}")),
        }
    }

    /// What to tell when every address of a name failed: the most telling of what they said.
    pub(super) fn of_all<'a>(
        misses: impl Iterator<Item = (IpAddr, &'a io::Error)> + Clone,
        peer: &dyn Display,
    ) -> Self {
        let has_v4 = misses.clone().any(|(ip, _)| ip.is_ipv4());
        let failures = misses.map(|(ip, error)| {
            // A machine without IPv6 has no address to come from, which sounds like a lack of ports.
            let no_v6 = ip.is_ipv6() && has_v4 && Errno::from_io_error(error) == Some(Errno::ADDRNOTAVAIL);
            if no_v6 { Self::from_io(&Errno::NETUNREACH.into(), peer) } else { Self::from_io(error, peer) }
        });
        failures
            .reduce(Self::more_telling)
            .unwrap_or_else(|| Self::new(Reason::DNSError, format!("{peer} has no address")))
    }

    /// The more telling of two failures to reach one name: what a peer said before what nobody said.
    #[must_use]
    pub fn more_telling(self, other: Self) -> Self {
        if rank(other.reason) > rank(self.reason) { other } else { self }
    }
}

/// Trouble of ours first, as it says nothing of the target; then what the target itself said.
fn rank(reason: Reason) -> u8 {
    match reason {
        Reason::LocalResources => 4,
        Reason::ConnectionRefused => 3,
        Reason::ConnectionReset => 2,
        Reason::Timeout => 1,
        _ => 0,
    }
}

/// Who is the subject of the sentence.
enum Said {
    Peer(&'static str),
    Us(&'static str),
}

/// The one table from the system's errors to reasons.
fn classify(error: &io::Error) -> (Reason, Said) {
    use Said::{Peer, Us};
    if let Some(errno) = Errno::from_io_error(error) {
        match errno {
            Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => return (Reason::LocalResources, Us("no free port here")),
            Errno::MFILE | Errno::NFILE => return (Reason::LocalResources, Us("no free file descriptor here")),
            Errno::NOMEM | Errno::NOBUFS => return (Reason::LocalResources, Us("no memory for a socket here")),
            Errno::NETUNREACH | Errno::NETDOWN | Errno::AFNOSUPPORT => {
                return (Reason::NetworkUnreachable, Us("no network here"));
            }
            Errno::HOSTUNREACH | Errno::HOSTDOWN => {
                return (Reason::NetworkUnreachable, Peer("cannot be reached: no route to it"));
            }
            Errno::ACCESS | Errno::PERM => {
                return (Reason::NetworkUnreachable, Us("this machine's own rules forbid it"));
            }
            _ => {}
        }
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => (Reason::ConnectionRefused, Peer("refused the connection")),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected => (Reason::ConnectionReset, Peer("reset the connection")),
        io::ErrorKind::UnexpectedEof => (Reason::ConnectionReset, Peer("closed the connection")),
        io::ErrorKind::TimedOut => (Reason::Timeout, Peer("did not answer")),
        io::ErrorKind::InvalidData => (Reason::ProtocolError, Peer("sent what is not the protocol")),
        _ => (Reason::ProtocolError, Peer("could not be talked to")),
    }
}

/// The TLS error that an I/O error carries, as tokio-rustls hands it over.
fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

/// `handshake_failure`, as RFC 8446 writes it.
fn alert_name(alert: rustls::AlertDescription) -> String {
    let debug = format!("{alert:?}");
    let mut name = String::with_capacity(debug.len() + 4);
    for (index, letter) in debug.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_sockets_become_reasons() {
        let table = [
            (Errno::CONNREFUSED, Reason::ConnectionRefused),
            (Errno::CONNRESET, Reason::ConnectionReset),
            (Errno::PIPE, Reason::ConnectionReset),
            (Errno::CONNABORTED, Reason::ConnectionReset),
            (Errno::NOTCONN, Reason::ConnectionReset),
            (Errno::NETUNREACH, Reason::NetworkUnreachable),
            (Errno::NETDOWN, Reason::NetworkUnreachable),
            (Errno::HOSTUNREACH, Reason::NetworkUnreachable),
            (Errno::HOSTDOWN, Reason::NetworkUnreachable),
            (Errno::AFNOSUPPORT, Reason::NetworkUnreachable),
            (Errno::PERM, Reason::NetworkUnreachable),
            (Errno::ACCESS, Reason::NetworkUnreachable),
            (Errno::TIMEDOUT, Reason::Timeout),
            (Errno::ADDRNOTAVAIL, Reason::LocalResources),
            (Errno::ADDRINUSE, Reason::LocalResources),
            (Errno::MFILE, Reason::LocalResources),
            (Errno::NFILE, Reason::LocalResources),
            (Errno::NOMEM, Reason::LocalResources),
            (Errno::NOBUFS, Reason::LocalResources),
            (Errno::PROTO, Reason::ProtocolError),
        ];
        for (errno, reason) in table {
            let failure = Failure::from_io(&errno.into(), &"db:5432");
            assert_eq!(failure.reason, reason, "{errno:?}");
            assert!(failure.message.contains("db:5432"), "{}", failure.message);
        }
    }

    #[test]
    fn errors_of_tls_are_found_inside_of_io_errors() {
        let alert = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        let failure = Failure::from_io(&io::Error::new(io::ErrorKind::InvalidData, alert), &"db:5432");
        assert_eq!(failure.reason, Reason::TLSError);
        assert_eq!(failure.message, "db:5432 ended TLS with the alert handshake_failure");
        let certificate = rustls::Error::InvalidCertificate(rustls::CertificateError::BadEncoding);
        let failure = Failure::from_io(&io::Error::other(certificate), &"db:5432");
        assert_eq!(failure.reason, Reason::CertificateInvalid);
    }

    #[test]
    fn of_several_addresses_the_most_telling_failure_is_told() {
        let table: [(&[(&str, Errno)], Reason); 7] = [
            (&[("::1", Errno::CONNREFUSED), ("127.0.0.1", Errno::NETUNREACH)], Reason::ConnectionRefused),
            (&[("::1", Errno::NETUNREACH), ("127.0.0.1", Errno::TIMEDOUT)], Reason::Timeout),
            (&[("10.0.0.1", Errno::TIMEDOUT), ("10.0.0.2", Errno::CONNRESET)], Reason::ConnectionReset),
            // No IPv6 here, against no port left here.
            (&[("::1", Errno::ADDRNOTAVAIL), ("127.0.0.1", Errno::CONNREFUSED)], Reason::ConnectionRefused),
            (&[("::1", Errno::CONNREFUSED), ("127.0.0.1", Errno::ADDRNOTAVAIL)], Reason::LocalResources),
            (&[("fd00::1", Errno::ADDRNOTAVAIL)], Reason::LocalResources),
            (&[], Reason::DNSError),
        ];
        for (misses, reason) in table {
            let errors: Vec<(IpAddr, io::Error)> =
                misses.iter().map(|(ip, errno)| (ip.parse().unwrap(), (*errno).into())).collect();
            let failure = Failure::of_all(errors.iter().map(|(ip, error)| (*ip, error)), &"db:5432");
            assert_eq!(failure.reason, reason, "{misses:?}");
        }
    }
}
