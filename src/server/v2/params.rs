//! Query parameters as Alertmanager takes them: some may be given several times, and those it does not know are let pass.

use super::bad;
use crate::{
    alert::{Labels, Matcher, Matchers},
    model::Pattern,
    server::answer::ApiError,
};

pub(super) struct Params(Vec<(String, String)>);

impl Params {
    pub(super) fn parse(raw: &str) -> Self {
        Self(url::form_urlencoded::parse(raw.as_bytes()).into_owned().collect())
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether `name` is asked for, which it is unless it is said otherwise.
    ///
    /// # Errors
    /// 400 for what is neither true nor false.
    pub(super) fn wants(&self, name: &str) -> Result<bool, ApiError> {
        match self.all(name).last() {
            None | Some("") => Ok(true),
            Some("true" | "1") => Ok(true),
            Some("false" | "0") => Ok(false),
            Some(other) => {
                let shown: String = other.chars().take(64).collect();
                Err(bad(format!("query parameter {name} is true or false, not {shown:?}")))
            }
        }
    }

    /// What labels must be like: every `filter`.
    ///
    /// # Errors
    /// 400 for what is no matcher.
    pub(super) fn matchers(&self) -> Result<Matchers, ApiError> {
        // One more than there may be is enough to see it, and no further one is compiled.
        let all: Result<Vec<Matcher>, _> = self.all("filter").take(Matchers::MAX + 1).map(Matcher::parse).collect();
        all.and_then(Matchers::new).map_err(|error| bad(format!("bad matcher format: {error}")))
    }

    /// What one of an alert's receivers must be called.
    ///
    /// # Errors
    /// 400 for what is no regular expression.
    pub(super) fn receiver(&self) -> Result<Option<Pattern>, ApiError> {
        let given = self.all("receiver").last().filter(|text| !text.is_empty());
        let pattern = given.map(Pattern::anchored).transpose();
        pattern.map_err(|error| bad(format!("failed to parse receiver param: {error}")))
    }
}

/// Whether a silence's own matchers are like this: each is taken for a label with its text, as Alertmanager does.
pub(super) fn takes(filter: &Matchers, silence: &[Matcher]) -> bool {
    filter.matches(&Labels::new(silence.iter().map(|matcher| (matcher.name(), matcher.value()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_alertmanager_reads_them() {
        let params =
            Params::parse("filter=a%3Db&filter=c%3D~%22d.*%22&active=false&silenced=&nobody=knows&receiver=ops/.*");
        assert_eq!(params.matchers().unwrap().to_string(), "{a=\"b\",c=~\"d.*\"}");
        assert_eq!((params.wants("active").ok(), params.wants("silenced").ok()), (Some(false), Some(true)));
        assert_eq!(params.wants("inhibited").ok(), Some(true));
        assert!(params.receiver().unwrap().unwrap().is_match(b"ops/slack"));
        assert!(Params::parse("").receiver().unwrap().is_none());
        for bad in ["filter=a", "filter=%7B", "filter=a%3D~%28", "receiver=%28", "active=perhaps"] {
            let params = Params::parse(bad);
            let wrong = params.matchers().is_err() || params.receiver().is_err() || params.wants("active").is_err();
            assert!(wrong, "{bad}");
        }
        // What is over the number is not even read.
        let many = "filter=a%3Db&".repeat(65) + "filter=a%3D~%28";
        let error = format!("{:?}", Params::parse(&many).matchers().unwrap_err());
        assert!(error.contains("at most 64 matchers"), "{error}");
    }

    #[test]
    fn a_silence_is_found_by_the_texts_of_its_matchers() {
        let silence: Vec<_> =
            ["alertname=A", "svc=~\"a.*\"", "team!=x"].iter().map(|text| Matcher::parse(text).unwrap()).collect();
        for (filter, want) in [
            ("alertname=A", true),
            ("alertname=B", false),
            ("svc=a.*", true),
            ("svc=~a.+", true),
            ("svc=abc", false),
            ("team=x", true),
            ("gone=\"\"", true),
            ("gone=x", false),
            ("gone!=x", true),
        ] {
            let filter = Matchers::new(vec![Matcher::parse(filter).unwrap()]).unwrap();
            assert_eq!(takes(&filter, &silence), want, "{filter}");
        }
    }
}
