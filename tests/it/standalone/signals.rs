//! A signal ends the program in order.

use rustix::process::Signal;

use super::{due_and_done, process::Probity, target::Target, wire::Answer, write_checks};

#[test]
fn a_signal_ends_it_with_0_and_what_was_seen_is_kept() {
    let target = Target::start();
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let folder = tempfile::tempdir().unwrap();
        let (checks, data) = (folder.path().join("checks"), folder.path().join("data"));
        write_checks(&checks, 3, "1s", &target);
        let probity = Probity::start(&checks, &data, &[]);
        let history = "/api/v1/healthchecks/default/check-0001/history?window=1h";
        let runs = |answer: &Answer| due_and_done(answer).map(|(_, runs)| runs);
        let before = probity.wait_for(history, |answer| runs(answer).filter(|runs| *runs >= 2.0));
        let (status, log) = probity.stop(signal);
        assert_eq!(status.code(), Some(0), "{signal:?}:\n{}", log.join("\n"));

        // Less than a flush after the last run: only an orderly end has written it.
        let again = Probity::start(&checks, &data, &[]);
        again.wait_for(history, |answer| runs(answer).filter(|runs| *runs >= before));
    }
}
