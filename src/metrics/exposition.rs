//! One scrape: our own counters, then every probe series, a slice at a time.
//!
//! At 10,000 HTTP checks an answer is about 32 MB. It is never there as a whole: [`Exposition::fill`] renders on
//! from where it stopped until a slice is full, so that neither memory nor one thread's time grows with the
//! number of checks, and a slow client holds no thread.

use crate::{
    engine::{self, Board, Snapshot},
    model::Kind,
};

use super::{
    Metrics, probes, slos,
    table::{Emit, FAMILIES},
    text::{self, Lines},
};

/// A single number that another part of the program gives at each scrape.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub name: &'static str,
    pub help: &'static str,
    /// As they stand between the braces; empty for none.
    pub labels: String,
    /// Whether it only rises, and its name ends in `_total`.
    pub counter: bool,
    pub value: f64,
}

/// A scrape in work.
pub struct Exposition {
    /// A few dozen series: rendered at once.
    own: Vec<u8>,
    slos: slos::Pulled,
    pulled: probes::Pulled,
    /// Where to go on: the place in [`FAMILIES`], the place in `pulled`, and whether the family's head is written.
    family: usize,
    target: usize,
    headed: bool,
}

impl Exposition {
    /// Looks at every target once; rendering comes with [`Exposition::fill`].
    ///
    /// # Errors
    /// When our own registry cannot be encoded.
    pub fn new(
        metrics: &Metrics,
        snapshot: &Snapshot,
        board: &Board,
        slo_board: &engine::slos::Board,
        figures: &[Figure],
    ) -> Result<Self, prometheus::Error> {
        let pulled = probes::Pulled::new(snapshot);
        let mut own = Vec::with_capacity(16 * 1024);
        metrics.encode(&mut own)?;
        text::head(
            &mut own,
            "probity_objects",
            "Objects that are known, by kind and whether they are in force.",
            "gauge",
        );
        let checks = (Kind::HealthCheck, pulled.objects.ready, pulled.objects.refused);
        let (ready, refused) = slo_board.objects();
        let others = [checks, (Kind::SloTarget, ready, refused)];
        for (kind, ready, refused) in others.into_iter().chain(board.objects()) {
            let labels = format!("kind=\"{kind}\"");
            let mut lines = Lines { out: &mut own, name: "probity_objects", labels: &labels };
            lines.labelled("ready", "true", ready as f64);
            lines.labelled("ready", "false", refused as f64);
        }
        for figure in figures {
            text::head(&mut own, figure.name, figure.help, if figure.counter { "counter" } else { "gauge" });
            own.extend_from_slice(figure.name.as_bytes());
            if !figure.labels.is_empty() {
                own.extend_from_slice(format!("{{{}}}", figure.labels).as_bytes());
            }
            own.push(b' ');
            text::number(&mut own, figure.value);
            own.push(b'\n');
        }
        Ok(Self { own, slos: slos::Pulled::new(slo_board), pulled, family: 0, target: 0, headed: false })
    }

    /// Appends to `out` until it holds at least `size` bytes or there is no more. True while there is more.
    pub fn fill(&mut self, out: &mut Vec<u8>, size: usize) -> bool {
        if !self.own.is_empty() {
            out.append(&mut self.own);
        }
        if self.slos.fill(out, size) {
            return true;
        }
        while let Some(family) = FAMILIES.get(self.family) {
            while let Some(target) = self.pulled.targets.get(self.target) {
                if out.len() >= size {
                    return true;
                }
                self.target += 1;
                let before = out.len();
                let mut lines = Lines { out: &mut *out, name: family.name, labels: self.pulled.labels(target) };
                match family.emit {
                    Emit::Target(emit) => emit(target, &mut lines),
                    Emit::Run(emit) => {
                        if let Some(run) = &target.run {
                            emit(run, &mut lines);
                        }
                    }
                }
                // A metric that no target has is not named at all; so its head waits for its first sample.
                if !self.headed && out.len() > before {
                    self.headed = true;
                    let mut head = Vec::with_capacity(256);
                    text::head(&mut head, family.name, family.help, family.kind);
                    out.splice(before..before, head);
                }
            }
            (self.family, self.target, self.headed) = (self.family + 1, 0, false);
        }
        false
    }
}
