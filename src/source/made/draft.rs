//! A silence as somebody asks for it, and what that means for the one that it is to take the place of. Pure.
//!
//! The rules are those of Alertmanager's `silence.Silences.Set`, so that its clients find what they expect.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    alert::{Compare, Matcher},
    api::{GROUP, SilenceStateName, VERSION},
    clock::{WallMs, rfc3339},
    model::Silence,
};

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    pub matchers: Vec<Matcher>,
    pub starts_at: WallMs,
    pub ends_at: WallMs,
    pub created_by: String,
    pub comment: String,
}

/// How a draft takes the place of a silence that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// The silence is changed, and stays the one that it is.
    InPlace,
    /// Another one is made; the one that is there ends, unless it has.
    Anew { ends: bool },
}

/// Where a silence stands in its time.
pub fn stage(starts_at: WallMs, ends_at: WallMs, now: WallMs) -> SilenceStateName {
    if now < starts_at {
        SilenceStateName::Pending
    } else if now < ends_at {
        SilenceStateName::Active
    } else {
        SilenceStateName::Expired
    }
}

impl Draft {
    /// What is wrong with its times, in Alertmanager's words.
    ///
    /// # Errors
    /// It ends before it begins, or has ended already.
    pub fn check(&self, now: WallMs) -> Result<(), &'static str> {
        if self.starts_at >= self.ends_at {
            return Err("Failed to create silence: start time must be before end time");
        }
        if self.ends_at <= now {
            return Err("Failed to create silence: end time can't be in the past");
        }
        Ok(())
    }

    /// The one namespace that it is about by a matcher of its own, else the operator's, whose silences reach all.
    pub fn namespace(&self, operator: &Arc<str>) -> Arc<str> {
        let matchers = self.matchers.iter();
        namespace(matchers.map(|matcher| (matcher.name(), matcher.compare(), matcher.value())), operator)
    }

    /// The spec of the object.
    pub(super) fn spec(&self) -> Value {
        let matchers: Vec<String> = self.matchers.iter().map(ToString::to_string).collect();
        json!({
            "matchers": matchers,
            "startsAt": rfc3339(self.starts_at),
            "endsAt": rfc3339(self.ends_at),
            "comment": self.comment,
            "createdBy": self.created_by,
        })
    }

    /// What becomes of the silence that is there, which has these matchers.
    pub(super) fn course(&self, before: &Silence, matchers: &[Matcher], now: WallMs) -> Course {
        let second = |at: WallMs| at.div_euclid(1_000);
        let stays = match stage(before.starts_at, before.ends_at, now) {
            SilenceStateName::Active => second(before.starts_at) == second(self.starts_at) && self.ends_at >= now,
            SilenceStateName::Pending => self.starts_at >= now,
            SilenceStateName::Expired => return Course::Anew { ends: false },
        };
        if stays && self.matchers == matchers { Course::InPlace } else { Course::Anew { ends: true } }
    }
}

/// As [`Draft::namespace`], of matchers of which nothing else is known yet.
pub fn namespace<'a>(matchers: impl Iterator<Item = (&'a str, Compare, &'a str)>, operator: &Arc<str>) -> Arc<str> {
    let mut named = matchers
        .filter(|(name, compare, value)| *name == "namespace" && *compare == Compare::Equal && !value.is_empty());
    match (named.next(), named.next()) {
        (Some((_, _, one)), None) => one.into(),
        _ => operator.clone(),
    }
}

/// A whole object of this spec.
pub(super) fn manifest(metadata: Value, spec: Value) -> Value {
    json!({"apiVersion": format!("{GROUP}/{VERSION}"), "kind": "Silence", "metadata": metadata, "spec": spec})
}

/// The times of a silence that ends now. One that has not begun gets a beginning just before, as none is empty.
pub(super) fn ended(before: &Silence, now: WallMs) -> (WallMs, WallMs) {
    (before.starts_at.min(now - 1), now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::Matchers,
        model::{Labels, ObjectKey},
    };

    fn matchers(texts: &[&str]) -> Vec<Matcher> {
        texts.iter().map(|text| Matcher::parse(text).unwrap()).collect()
    }

    fn draft(texts: &[&str], starts_at: WallMs, ends_at: WallMs) -> Draft {
        Draft { matchers: matchers(texts), starts_at, ends_at, created_by: String::new(), comment: String::new() }
    }

    #[test]
    fn it_lands_where_its_one_namespace_says_or_with_the_operator() {
        for (texts, want) in [
            (&["a=b"][..], "ops"),
            (&["a=b", "namespace=shop"], "shop"),
            (&["namespace=shop", "namespace=web"], "ops"),
            (&["namespace=~shop"], "ops"),
            (&["namespace!=shop"], "ops"),
            (&["namespace=\"\"", "a=b"], "ops"),
        ] {
            assert_eq!(&*draft(texts, 0, 1).namespace(&"ops".into()), want, "{texts:?}");
        }
    }

    #[test]
    fn what_keeps_its_id_and_what_gets_another() {
        let at = 1_000_000;
        let (keeps, ends, over) = (Course::InPlace, Course::Anew { ends: true }, Course::Anew { ends: false });
        for (begins, until, texts, starts_at, ends_at, want) in [
            // Active: its end may move, its beginning and its matchers may not.
            (at - 5_000, at + 9_000, &["a=b"], at - 5_000, at + 90_000, keeps),
            (at - 5_000, at + 9_000, &["a=b"], at - 4_001, at + 90_000, keeps),
            (at - 5_000, at + 9_000, &["a=b"], at - 4_000, at + 90_000, ends),
            (at - 5_000, at + 9_000, &["a=c"], at - 5_000, at + 90_000, ends),
            (at - 5_000, at + 9_000, &["a=b"], at - 5_000, at - 1, ends),
            // Pending: it may begin at any time that is to come.
            (at + 5_000, at + 9_000, &["a=b"], at + 7_000, at + 8_000, keeps),
            (at + 5_000, at + 9_000, &["a=b"], at - 1, at + 8_000, ends),
            // Expired: it stays as it is.
            (at - 5_000, at, &["a=b"], at - 5_000, at + 1_000, over),
        ] {
            let before = Silence {
                key: ObjectKey::new("a", "b"),
                generation: 1,
                labels: Labels::default(),
                matchers: Matchers::default(),
                starts_at: begins,
                ends_at: until,
                comment: "".into(),
                created_by: "".into(),
                is_kept: true,
            };
            let course = draft(texts, starts_at, ends_at).course(&before, &matchers(&["a=b"]), at);
            assert_eq!(course, want, "{begins} {until} {texts:?} {starts_at} {ends_at}");
            let (starts_at, ends_at) = ended(&before, at);
            assert!(starts_at < ends_at && stage(starts_at, ends_at, at) == SilenceStateName::Expired);
        }
    }

    #[test]
    fn a_silence_has_a_time_that_is_not_over() {
        assert!(draft(&["a=b"], 5, 20).check(10).is_ok());
        assert!(draft(&["a=b"], 5, 5).check(1).unwrap_err().contains("before end"));
        assert!(draft(&["a=b"], 5, 10).check(10).unwrap_err().contains("in the past"));
    }
}
