//! Takes secrets out of what a receiver said, before anybody sees it: some repeat what they were sent. Pure.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use url::Url;

use super::text::{chars, cut, one_line};
use crate::model::{Header, Secret};

/// Enough of an answer to know what is wrong, and no more than a line.
const SAID_MAX: usize = 200;
/// Shorter pieces of a URL are words such as `api` or `v2`; taking these out would leave nothing to read.
const PIECE_MIN: usize = 8;

/// What must not be shown.
#[derive(Default)]
pub(super) struct Redact(Vec<String>);

impl Redact {
    /// The parts of a URL that may be secret: user, password, long pieces of the path, values of the query.
    #[must_use]
    pub(super) fn url(mut self, url: &Secret<Url>) -> Self {
        let url = url.expose();
        self.add(url.username());
        self.add(url.password().unwrap_or_default());
        for piece in url.path_segments().into_iter().flatten().filter(|piece| piece.len() >= PIECE_MIN) {
            self.add(piece);
        }
        for (_, value) in url.query_pairs().filter(|(_, value)| value.len() >= PIECE_MIN) {
            self.add(&value);
        }
        self.add(url.query().unwrap_or_default());
        self
    }

    /// The values of headers that came from a Secret, without a scheme before them too, and the name and the password of
    /// a Basic one (RFC 7617), which is what stands before a URL's host as well.
    #[must_use]
    pub(super) fn headers(mut self, headers: &[Header]) -> Self {
        for header in headers.iter().filter(|header| header.value.is_sensitive()) {
            let Ok(value) = header.value.to_str() else { continue };
            self.add(value);
            if let Some((_, token)) = value.split_once(' ') {
                self.add(token.trim());
                let pair = BASE64_STANDARD.decode(token.trim()).ok().and_then(|pair| String::from_utf8(pair).ok());
                if let Some((name, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
                    self.add(name);
                    self.add(password);
                }
            }
        }
        self
    }

    #[must_use]
    pub(super) fn secret(mut self, secret: &Secret) -> Self {
        self.add(secret.expose());
        self
    }

    fn add(&mut self, text: &str) {
        if !text.is_empty() {
            self.0.push(text.to_owned());
            // Longer ones first, as shorter ones may be parts of them.
            self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        }
    }

    /// The text as one line of bounded length, without what is secret.
    pub(super) fn clean(&self, said: &str) -> String {
        // What a cut would leave of a secret is a secret still, so the cut comes last; a whole answer is bounded.
        let mut text = one_line(said);
        for secret in &self.0 {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), "***");
            }
        }
        cut(text.trim(), SAID_MAX, chars).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn what_is_secret_is_not_repeated() {
        let url =
            Secret::new("https://user:pass-word@h.example/api/v2/T0KEN-abcdef?key=s3cret-s3cret".parse().unwrap());
        let mut value = HeaderValue::from_static("Bearer tok-1");
        value.set_sensitive(true);
        let header = Header { name: HeaderName::from_static("authorization"), value };
        let redact = Redact::default().url(&url).headers(&[header]).secret(&Secret::new("routing".to_owned()));
        assert_eq!(
            redact.clean("no api for /api/v2/T0KEN-abcdef?key=s3cret-s3cret\nof user with pass-word, tok-1, routing"),
            "no api for /api/v2/***?*** of *** with ***, ***, ***"
        );
        // printf 'ops:p@ss word' | base64
        let mut value = HeaderValue::from_static("Basic b3BzOnBAc3Mgd29yZA==");
        value.set_sensitive(true);
        let basic = Redact::default().headers(&[Header { name: HeaderName::from_static("authorization"), value }]);
        assert_eq!(
            basic.clean("ops may not in with p@ss word (b3BzOnBAc3Mgd29yZA==)"),
            "*** may not in with *** (***)"
        );
        assert_eq!(redact.clean(&"é".repeat(300)).chars().count(), SAID_MAX);
    }
}
