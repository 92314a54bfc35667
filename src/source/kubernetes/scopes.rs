//! What is told about the watches themselves: to the log when it changes, to readiness until all was read once.
//!
//! Owns no object. An API server that goes away later makes nobody unready.

use std::sync::Arc;

use super::watch::{Trouble, Why};
use crate::{model::Kind, vitals::Readiness};

/// What readiness is told before everything was read.
const SOURCE: &str = "source";
/// What it is told of what may not be read while the rest was: one namespace of several must not take the others'
/// Service its endpoint.
const PERMISSIONS: &str = "permissions";

pub(super) struct Scopes {
    scopes: Vec<Scope>,
    readiness: Readiness,
    /// Everything was read once.
    ready: bool,
}

struct Scope {
    kind: Kind,
    /// Its number among those of the kind.
    number: usize,
    /// None: the whole cluster.
    namespace: Option<Arc<str>>,
    listed: bool,
    trouble: Option<Trouble>,
}

impl Scope {
    fn place(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("namespace {namespace}"),
            None => "all namespaces".to_owned(),
        }
    }

    /// Whether nothing can be read there until somebody acts. Without HealthChecks there is nothing to do at all;
    /// without a kind that came later, all the rest.
    fn is_denied(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| match trouble.why {
            Why::Denied => true,
            Why::NoSuchKind => self.kind != Kind::HealthCheck,
            Why::Other => false,
        })
    }

    /// What is wrong, and what to do.
    fn told(&self) -> Option<String> {
        let Trouble { why, text } = self.trouble.as_ref()?;
        let advice = match why {
            Why::Denied if self.namespace.is_none() => "; grant it, or name namespaces with --namespace",
            Why::Denied => "; grant it",
            Why::NoSuchKind => "; is the CustomResourceDefinition installed? `probity crds | kubectl apply -f -`",
            Why::Other => "",
        };
        Some(format!("cannot read {}s in {}: {text}{advice}", self.kind, self.place()))
    }
}

impl Scopes {
    /// One for each kind in each of `namespaces`.
    pub fn new(namespaces: &[Option<Arc<str>>], readiness: Readiness) -> Self {
        let of = |kind| {
            let scope = move |(number, namespace): (usize, &Option<Arc<str>>)| Scope {
                kind,
                number,
                namespace: namespace.clone(),
                listed: false,
                trouble: None,
            };
            namespaces.iter().enumerate().map(scope)
        };
        Self { scopes: Kind::ALL.into_iter().flat_map(of).collect(), readiness, ready: false }
    }

    fn scope(&mut self, kind: Kind, number: usize) -> Option<&mut Scope> {
        self.scopes.iter_mut().find(|scope| (scope.kind, scope.number) == (kind, number))
    }

    /// Whether everything that may be read was, and that is not nothing.
    pub fn are_read(&self) -> bool {
        self.scopes.iter().all(|scope| scope.listed || scope.is_denied())
            && self.scopes.iter().any(|scope| scope.listed && scope.kind == Kind::HealthCheck)
    }

    /// Everything was read and is told.
    pub fn ready(&mut self) {
        self.ready = true;
    }

    pub fn listed(&mut self, kind: Kind, number: usize) {
        if let Some(scope) = self.scope(kind, number) {
            scope.listed = true;
            scope.trouble = None;
        }
        self.tell();
    }

    pub fn trouble(&mut self, kind: Kind, number: usize, trouble: &Trouble) {
        let Some(scope) = self.scope(kind, number) else { return };
        scope.trouble = Some(trouble.clone());
        if let Some(told) = scope.told() {
            let stays = if scope.listed { "; what was read before stays" } else { "" };
            tracing::warn!(namespace = scope.namespace.as_deref(), "{told}{stays}");
        }
        self.tell();
    }

    pub fn recovered(&mut self, kind: Kind, number: usize) {
        let Some(scope) = self.scope(kind, number) else { return };
        scope.trouble = None;
        tracing::info!(namespace = scope.namespace.as_deref(), "reading {kind}s in {} again", scope.place());
        self.tell();
    }

