//! Our reader of YAML beside kubectl's.

use std::sync::Arc;

use probity::source::manifest;
use serde_json::Value;

use crate::{Stage, Told, crd::read};

/// Values of the field `x` of an object, as people write them and as they should not.
const VALUES: &str = r#"
yes|no|On|OFF|y|N|true|False|TRUE|tRue|~|null|Null|nil|
0|-0|+5|007|010|08|0o17|0x1F|0b101|-0b11|0x|1_000|12345678901234567890|18446744073709551616
1.5|3.0|1e3|1E-2|.5|5.|.|-.5|1e400|1.2.3|1:30|190:20:30
2001-01-01|2001-12-14t21:59:43.10-05:00|10s|100m|1Gi|v1|a b|a#b|a #b
'it''s'|"tab\tand \u00e9 \x41"|"a\
  b"|'multi
  line'
|[a, b: c, {d: e}, [1 2]]|{a: 1, "b": 'two', c: , d}|{"a":1,"b":[true,null]}
- a\n  - b: c\n    d: e\n  -\n    - f|!!str 5|!!int "5"|!!float 5|!mine z|!!binary aGk=
*base|{<<: *base, p: 9}|{p: 9, <<: *base}|{<<: [*base, {q: 7}]}
"#;

/// Blocks, whose line breaks matter.
const BLOCKS: [&str; 8] = [
    "|\n    one\n    two\n",
    "|-\n    one\n\n    two\n\n",
    "|+\n    one\n\n\n",
    ">\n    one\n    two\n\n    three\n      four\n    five\n",
    ">-\n    one\n    two\n",
    "|2\n     one\n    two\n",
    "\n    plain text\n    over lines\n",
    "\n  # a comment\n    a: 1   # another\n    b:\n    - 2\n",
];

pub fn manifests_mean_the_same(stage: &Stage<'_>) -> Told {
    let values = VALUES.split(['|', '\n']).filter(|value| !value.trim().is_empty());
    let values = values.map(|value| value.replace("\\n", "\n")).chain(BLOCKS.map(str::to_owned));
    let mut differ = Vec::new();
    let mut compared = 0;
    let file = stage.cluster.folder().join("value.yaml");
    for value in values {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nbase: &base {{p: 1, q: 2}}\nspec:\n  x: {value}\n"
        );
        std::fs::write(&file, &text).map_err(|error| error.to_string())?;
        // Reads the file and writes it as JSON, without a server's help.
        let said = stage.cluster.kubectl().run(
            ["label", "--local", "-o", "json", "a=b", "-f"]
                .map(std::ffi::OsStr::new)
                .into_iter()
                .chain([file.as_os_str()]),
        )?;
        let theirs = if said.ok { Some(read(&said.stdout)?["spec"].clone()) } else { None };
        let reading = manifest::read(&Arc::from("value.yaml"), text.as_bytes());
        let ours: Option<Value> = match (&reading.mistakes[..], &reading.documents[..]) {
            ([], [document]) => Some(document.value["spec"].clone()),
            _ => None,
        };
        compared += 1;
        if theirs.clone().map(as_floats) != ours.clone().map(as_floats) {
            let said = said.stderr.lines().next().unwrap_or_default().to_owned();
            differ.push(format!("{value:?}: kubectl {theirs:?} {said}, we {ours:?} {:?}", reading.mistakes.first()));
        }
    }
    if compared < 60 {
        return Err(format!("only {compared} values were compared"));
    }
    if differ.is_empty() { Ok(()) } else { Err(format!("of {compared} values:\n{}", differ.join("\n"))) }
}

/// Go writes a large float without an exponent, so that it looks like an integer.
fn as_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Number(number), Value::from),
        Value::Array(items) => items.into_iter().map(as_floats).collect(),
        Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (name, as_floats(value))).collect())
        }
        other => other,
    }
}
