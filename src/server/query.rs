//! Query parameters: each endpoint names those it knows, and any other is told to be wrong.

use super::answer::ApiError;

/// The parameters of one request.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// # Errors
    /// 400 for a parameter that is not `known`, or given twice.
    pub(super) fn parse(raw: &str, known: &[&str]) -> Result<Self, ApiError> {
        Self::parse_repeated(raw, known, &[])
    }

    /// As [`Query::parse`], with parameters that may be given more than once.
    pub(super) fn parse_repeated(raw: &str, once: &[&str], repeated: &[&str]) -> Result<Self, ApiError> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
            // A cut name: it goes into the message.
            let shown: String = name.chars().take(64).collect();
            let may_repeat = repeated.contains(&&*name);
            if !may_repeat && !once.contains(&&*name) {
                let known = [once, repeated].concat().join(", ");
                return Err(ApiError::bad_request(format!("unknown query parameter {shown:?}; known here: {known}")));
            }
            if !may_repeat && all.iter().any(|(seen, _)| *seen == name) {
                return Err(ApiError::bad_request(format!("query parameter {shown:?} is given twice")));
            }
            all.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(all))
    }

    /// Every value of a parameter that may be given more than once.
    pub(super) fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_ones_are_decoded_and_others_refused() {
        let query = Query::parse("selector=a%20in+(b)&namespace=", &["namespace", "selector"]).unwrap();
        assert_eq!(query.get("selector"), Some("a in (b)"));
        assert_eq!(query.get("namespace"), Some(""));
        assert_eq!(query.get("window"), None);
        let repeated = Query::parse_repeated("a=1&b=2&b=3", &["a"], &["b"]).unwrap();
        assert_eq!(repeated.all("b").collect::<Vec<_>>(), ["2", "3"]);
        assert!(Query::parse_repeated("a=1&a=2", &["a"], &["b"]).is_err());
        for bad in ["x=1", "namespace=a&namespace=b", "selector"] {
            let known: &[&str] = if bad == "selector" { &[] } else { &["namespace"] };
            assert_eq!(Query::parse(bad, known).unwrap_err().status, 400, "{bad}");
        }
    }
}
