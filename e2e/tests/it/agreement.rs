//! Our verdict beside the API server's.

use crate::{Stage, Told};

pub fn verdicts_agree(_stage: &Stage<'_>) -> Told {
    Ok(())
}

pub fn samples_are_taken(_stage: &Stage<'_>) -> Told {
    Ok(())
}
