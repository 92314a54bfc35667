//! The `workload` probe: reads one object of the cluster and passes when what it says of itself is good.
//!
//! Owns the one request; [`judge`] says what is good, and is pure. Whatever keeps us from reading is our trouble and
//! not the object's: the state is then Unknown.

mod judge;
mod read;

use super::{Details, Kind, Passed, Phase, Run};
use crate::{
    health::Reason,
    model::{Response, Workload},
    net::Failure,
};

impl Kind for Workload {
    type Details = ();

    /// Who is silent is the API server, and not the object.
    const OUT_OF_TIME: Reason = Reason::ApiServerUnavailable;

    fn wrap(_details: Box<()>) -> Details {
        Details::None
    }

    async fn attempt(&self, run: &Run<'_>, _details: &mut ()) -> Result<Passed, Failure> {
        let Some(cluster) = &run.context.cluster else {
            return Err(Failure::new(Reason::NotSupported, "there is no cluster to read from"));
        };
        run.enter(Phase::Answer);
        let text = read::read(cluster, self).await?;
        let response = Response { body: Some(text.as_bytes()), latency: run.elapsed(), ..Response::default() };
        let message = match &self.expect {
            None => judge::judge(self.kind, &text).map_err(|what| Failure::new(Reason::ExpectationFailed, what))?,
            Some(expect) => match expect.holds(&response) {
                Ok(true) => "expect holds".to_owned(),
                Ok(false) => {
                    let message = format!("expect does not hold: {}", expect.source());
                    return Err(Failure::new(Reason::ExpectationFailed, message));
                }
                Err(why) => return Err(Failure::new(Reason::ExpressionError, format!("expect: {why}"))),
            },
        };
        Ok(Passed { message: message.into(), condition: run.condition(&response) })
    }
}
