//! The text format 0.0.4, written by hand into a buffer: no formatting machinery, no allocation per line.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

/// Writes samples of one metric.
pub(super) struct Lines<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) name: &'static str,
    /// What stands in the braces of every sample of this target, escaped.
    pub(super) labels: &'a str,
}

impl Lines<'_> {
    /// A sample without further labels.
    pub(super) fn value(&mut self, value: f64) {
        self.open();
        self.close(value);
    }

    /// A sample with one more label, whose value needs no escape.
    pub(super) fn labelled(&mut self, label: &'static str, plain: &str, value: f64) {
        self.open();
        self.label(label, plain.as_bytes());
        self.close(value);
    }

    /// A sample with two more labels, whose values need no escape.
    pub(super) fn labelled2(&mut self, one: (&'static str, &str), two: (&'static str, &str), value: f64) {
        self.open();
        self.label(one.0, one.1.as_bytes());
        self.label(two.0, two.1.as_bytes());
        self.close(value);
    }

    /// A sample of value 1 whose labels carry text from outside.
    pub(super) fn info(&mut self, labels: &[(&'static str, &str)]) {
        self.open();
        for (name, text) in labels {
            self.out.push(b',');
            self.out.extend_from_slice(name.as_bytes());
            self.out.extend_from_slice(b"=\"");
            escape(self.out, text);
            self.out.push(b'"');
        }
        self.close(1.0);
    }

    fn open(&mut self) {
        self.out.extend_from_slice(self.name.as_bytes());
        self.out.push(b'{');
        self.out.extend_from_slice(self.labels.as_bytes());
    }

    fn label(&mut self, name: &str, plain: &[u8]) {
        self.out.push(b',');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"=\"");
        self.out.extend_from_slice(plain);
        self.out.push(b'"');
    }

    fn close(&mut self, value: f64) {
        self.out.extend_from_slice(b"} ");
        number(self.out, value);
        self.out.push(b'\n');
    }
}

/// The lines that stand above a metric's samples.
pub(super) fn head(out: &mut Vec<u8>, name: &str, help: &str, kind: &str) {
    for part in ["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// Shortest digits that give the value back.
pub(super) fn number(out: &mut Vec<u8>, value: f64) {
    // Below 2^53 every integer is exact.
    if value.abs() < 9_007_199_254_740_992.0 && value.fract() == 0.0 {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else if value.is_nan() {
        out.extend_from_slice(b"NaN");
    } else {
        out.extend_from_slice(if value > 0.0 { b"+Inf" } else { b"-Inf" });
    }
}

/// A label value: backslash, quote and line feed are escaped.
pub(super) fn escape(out: &mut Vec<u8>, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'"' => out.extend_from_slice(b"\\\""),
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn samples_look_as_the_format_wants_them() {
        let text = written(|out| {
            let mut lines = Lines { out, name: "probe_x", labels: "namespace=\"a\"" };
            lines.value(0.25);
            lines.labelled("phase", "tls", 3.0);
            lines.labelled2(("result", "good"), ("reason", "Ok"), 1.0);
            lines.info(&[("subject", "CN=\"a\\b\"\nx")]);
        });
        assert_eq!(
            text,
            "probe_x{namespace=\"a\"} 0.25\nprobe_x{namespace=\"a\",phase=\"tls\"} 3\n\
             probe_x{namespace=\"a\",result=\"good\",reason=\"Ok\"} 1\n\
             probe_x{namespace=\"a\",subject=\"CN=\\\"a\\\\b\\\"\\nx\"} 1\n"
        );
    }

    proptest! {
        #[test]
        fn a_number_is_read_back_as_it_was(value in any::<f64>()) {
            let text = written(|out| number(out, value));
            let read: f64 = text.parse().unwrap();
            prop_assert!(read == value || (read.is_nan() && value.is_nan()), "{text}");
        }

        #[test]
        fn an_escaped_value_holds_no_bare_quote_and_no_line_end(value in any::<String>()) {
            let text = written(|out| escape(out, &value));
            prop_assert!(!text.contains('\n'));
            prop_assert_eq!(text.replace("\\\\", "").replace("\\\"", "").matches('"').count(), 0);
        }
    }
}
