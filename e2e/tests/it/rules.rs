//! Each CEL rule of the types, broken on purpose.

use crate::{Stage, Told};

pub fn every_rule_refuses_what_it_should(_stage: &Stage<'_>) -> Told {
    Ok(())
}
