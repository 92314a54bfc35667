//! What is told about the watches themselves: to the log when it changes, to readiness until all was read once.
//!
//! Owns no object. An API server that goes away later makes nobody unready.

use std::sync::Arc;

use super::watch::{Trouble, Why};
use crate::vitals::Readiness;

/// What readiness is told before everything was read.
const SOURCE: &str = "source";
/// What it is told of namespaces that may not be read while others were.
const PERMISSIONS: &str = "permissions";

pub(super) struct Scopes {
    scopes: Vec<Scope>,
    readiness: Readiness,
    /// Everything was read once.
    ready: bool,
}

struct Scope {
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

    fn is_denied(&self) -> bool {
        self.trouble.as_ref().is_some_and(|trouble| trouble.why == Why::Denied)
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
        Some(format!("cannot read HealthChecks in {}: {text}{advice}", self.place()))
    }
}

impl Scopes {
    pub fn new(namespaces: Vec<Option<Arc<str>>>, readiness: Readiness) -> Self {
        let scopes =
            namespaces.into_iter().map(|namespace| Scope { namespace, listed: false, trouble: None }).collect();
        Self { scopes, readiness, ready: false }
    }

    /// Whether everything that may be read was, and that is not nothing.
    pub fn are_read(&self) -> bool {
        self.scopes.iter().all(|scope| scope.listed || scope.is_denied())
            && self.scopes.iter().any(|scope| scope.listed)
    }

    /// Everything was read and is told.
    pub fn ready(&mut self) {
        self.ready = true;
    }

    pub fn listed(&mut self, scope: usize) {
        if let Some(scope) = self.scopes.get_mut(scope) {
            scope.listed = true;
            scope.trouble = None;
        }
        self.tell();
    }

    pub fn trouble(&mut self, scope: usize, trouble: &Trouble) {
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        scope.trouble = Some(trouble.clone());
        if let Some(told) = scope.told() {
            let stays = if scope.listed { "; what was read before stays" } else { "" };
            tracing::warn!(namespace = scope.namespace.as_deref(), "{told}{stays}");
        }
        self.tell();
    }

    pub fn recovered(&mut self, scope: usize) {
        let Some(scope) = self.scopes.get_mut(scope) else { return };
        scope.trouble = None;
        tracing::info!(namespace = scope.namespace.as_deref(), "reading HealthChecks in {} again", scope.place());
        self.tell();
    }

    /// Tells readiness what keeps a scope from having been read.
    fn tell(&self) {
        let mut texts = self.scopes.iter().filter(|scope| !scope.listed).filter_map(Scope::told);
        match texts.next() {
            Some(first) => {
                let rest = texts.count();
                let text = if rest == 0 { first } else { format!("{first}; and {rest} more namespaces") };
                self.readiness.not_ready(if self.is_partial() { PERMISSIONS } else { SOURCE }, text);
            }
            None => self.readiness.ready(PERMISSIONS),
        }
    }

    fn is_partial(&self) -> bool {
        self.ready || self.are_read()
    }
}
