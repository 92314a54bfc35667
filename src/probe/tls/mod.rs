//! The `tls` probe: passes when the handshake finishes and chain and name verify, after STARTTLS where asked.
//!
//! Owns one connection; `replies` reads what is said before TLS.

mod dialogue;
pub mod replies;

use super::{Details, Kind, Passed, Phase, Run, TcpDetails};
use crate::{
    health::Reason,
    model::TlsProbe,
    net::{Alpn, Failure},
};

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
        secured.hear_objection(&self.address).await?;
        let certificate = if self.tls.insecure_skip_verify { "certificate not verified" } else { "certificate valid" };
        Ok(Passed::new(format!("{version}, {certificate}")))
    }
}
