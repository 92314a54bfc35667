//! Query parameters: each endpoint names those it knows, and any other is told to be wrong.

use super::answer::ApiError;

/// The parameters of one request, none given twice.
#[derive(Debug)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// # Errors
    /// 400 for a parameter that is not `known`, or given twice.
    pub(super) fn parse(raw: &str, known: &[&str]) -> Result<Self, ApiError> {
        let mut all: Vec<(String, String)> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(raw.as_bytes()) {
            // A cut name: it goes into the message.
            let shown: String = name.chars().take(64).collect();
            if !known.contains(&&*name) {
                let known = known.join(", ");
                return Err(ApiError::bad_request(format!("unknown query parameter {shown:?}; known here: {known}")));
            }
            if all.iter().any(|(seen, _)| *seen == name) {
                return Err(ApiError::bad_request(format!("query parameter {shown:?} is given twice")));
            }
            all.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(all))
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
        for bad in ["x=1", "namespace=a&namespace=b", "selector"] {
            let known: &[&str] = if bad == "selector" { &[] } else { &["namespace"] };
            assert_eq!(Query::parse(bad, known).unwrap_err().status, 400, "{bad}");
        }
    }
}
