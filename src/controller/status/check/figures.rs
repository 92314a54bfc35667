//! Figures for a status: coarse, so that they stand still while nothing happens. Pure.

use std::{collections::BTreeMap, time::Duration};

use crate::history::Uptime;

/// One, two and five of each power of ten. A latency is one of these, or none.
const STEPS: [(u64, &str); 18] = [
    (1, "1ms"),
    (2, "2ms"),
    (5, "5ms"),
    (10, "10ms"),
    (20, "20ms"),
    (50, "50ms"),
    (100, "100ms"),
    (200, "200ms"),
    (500, "500ms"),
    (1_000, "1s"),
    (2_000, "2s"),
    (5_000, "5s"),
    (10_000, "10s"),
    (20_000, "20s"),
    (50_000, "50s"),
    (100_000, "100s"),
    (200_000, "200s"),
    (500_000, "500s"),
];

/// A step stands until the latency leaves its bounds by a fifth: one that moves about a bound moves nothing.
const SLACK: f64 = 1.2;

/// A latency as a status has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Step {
    #[default]
    None,
    /// A position in the list of steps.
    At(u8),
    /// A text that is none of ours.
    Foreign,
}

impl Step {
    pub(super) fn read(text: Option<&str>) -> Self {
        let Some(text) = text else { return Self::None };
        STEPS.iter().position(|(_, step)| *step == text).map_or(Self::Foreign, |at| Self::At(at as u8))
    }

    pub(super) fn text(self) -> Option<String> {
        match self {
            Self::At(at) => STEPS.get(usize::from(at)).map(|(_, text)| (*text).to_owned()),
            Self::None | Self::Foreign => None,
        }
    }

    /// The step of `latency`, or `before` while that is near enough.
    pub(super) fn of(latency: Option<Duration>, before: Self) -> Self {
        let Some(latency) = latency else { return Self::None };
        let ms = latency.as_secs_f64() * 1e3;
        if let Self::At(at) = before {
            let (low, high) = bounds(usize::from(at));
            if ms > low / SLACK && ms < high * SLACK {
                return before;
            }
        }
        let at = (0..STEPS.len()).find(|&at| ms < bounds(at).1).unwrap_or(STEPS.len() - 1);
        Self::At(at as u8)
    }
}

/// Halfway to the neighbours, on a logarithmic scale. The outer steps are open.
fn bounds(at: usize) -> (f64, f64) {
    let between = |low: usize| match (STEPS.get(low), STEPS.get(low + 1)) {
        (Some((low, _)), Some((high, _))) => (*low as f64 * *high as f64).sqrt(),
        _ => f64::INFINITY,
    };
    (at.checked_sub(1).map_or(f64::NEG_INFINITY, between), between(at))
}

/// Percent in hundredths by window; None while nothing was observed.
pub(crate) type Hundredths = [Option<u16>; 3];

const WINDOWS: [&str; 3] = ["1h", "24h", "30d"];

/// Rounded down: what was not always up is never 100.
pub(super) fn hundredths(uptime: Uptime) -> Hundredths {
    // A sum of shares may miss a whole number by its last bits.
    let floor = |percent: f64| ((percent * 100.0 + 1e-6).floor().clamp(0.0, 10_000.0)) as u16;
    [uptime.hour, uptime.day, uptime.month].map(|percent| percent.map(floor))
}

/// `{1h: "100", 24h: "99.98"}`, without what was not observed.
pub(super) fn uptime_texts(uptime: Hundredths) -> BTreeMap<String, String> {
    let texts = WINDOWS.iter().zip(uptime);
    texts.filter_map(|(window, percent)| Some(((*window).to_owned(), percent_text(percent?)))).collect()
}

/// What [`uptime_texts`] was made from. A text that is none of ours counts as not observed.
pub(super) fn read_uptime(texts: Option<&BTreeMap<String, String>>) -> Hundredths {
    WINDOWS.map(|window| {
        let text = texts?.get(window)?;
        let percent: f64 = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent))?;
        let hundredths = (percent * 100.0).round() as u16;
        (percent_text(hundredths) == *text).then_some(hundredths)
    })
}

fn percent_text(hundredths: u16) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => format!("{whole}"),
        rest if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn latencies_are_rounded_to_one_two_and_five() {
        for (us, text) in [
            (0, "1ms"),
            (1_300, "1ms"),
            (1_500, "2ms"),
            (10_000, "10ms"),
            (14_000, "10ms"),
            (14_200, "20ms"),
            (340_000, "500ms"),
            (4_900_000, "5s"),
            (9_999_000_000, "500s"),
        ] {
            let step = Step::of(Some(Duration::from_micros(us)), Step::None);
            assert_eq!(step.text().as_deref(), Some(text), "{us}");
            assert_eq!(Step::read(Some(text)), step);
        }
        assert_eq!(Step::of(None, Step::At(3)), Step::None);
        assert_eq!((Step::read(Some("12.5ms")), Step::read(None)), (Step::Foreign, Step::None));
    }

    #[test]
    fn a_latency_about_a_bound_stands_still() {
        let ten = Step::read(Some("10ms"));
        for us in [13_000, 14_500, 16_500, 6_000] {
            assert_eq!(Step::of(Some(Duration::from_micros(us)), ten), ten, "{us}");
        }
        for us in [17_500, 5_500, 100_000] {
            assert_ne!(Step::of(Some(Duration::from_micros(us)), ten), ten, "{us}");
        }
    }

    #[test]
    fn percents_are_cut_and_short() {
        for (percent, text) in [
            (100.0, "100"),
            (99.9999, "99.99"),
            (99.98, "99.98"),
            (99.9, "99.9"),
            (99.05, "99.05"),
            (0.0, "0"),
            (0.004, "0"),
            (33.333, "33.33"),
        ] {
            let texts = uptime_texts(hundredths(Uptime { hour: Some(percent), day: None, month: None }));
            assert_eq!(texts, BTreeMap::from([("1h".to_owned(), text.to_owned())]));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            hour in prop::option::of(0u16..=10_000),
            day in prop::option::of(0u16..=10_000),
        ) {
            let uptime = [hour, day, None];
            prop_assert_eq!(read_uptime(Some(&uptime_texts(uptime))), uptime);
        }

        #[test]
        fn a_step_holds_every_latency_that_led_to_it(us in 0u64..1_000_000_000) {
            let latency = Some(Duration::from_micros(us));
            let step = Step::of(latency, Step::None);
            prop_assert_eq!(Step::of(latency, step), step);
        }
    }
}
