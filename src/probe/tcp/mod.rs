//! The `tcp` probe: connects, and says and hears what its steps tell, over TLS where asked.
//!
//! Owns one connection; `dialogue` decides what an answer means.

mod channel;
mod dialogue;

use std::io;

use channel::Channel;
use dialogue::Heard;

use super::{Details, Kind, Passed, Phase, Run, TcpDetails};
use crate::{
    health::Reason,
    model::{Tcp, TcpStep},
    net::{Alpn, Failure},
};

impl Kind for Tcp {
    type Details = TcpDetails;

    fn wrap(details: Box<TcpDetails>) -> Details {
        Details::Tcp(details)
    }

    async fn attempt(&self, run: &Run<'_>, details: &mut TcpDetails) -> Result<Passed, Failure> {
        let found = |resolved| details.resolved = Some(resolved);
        let (stream, resolved, connect) = run.connect(&self.address, self.ip_family, found).await?;
        (details.resolved, details.connect) = (Some(resolved), connect);
        // We hang up first, whatever happens.
        crate::net::set_zero_linger(&stream);
        let mut channel = Channel::Plain(stream);
        if self.tls.asked && !self.steps.iter().any(|step| step.start_tls) {
            channel = secure(self, channel, run, details).await?;
        }
        let mut heard = Heard::default();
        for (index, step) in self.steps.iter().enumerate() {
            let number = index + 1;
            run.enter(Phase::Step(u8::try_from(number).unwrap_or(u8::MAX)));
            take_step(self, step, &mut channel, &mut heard, details)
                .await
                .map_err(|failure| Failure::new(failure.reason, format!("step {number}: {}", failure.message)))?;
            if step.start_tls {
                channel = secure(self, channel, run, details).await?;
                // What came in the clear is no answer to what is said over TLS.
                heard = Heard::default();
            }
        }
        Ok(Passed::new(passed(self, details)))
    }
}

/// Goes on in TLS; a certificate that cannot be trusted ends the run.
async fn secure(spec: &Tcp, channel: Channel, run: &Run<'_>, details: &mut TcpDetails) -> Result<Channel, Failure> {
    run.enter(Phase::Handshake);
    let Channel::Plain(stream) = channel else {
        return Err(Failure::new(Reason::ProtocolError, "TLS cannot be started twice"));
    };
    let mut secured = run.net().handshake(stream, &spec.tls, &spec.address.host, Alpn::None).await?;
    details.tls_handshake = secured.took;
    details.tls = Some(secured.details.clone());
    std::mem::replace(&mut secured.verdict, Ok(())).map_err(|what| Failure::new(Reason::CertificateInvalid, what))?;
    if spec.steps.is_empty() {
        secured.hear_objection(&spec.address).await?;
    }
    Ok(Channel::Secured(Box::new(secured.stream)))
}

async fn take_step(
    spec: &Tcp,
    step: &TcpStep,
    channel: &mut Channel,
    heard: &mut Heard,
    details: &mut TcpDetails,
) -> Result<(), Failure> {
    let lost = |error| Failure::from_io(&error, &spec.address);
    if let Some(send) = &step.send {
        channel.send(send).await.map_err(lost)?;
    }
    let Some(expect) = &step.expect else { return Ok(()) };
    // Until it matches: a timeout in here is a mismatch too.
    details.failed_due_to_regex = true;
    while !heard.take(expect) {
        let room = heard.room();
        if room == 0 {
            let message = format!("nothing in the first {} KiB matches /{}/", Heard::MAX / 1024, expect.source());
            return Err(Failure::new(Reason::ExpectationFailed, message));
        }
        let ended = match channel.receive(heard.buffer(), room).await {
            Ok(length) => length == 0,
            // Many peers end TLS without saying so, and reset a connection that they are done with.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && heard.anything() => true,
            Err(error) => return Err(lost(error)),
        };
        if ended {
            let message = format!("{} closed the connection, and nothing matched /{}/", spec.address, expect.source());
            return Err(Failure::new(Reason::ExpectationFailed, message));
        }
    }
    details.failed_due_to_regex = false;
    Ok(())
}

fn passed(spec: &Tcp, details: &TcpDetails) -> String {
    let tls = details.tls.as_ref().map_or_else(String::new, |tls| format!(" with {}", tls.version));
    match spec.steps.len() {
        0 => format!("connected{tls}"),
        1 => format!("connected{tls}, and the step holds"),
        steps => format!("connected{tls}, and all {steps} steps hold"),
    }
}