    /// Tells readiness what keeps a scope from having been read.
    fn tell(&self) {
        let mut texts = self.scopes.iter().filter(|scope| !scope.listed).filter_map(Scope::told);
        match texts.next() {
            Some(first) => {
                let rest = texts.count();
                let text = if rest == 0 { first } else { format!("{first}; and {rest} more") };
                if self.is_partial() {
                    self.readiness.note(PERMISSIONS, text);
                } else {
                    self.readiness.not_ready(SOURCE, text);
                }
            }
            None => self.readiness.ready(PERMISSIONS),
        }
    }

    fn is_partial(&self) -> bool {
        self.ready || self.are_read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHECKS: Kind = Kind::HealthCheck;

    fn denied() -> Trouble {
        Trouble { why: Why::Denied, text: "healthchecks is forbidden".into() }
    }

    fn away() -> Trouble {
        Trouble { why: Why::Other, text: "no answer".into() }
    }

    /// Nothing is wrong with the kinds that came later.
    fn list_others(scopes: &mut Scopes, namespaces: usize) {
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != CHECKS) {
            (0..namespaces).for_each(|number| scopes.listed(kind, number));
        }
    }

    fn problems(readiness: &Readiness) -> Vec<&'static str> {
        readiness.problems().into_iter().map(|(part, _)| part).collect()
    }

    #[test]
    fn one_namespace_that_is_denied_is_said_and_the_rest_is_read() {
        let readiness = Readiness::waiting_for(&[SOURCE]);
        let mut scopes = Scopes::new(&[Some("a".into()), Some("b".into())], readiness.clone());
        list_others(&mut scopes, 2);
        scopes.trouble(CHECKS, 1, &denied());
        assert!(!scopes.are_read());
        scopes.listed(CHECKS, 0);
        assert!(scopes.are_read());
        scopes.ready();
        readiness.ready(SOURCE);
        assert_eq!(problems(&readiness), [""; 0]);
        let [(part, why)] = &readiness.notes()[..] else { panic!("{:?}", readiness.notes()) };
        assert_eq!(*part, PERMISSIONS);
        assert_eq!(&**why, "cannot read HealthChecks in namespace b: healthchecks is forbidden; grant it");
        scopes.listed(CHECKS, 1);
        assert_eq!(readiness.notes().len(), 0);
        // Later trouble makes nobody unready.
        scopes.trouble(CHECKS, 0, &away());
        scopes.trouble(CHECKS, 1, &denied());
        assert_eq!(problems(&readiness), [""; 0]);
    }

    #[test]
    fn an_api_server_that_does_not_answer_at_the_start_is_waited_for() {
        let readiness = Readiness::waiting_for(&[SOURCE]);
        let mut scopes = Scopes::new(&[None], readiness.clone());
        list_others(&mut scopes, 1);
        scopes.trouble(CHECKS, 0, &away());
        assert!(!scopes.are_read());
        assert!(readiness.problems()[0].1.contains("in all namespaces: no answer"));
        // Nothing at all may be read: that is no start, either.
        scopes.trouble(CHECKS, 0, &denied());
        assert!(!scopes.are_read());
        assert_eq!(problems(&readiness), [SOURCE]);
    }

    #[test]
    fn a_kind_that_is_not_installed_keeps_no_check_from_running() {
        let readiness = Readiness::waiting_for(&[SOURCE]);
        let mut scopes = Scopes::new(&[None], readiness.clone());
        list_others(&mut scopes, 1);
        let missing = Trouble { why: Why::NoSuchKind, text: "not found".into() };
        scopes.trouble(Kind::AlertRule, 0, &missing);
        scopes.listed(CHECKS, 0);
        assert!(scopes.are_read());
        scopes.trouble(CHECKS, 0, &missing);
        assert!(scopes.are_read(), "it was read before");
        let mut without = Scopes::new(&[None], readiness);
        list_others(&mut without, 1);
        without.trouble(CHECKS, 0, &missing);
        assert!(!without.are_read());
    }
}
