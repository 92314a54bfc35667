//! From an event and the spans around it to one line.

use std::io::Write;

use serde::ser::{SerializeMap, Serializer};
use serde_json::Value;
use tracing::{Event, Level, Subscriber, span};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{LogFormat, fields::Fields};
use crate::clock::{Clock, rfc3339};

/// Where lines go. One call is one whole line, its newline included.
pub trait Sink: Send + Sync + 'static {
    fn write(&self, line: &[u8]);
}

/// The process's stderr. A line that cannot be written is lost: there is nowhere left to say so.
#[derive(Debug, Clone, Copy)]
pub struct Stderr;

/// The process's stdout, for what is a result and no log: a line that cannot be written is lost.
#[derive(Debug, Clone, Copy)]
pub struct Stdout;

impl Sink for Stdout {
    fn write(&self, line: &[u8]) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(line).and_then(|()| out.flush());
    }
}

impl Sink for Stderr {
    fn write(&self, line: &[u8]) {
        let _ = std::io::stderr().lock().write_all(line);
    }
}

/// Names that a line has of its own; a field of one of these names is written with an underscore behind it.
const OWN: [&str; 4] = ["timestamp", "level", "target", "message"];

pub(super) struct Lines<S> {
    format: LogFormat,
    colour: bool,
    sink: S,
    clock: Clock,
}

impl<S: Sink> Lines<S> {
    pub(super) fn new(format: LogFormat, colour: bool, sink: S) -> Self {
        Self { format, colour, sink, clock: Clock::system() }
    }
}

impl<S: Sink, C: Subscriber + for<'a> LookupSpan<'a>> Layer<C> for Lines<S> {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, C>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, C>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, C>) {
        // Outer spans first, so that what is nearer to the event wins.
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(held) = span.extensions().get::<Fields>() {
                for (name, value) in &held.0 {
                    fields.put(name, value.clone());
                }
            }
        }
        event.record(&mut fields);
        let line = Line {
            timestamp: rfc3339(self.clock.wall()),
            level: *event.metadata().level(),
            target: event.metadata().target(),
            fields,
        };
        let mut out = match self.format {
            LogFormat::Json => line.json(),
            LogFormat::Text => line.text(self.colour),
        };
        out.push(b'\n');
        self.sink.write(&out);
    }
}

struct Line<'a> {
    timestamp: String,
    level: Level,
    target: &'a str,
    fields: Fields,
}

