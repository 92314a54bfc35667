//! Durations as a user writes them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// A duration such as `500ms`, `30s` or `1h30m`; `validate` gives it its meaning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurationText(pub String);

impl DurationText {
    pub const PATTERN: &'static str = "^([0-9]+(ms|s|m|h))+$";
    /// Enough for every unit with four digits.
    pub const MAX_LENGTH: usize = 16;
}

impl From<&str> for DurationText {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A duration of windows, which takes days and weeks too: `30d`, `4w`. A rule may call `duration()` only on one without them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowText(pub String);

impl WindowText {
    pub const PATTERN: &'static str = "^([0-9]+(ms|s|m|h|d|w))+$";
    /// As [`DurationText::MAX_LENGTH`].
    pub const MAX_LENGTH: usize = DurationText::MAX_LENGTH;
}

impl JsonSchema for WindowText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Window".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": Self::PATTERN, "maxLength": Self::MAX_LENGTH })
    }
}

impl JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": Self::PATTERN, "maxLength": Self::MAX_LENGTH })
    }
}
