//! What a mail server's replies mean (RFC 5321, section 4.2.1): 4yz is for later, 5yz for good. Pure.

use crate::{
    notify::{Answer, redact::Redact},
    probe::tls::replies::SmtpReply,
};

/// A reply that is not the one that was wanted. `what` says to what it is the reply.
pub(super) fn refused(peer: &str, what: &str, reply: &SmtpReply, redact: &Redact) -> Answer {
    let said = redact.clean(&reply.lines.join(" "));
    let text = format!("{peer} answered {what} with {} {said}", reply.code);
    match reply.code {
        // A server that is about to close, or full, or busy says so whatever it was asked.
        400..=499 => Answer::retry(None, text),
        500..=599 => Answer::permanent(text),
        // Out of turn: nothing follows from that for the next time.
        _ => Answer::retry(None, text),
    }
}

/// What became of each recipient, before the mail itself.
#[derive(Debug, Default)]
pub(super) struct Recipients {
    pub(super) taken: Vec<usize>,
    pub(super) later: Vec<String>,
    pub(super) never: Vec<String>,
}

impl Recipients {
    pub(super) fn put(&mut self, index: usize, address: &str, reply: &SmtpReply, redact: &Redact) {
        let text = || format!("{address}: {} {}", reply.code, redact.clean(&reply.lines.join(" ")));
        match reply.code {
            200..=299 => self.taken.push(index),
            500..=599 => self.never.push(text()),
            _ => self.later.push(text()),
        }
    }

    /// The answer where nobody is left to send to. `before`: some have it already.
    pub(super) fn nobody(&self, peer: &str, before: bool) -> Answer {
        match (self.later.is_empty(), before) {
            (false, _) => Answer::retry(None, format!("{peer} does not take mail now for {}", self.later.join("; "))),
            (true, false) => Answer::permanent(format!("{peer} takes no mail for {}", self.never.join("; "))),
            (true, true) => {
                Answer::ok(format!("{peer} took it for the others, and takes none for {}", self.never.join("; ")))
            }
        }
    }

    /// The answer where the server has taken the mail for [`Recipients::taken`].
    pub(super) fn taken(&self, peer: &str, said: &str) -> Answer {
        if !self.later.is_empty() {
            return Answer::retry(None, format!("{peer} took it, but not now for {}", self.later.join("; ")));
        }
        if !self.never.is_empty() {
            return Answer::ok(format!("{peer} took it ({said}), but takes none for {}", self.never.join("; ")));
        }
        Answer::ok(format!("{peer} took it ({said})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> SmtpReply {
        SmtpReply { code, lines: vec!["4.7.0 because".to_owned()], length: 0 }
    }

    #[test]
    fn replies() {
        let of = |code| refused("mail:587", "DATA", &reply(code), &Redact::default());
        for code in [421, 450, 451, 452, 454, 354, 250] {
            assert!(matches!(of(code), Answer::Retry { .. }), "{code}");
        }
        for code in [500, 530, 535, 550, 552, 553, 554] {
            assert!(matches!(of(code), Answer::Permanent { .. }), "{code}");
        }
        assert_eq!(of(451).text(), "mail:587 answered DATA with 451 4.7.0 because");
    }

    #[test]
    fn recipients_go_their_own_ways() {
        let of = |codes: &[u16]| {
            let mut all = Recipients::default();
            for (index, &code) in codes.iter().enumerate() {
                all.put(index, "a@b", &reply(code), &Redact::default());
            }
            all
        };
        assert!(matches!(of(&[550, 550]).nobody("m", false), Answer::Permanent { .. }));
        assert!(matches!(of(&[550]).nobody("m", true), Answer::Ok { .. }));
        assert!(matches!(of(&[550, 450]).nobody("m", false), Answer::Retry { .. }));
        assert!(matches!(of(&[250, 450]).taken("m", "ok"), Answer::Retry { .. }));
        assert_eq!(
            of(&[250, 550]).taken("m", "ok").text(),
            "m took it (ok), but takes none for a@b: 550 4.7.0 because"
        );
        assert_eq!(of(&[250]).taken("m", "queued as 7"), Answer::ok("m took it (queued as 7)"));
    }
}