impl Line<'_> {
    fn message(&self) -> &str {
        self.fields.0.iter().find(|(name, _)| *name == "message").and_then(|(_, v)| v.as_str()).unwrap_or_default()
    }

    fn rest(&self) -> impl Iterator<Item = &(&'static str, Value)> {
        self.fields.0.iter().filter(|(name, _)| *name != "message")
    }

    fn json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        // Strings, numbers and maps of strings always serialise; a line that did not would be cut, not fatal.
        let _ = self.write_json(&mut out);
        out
    }

    fn write_json(&self, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        let mut serializer = serde_json::Serializer::new(out);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("level", &self.level.as_str().to_ascii_lowercase())?;
        map.serialize_entry("target", self.target)?;
        map.serialize_entry("message", self.message())?;
        for (name, value) in self.rest() {
            if OWN.contains(name) {
                map.serialize_entry(&format!("{name}_"), value)?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }

    /// `18:47:34.120 INFO  message  name=value …`
    fn text(&self, colour: bool) -> Vec<u8> {
        let paint = match self.level {
            Level::ERROR => "\x1b[31m",
            Level::WARN => "\x1b[33m",
            Level::INFO => "\x1b[32m",
            _ => "\x1b[34m",
        };
        let (dim, on, off) = if colour { ("\x1b[2m", paint, "\x1b[0m") } else { ("", "", "") };
        let mut out = Vec::with_capacity(160);
        let level = self.level.as_str();
        let _ = write!(out, "{dim}{}{off} {on}{level:<5}{off} ", self.timestamp);
        let _ = plain(&mut out, self.message());
        for (name, value) in self.rest() {
            let _ = write!(out, " {dim}{name}={off}");
            let _ = match value {
                // Quoted only where a bare word would be read wrongly.
                Value::String(text) if text.is_empty() || text.contains([' ', '"', '=', '\n', '\t']) => {
                    write!(out, "{value}")
                }
                Value::String(text) => plain(&mut out, text),
                other => write!(out, "{other}"),
            };
        }
        out
    }
}

/// Writes text without its control characters, so that what a peer sent can neither forge a line nor drive a terminal.
fn plain(out: &mut Vec<u8>, text: &str) -> std::io::Result<()> {
    for c in text.chars() {
        if c.is_control() { write!(out, "{}", c.escape_default())? } else { write!(out, "{c}")? }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Sink for Memory {
        fn write(&self, line: &[u8]) {
            self.0.lock().extend_from_slice(line);
        }
    }

    fn capture(format: LogFormat, level: &str, log: impl FnOnce()) -> String {
        let memory = Memory::default();
        let layer = super::super::layer(format, false, level, memory.clone()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let bytes = memory.0.lock().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn json(log: impl FnOnce()) -> Vec<Value> {
        capture(LogFormat::Json, "info", log).lines().map(|l| serde_json::from_str(l).unwrap()).collect()
    }

    #[test]
    fn a_line_is_one_flat_object_with_the_fields_of_its_spans() {
        let lines = json(|| {
            let outer = tracing::info_span!("request", correlation_id = "abc", name = "outer");
            let _in = outer.enter();
            let inner = tracing::info_span!("check", namespace = "web", name = "inner", late = tracing::field::Empty);
            inner.record("late", 7);
            let _in = inner.enter();
            tracing::info!(reason = "Timeout", duration_ms = 1.5, ok = true, "it {}", "failed");
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        for (name, want) in [
            ("level", Value::from("info")),
            ("target", Value::from("probity::telemetry::line::tests")),
            ("message", Value::from("it failed")),
            ("correlation_id", Value::from("abc")),
            ("namespace", Value::from("web")),
            ("name", Value::from("inner")),
            ("late", Value::from(7)),
            ("reason", Value::from("Timeout")),
            ("duration_ms", Value::from(1.5)),
            ("ok", Value::from(true)),
        ] {
            assert_eq!(line[name], want, "{name}");
        }
    }

    #[test]
    fn weird_values_make_a_line_and_no_panic() {
        let lines = json(|| {
            tracing::info!(
                nan = f64::NAN,
                endless = f64::INFINITY,
                large = u128::MAX,
                level = "mine",
                text = "a\nb\"c\u{0}\u{1f600}",
                "\u{1b}[31m{}",
                "x\ny"
            );
        });
        assert_eq!(lines[0]["nan"], "NaN");
        assert_eq!(lines[0]["endless"], "inf");
        assert_eq!(lines[0]["large"], u128::MAX.to_string());
        assert_eq!(lines[0]["level"], "info");
        assert_eq!(lines[0]["level_"], "mine");
        assert_eq!(lines[0]["text"], "a\nb\"c\u{0}\u{1f600}");
        assert_eq!(lines[0]["message"], "\u{1b}[31mx\ny");
    }

    #[test]
    fn an_error_is_told_with_its_sources() {
        #[derive(Debug, thiserror::Error)]
        #[error("read the key")]
        struct Outer(#[source] std::io::Error);
        let error = Outer(std::io::Error::other("disk is gone"));
        let lines = json(|| tracing::warn!(error = &error as &dyn std::error::Error, "no"));
        assert_eq!(lines[0]["error"], "read the key: disk is gone");
    }

    #[test]
    fn text_is_one_line_whatever_a_peer_sent() {
        let text = capture(LogFormat::Text, "info", || {
            tracing::warn!(code = 7, empty = "", said = "a b", "one\ntwo \u{1b}[2J");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(" WARN  one\\ntwo \\u{1b}[2J code=7 empty=\"\" said=\"a b\""), "{text}");
    }

    #[test]
    fn what_is_below_the_level_is_not_written() {
        let text = capture(LogFormat::Text, "warn", || tracing::info!("quiet"));
        assert_eq!(text, "");
        let text = capture(LogFormat::Text, "info", || tracing::info!(target: "hyper::proto", "noise"));
        assert_eq!(text, "");
    }
}
