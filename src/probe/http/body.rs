//! Reads a body as far as something asks for it, and no further.

use std::{future::poll_fn, task::Poll};

use hyper::header::HeaderMap;
use tokio::task::coop::consume_budget;

use super::{decode::Decoder, exchange::Exchange, expect::Need};
use crate::{health::Reason, model::Pattern, net::Failure};

/// While more is on its way, patterns are tried over what is there this often, whatever it grew by; after
/// that only when it grew by a sixteenth. A peer that sends byte after byte then costs 256 looks, and 16 more
/// each time the body has grown to the 2.6-fold, not one for every byte.
const EAGER_LOOKS: u32 = 256;

/// The text of a body, with what was found in it while it was read.
pub(super) struct Text<'a> {
    decoder: Decoder,
    /// Patterns of `bodyMatches` that are not found yet.
    missing: Vec<&'a Pattern>,
    looks: u32,
    looked_at: usize,
}

/// Where the reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// At the body's end.
    Whole,
    /// Earlier: all that was looked for is found.
    Enough,
    /// At the bound.
    Cut,
}

impl<'a> Text<'a> {
    /// For the body under `headers`, of which at most `max` bytes are kept.
    pub(super) fn new(headers: &HeaderMap, max: u64, matches: &'a [Pattern]) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Self { decoder: Decoder::new(headers, max), missing: matches.iter().collect(), looks: 0, looked_at: 0 }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.decoder.bytes()
    }

    /// The first pattern that must match and does not.
    pub(super) fn missing(&self) -> Option<&'a Pattern> {
        self.missing.first().copied()
    }

    /// Reads on until `need` is met or the body ends.
    ///
    /// # Errors
    /// ConnectionReset or ProtocolError: the body does not come, or is not what its encoding says.
    pub(super) async fn read(&mut self, exchange: &mut Exchange, need: Need) -> Result<End, Failure> {
        let broken = |encoding, exchange: &Exchange| {
            let message = format!("{} sent a body that is no valid {encoding}", exchange.peer());
            Failure::new(Reason::ProtocolError, message)
        };
        loop {
            // What is here already is taken before it is looked at.
            let piece = poll_fn(|cx| match exchange.poll_piece(cx) {
                Poll::Pending => {
                    if need == Need::Matches && self.look() {
                        return Poll::Ready(None);
                    }
                    Poll::Pending
                }
                Poll::Ready(piece) => Poll::Ready(Some(piece)),
            });
            match piece.await {
                None => return Ok(End::Enough),
                Some(Some(Ok(piece))) => {
                    // A peer may send a mebibyte as a million pieces: others have their turn in between.
                    consume_budget().await;
                    self.decoder.push(&piece).map_err(|what| broken(what.0, exchange))?;
                    if self.decoder.is_full() {
                        let sure = |pattern: &&Pattern| !pattern.is_match_so_far(self.decoder.bytes());
                        self.missing.retain(sure);
                        let done = need == Need::Matches && self.missing.is_empty();
                        return Ok(if done { End::Enough } else { End::Cut });
                    }
                    if need == Need::Matches && self.bytes().len() >= self.looked_at * 2 && self.look() {
                        return Ok(End::Enough);
                    }
                }
                Some(Some(Err(failure))) => return Err(failure),
                Some(None) => {
                    self.decoder.finish().map_err(|what| broken(what.0, exchange))?;
                    self.missing.retain(|pattern| !pattern.is_match(self.decoder.bytes()));
                    return Ok(End::Whole);
                }
            }
        }
    }

    /// Whether all is found in what came so far, and stays found whatever follows.
    fn look(&mut self) -> bool {
        let length = self.bytes().len();
        let grown = length - self.looked_at;
        if grown == 0 || (self.looks >= EAGER_LOOKS && grown < self.looked_at / 16) {
            return false;
        }
        self.looks += 1;
        self.looked_at = length;
        self.missing.retain(|pattern| !pattern.is_match_so_far(self.decoder.bytes()));
        self.missing.is_empty()
    }
}
