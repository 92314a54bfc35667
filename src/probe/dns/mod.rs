//! The `dns` probe: asks one question and passes when rcode and answers are as expected.
//!
//! Owns its own exchange of messages, so that it sees what a resolver would hide; `message` says what is an
//! answer and `answers` what it is worth.

mod answers;
mod exchange;
pub mod message;

use std::{net::IpAddr, time::Duration};

use message::{Answer, Question};

use super::{Details, DnsDetails, Kind, Passed, Phase, Resolved, Run};
use crate::{
    health::Reason,
    model::{Address, Dns, IpFamily},
    net::Failure,
};

/// How long a server is waited for when there is another to ask. The last one has the rest of the time.
const PATIENCE: Duration = Duration::from_secs(2);

impl Kind for Dns {
    type Details = DnsDetails;

    fn wrap(details: Box<DnsDetails>) -> Details {
        Details::Dns(details)
    }

    async fn attempt(&self, run: &Run<'_>, details: &mut DnsDetails) -> Result<Passed, Failure> {
        let question = Question::new(self.name.clone(), self.record_type)
            .map_err(|error| Failure::new(Reason::ProtocolError, format!("the name cannot be asked for: {error}")))?;
        let (servers, address) = servers(self, run, details).await?;
        run.enter(Phase::Answer);
        let Answer { message, counts } = ask_in_turn(self, run, &servers, &address, &question, details).await?;
        [details.answer_rrs, details.authority_rrs, details.additional_rrs] = counts;
        details.query_succeeded = true;
        details.serial = answers::serial(&message);
        Ok(Passed::new(answers::judge(&message, self.record_type, &self.expect)?))
    }
}

/// Whom to ask, and what to call them.
async fn servers(spec: &Dns, run: &Run<'_>, details: &mut DnsDetails) -> Result<(Vec<IpAddr>, Address), Failure> {
    if let Some(address) = &spec.server {
        run.enter(Phase::Resolving);
        let (addresses, resolved) = run.resolve(&address.host, spec.ip_family).await?;
        details.resolve = resolved.took;
        details.resolved = Some(resolved);
        return Ok((addresses.as_slice().to_vec(), address.clone()));
    }
    let fits = |ip: &IpAddr| match spec.ip_family {
        IpFamily::Any => true,
        IpFamily::IPv4 => ip.is_ipv4(),
        IpFamily::IPv6 => ip.is_ipv6(),
    };
    // Nobody named these in an object: the egress policy is not asked.
    let servers: Vec<IpAddr> = run.net().dns_servers().into_iter().filter(fits).collect();
    match servers.first() {
        Some(first) => {
            let address = Address { host: first.to_string().into(), port: 53 };
            Ok((servers, address))
        }
        None => Err(Failure::new(Reason::DNSError, "no DNS server of that family is configured on this machine")),
    }
}

/// Asks one address after the other until one answers.
async fn ask_in_turn(
    spec: &Dns,
    run: &Run<'_>,
    servers: &[IpAddr],
    address: &Address,
    question: &Question,
    details: &mut DnsDetails,
) -> Result<Answer, Failure> {
    let mut failure = Failure::new(Reason::DNSError, format!("{address} has no address"));
    for (index, &ip) in servers.iter().enumerate() {
        details.resolved = Some(Resolved { ip, ..details.resolved.unwrap_or_else(|| known(ip)) });
        let is_last = index + 1 == servers.len();
        let patience = if is_last { run.left() } else { PATIENCE.min(run.left()) };
        let asking = exchange::ask(run, address, ip, spec.transport, patience, question, details);
        let answered = if is_last {
            asking.await
        } else {
            let silent = || Failure::new(Reason::Timeout, format!("{address} did not answer"));
            tokio::time::timeout(patience, asking).await.unwrap_or_else(|_| Err(silent()))
        };
        match answered {
            Ok(answer) => return Ok(answer),
            Err(one) if index == 0 => failure = one,
            Err(one) => failure = failure.more_telling(one),
        }
    }
    Err(failure)
}

/// An address that nobody had to look up.
fn known(ip: IpAddr) -> Resolved {
    Resolved { ip, took: Duration::ZERO, cached: false }
}
