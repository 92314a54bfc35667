//! The `tls` probe: passes when the handshake finishes and chain and name verify, after STARTTLS where asked.
//!
//! Owns one connection; `replies` reads what is said before TLS.

mod dialogue;
pub mod replies;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Details, Kind, Passed, Phase, Run, TcpDetails};
use crate::{
    health::Reason,
    model::TlsProbe,
    net::{Alpn, Failure, Secured},
};

/// How long a peer that asked for a certificate may take to say that it does not like it. It says so one
/// round trip after the handshake, if at all; a peer that stays silent has nothing against it.
const OBJECTION: Duration = Duration::from_secs(1);

impl Kind for TlsProbe {
    type Details = TcpDetails;

    fn wrap(details: Box<TcpDetails>) -> Details {
        Details::Tls(details)
    }

    async fn attempt(&self, run: &Run<'_>, details: &mut TcpDetails) -> Result<Passed, Failure> {
        let found = |resolved| details.resolved = Some(resolved);
        let (mut stream, resolved, connect) = run.connect(&self.address, self.ip_family, found).await?;
        (details.resolved, details.connect) = (Some(resolved), connect);
        // We hang up first, whatever happens.
        crate::net::set_zero_linger(&stream);
        if let Some(how) = self.start_tls {
            run.enter(Phase::StartTls);
            dialogue::start(&mut stream, how, &self.address).await?;
        }
        run.enter(Phase::Handshake);
        let mut secured = run.net().handshake(stream, &self.tls, &self.address.host, Alpn::None).await?;
        details.tls_handshake = secured.took;
        let version = secured.details.version;
        details.tls = Some(secured.details.clone());
        std::mem::replace(&mut secured.verdict, Ok(()))
            .map_err(|what| Failure::new(Reason::CertificateInvalid, what))?;
        if secured.certificate_asked {
            hear_objection(&mut secured, self).await?;
        }
        let certificate = if self.tls.insecure_skip_verify { "certificate not verified" } else { "certificate valid" };
        Ok(Passed::new(format!("{version}, {certificate}")))
    }
}

/// In TLS 1.3 the client's handshake is over before the server has looked at the client's certificate: we say
/// goodbye and listen for an alert until the server hangs up too.
async fn hear_objection(secured: &mut Secured, spec: &TlsProbe) -> Result<(), Failure> {
    let listen = async {
        let mut ignored = [0; 1024];
        secured.stream.shutdown().await?;
        while secured.stream.read(&mut ignored).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    match tokio::time::timeout(OBJECTION, listen).await {
        Ok(Err(error)) => {
            let failure = Failure::from_io(&error, &spec.address);
            // Only an alert is about the certificate: how a connection ends after goodbye says nothing.
            if failure.reason == Reason::TLSError { Err(failure) } else { Ok(()) }
        }
        Ok(Ok(())) | Err(_) => Ok(()),
    }
}
