//! What somebody asks about: a fingerprint or its beginning, an alert's name, or a rule.

use crate::history::About;

/// The text that was asked with, and all that it may mean, the likeliest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub text: String,
    pub meanings: Vec<About>,
}

/// Digits of a fingerprint's beginning: fewer are more likely a word.
const PREFIX_MIN: usize = 4;
const FINGERPRINT: usize = 16;

impl Asked {
    /// `namespace`: where a name is meant to be, if that was said. A rule is NAMESPACE/NAME.
    pub fn new(text: &str, namespace: Option<&str>) -> Self {
        let rule = |namespace: Option<&str>, name: &str| About::Rule {
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        let mut meanings = Vec::new();
        if let Some((namespace, name)) = text.split_once('/') {
            meanings.push(rule(Some(namespace), name));
        } else {
            let digits = text.to_ascii_lowercase();
            if digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                match digits.len() {
                    FINGERPRINT => meanings.push(About::Fingerprint(digits.as_str().into())),
                    PREFIX_MIN..FINGERPRINT => meanings.push(About::FingerprintPrefix(digits.as_str().into())),
                    _ => {}
                }
            }
            meanings.push(About::Alert(text.into()));
            meanings.push(rule(namespace, text));
        }
        Self { text: text.to_owned(), meanings }
    }

    /// What is to be said where nothing is known of it.
    pub fn unknown(&self) -> String {
        let shown: String = self.text.chars().take(253).collect();
        format!(
            "nothing is known of {shown:?}: no alert has that name or fingerprint, and no rule that name; \
             `probity audit --since 7d` tells what there was"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_means_what_people_mean_by_it() {
        let rule = |namespace: Option<&str>, name: &str| About::Rule {
            namespace: namespace.map(Into::into),
            name: name.into(),
        };
        let alert = |name: &str| About::Alert(name.into());
        for (text, namespace, want) in [
            ("web/down", None, vec![rule(Some("web"), "down")]),
            ("web/down", Some("shop"), vec![rule(Some("web"), "down")]),
            ("ShopDown", None, vec![alert("ShopDown"), rule(None, "ShopDown")]),
            ("down", Some("web"), vec![alert("down"), rule(Some("web"), "down")]),
            ("FACE", None, vec![About::FingerprintPrefix("face".into()), alert("FACE"), rule(None, "FACE")]),
            ("abc", None, vec![alert("abc"), rule(None, "abc")]),
            (
                "00ff00ff00ff00ff",
                None,
                vec![
                    About::Fingerprint("00ff00ff00ff00ff".into()),
                    alert("00ff00ff00ff00ff"),
                    rule(None, "00ff00ff00ff00ff"),
                ],
            ),
        ] {
            assert_eq!(Asked::new(text, namespace).meanings, want, "{text}");
        }
    }
}
