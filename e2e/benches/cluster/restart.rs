//! Probity starts with all objects there; then nothing is to be written, with the refresh off.

use std::{thread::sleep, time::Duration};

use super::{Figures, MEMORY, Probity, World, steady::writes};

const STARTS: usize = 3;
/// As soon as it is ready it must not die of an end in order.
const BREATH: Duration = Duration::from_secs(1);

pub fn run(world: &World, figures: &mut Figures) -> Result<(), String> {
    let mut slowest = Duration::ZERO;
    for start in 1..=STARTS {
        let probity = Probity::start(world, &["--status-refresh-per-second", "0"])?;
        slowest = slowest.max(probity.ready);
        if start < STARTS {
            sleep(BREATH);
            probity.stop()?;
            continue;
        }
        let what = format!("start with all of them to ready, slowest of {STARTS}");
        figures.at_most(&what, slowest.as_secs_f64(), 10.0, "s");
        // Time itself: what a start brings is written, then nothing is to be for so long.
        sleep(world.settle);
        let before = writes(world)?;
        sleep(world.window);
        let written = writes(world)? - before;
        figures.at_most("steady, the refresh off: status writes, at the API server", written as f64, 0.0, "");
        figures.at_most("resident memory after a start, its peak", probity.peak(), MEMORY, "MB");
        probity.stop()?;
    }
    Ok(())
}
