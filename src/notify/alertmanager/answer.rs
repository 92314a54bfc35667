//! What Alertmanager's answers mean, and those of several replicas together. Pure.

use crate::notify::{Answer, call::Reply, redact::Redact};

/// 200 without a body; 400 and 500 with a JSON string that says why.
pub(super) fn answer(peer: &str, reply: &Reply, redact: &Redact) -> Answer {
    let said = reply.json::<String>().unwrap_or_else(|| reply.text().into_owned());
    Answer::of_status(peer, reply, &redact.clean(&said))
}

/// One that took it is enough; else what might still go well; else what never will.
pub(super) fn of_all(answers: Vec<Answer>) -> Answer {
    let (taken, rest): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| matches!(answer, Answer::Ok { .. }));
    let texts = |answers: &[Answer]| answers.iter().map(Answer::text).collect::<Vec<_>>().join("; ");
    if let [first, ..] = taken.as_slice() {
        let not =
            if rest.is_empty() { String::new() } else { format!("; told again within a minute: {}", texts(&rest)) };
        return Answer::ok(format!("{} of {} took it: {}{not}", taken.len(), taken.len() + rest.len(), first.text()));
    }
    let after = rest.iter().filter_map(|answer| match answer {
        Answer::Retry { after, .. } => Some(*after),
        Answer::Ok { .. } | Answer::Permanent { .. } => None,
    });
    let answer = match after.min() {
        Some(after) => Answer::retry(after, texts(&rest)),
        None => Answer::permanent(texts(&rest)),
    };
    // What one of them has taken has arrived.
    rest.iter().filter_map(Answer::done).fold(answer, |answer, done| answer.with_done(done))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::notify::Parts;

    #[test]
    fn answers_of_alertmanager() {
        let of = |status, body| answer("am:9093", &Reply::of(status, body), &Redact::default());
        assert!(matches!(of(200, ""), Answer::Ok { .. }));
        let Answer::Permanent { reason, .. } = of(400, "\"start time must be before end time\"\n") else { panic!() };
        assert_eq!(reason, "am:9093 answered 400: start time must be before end time");
        assert!(matches!(of(500, "\"no\""), Answer::Retry { .. }));
    }

    #[test]
    fn of_several_replicas_one_is_enough() {
        let (ok, no) = (Answer::ok("a took it"), Answer::permanent("b refused"));
        let later = |after: Option<u64>| Answer::retry(after.map(Duration::from_secs), "c is away");
        let Answer::Ok { detail, .. } = of_all(vec![no.clone(), ok, later(None)]) else { panic!() };
        assert_eq!(detail, "1 of 3 took it: a took it; told again within a minute: b refused; c is away");
        assert_eq!(
            of_all(vec![no.clone(), later(Some(3))]),
            Answer::retry(Some(Duration::from_secs(3)), "b refused; c is away")
        );
        assert_eq!(
            of_all(vec![no.clone(), later(Some(3)), later(None)]),
            Answer::retry(None, "b refused; c is away; c is away")
        );
        assert_eq!(of_all(vec![no.clone()]), Answer::permanent("b refused"));
        let mut first = Parts::default();
        first.tell(0);
        let all = of_all(vec![no.clone().with_done(&first), no]);
        assert!(all.has_told(0) && !all.has_told(1), "{all:?}");
    }
}
