//! Who asks, and what they may, as the cluster says: TokenReview and SubjectAccessReview.
//!
//! Owns the two questions and for how long an answer holds. What an endpoint needs is in the table of routes. Called
//! before a request reaches its handler.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use hyper::StatusCode;
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, Resource, api::PostParams};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::{access::unauthorized, answer::ApiError, remembered::Remembered};
use crate::{api::GROUP, clock::Clock, supervisor::chain};

/// The audience of tokens that are made for us.
const AUDIENCE: &str = "probity";
/// What was taken away is refused after this.
const HOLDS: Duration = Duration::from_secs(10);
/// A dashboard for each of a thousand people; at some 300 bytes each.
const TOKENS: usize = 1024;
/// A few namespaces for each of them.
const ANSWERS: usize = 8192;
/// Questions under way, so that a flood of guesses is no flood for the API server.
const AT_ONCE: usize = 16;
/// For one question, waiting for its turn included.
const PATIENCE: Duration = Duration::from_secs(5);

/// A user as the API server knows it.
#[derive(Debug)]
pub(super) struct User {
    pub(super) name: String,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Vec<String>>>,
    /// Of the token that said so: what is remembered is remembered of it.
    token: [u8; 32],
}

/// What somebody wants to do with objects of one of our kinds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Wish {
    pub(super) verb: &'static str,
    pub(super) resource: &'static str,
    /// None: in all of them.
    pub(super) namespace: Option<Arc<str>>,
    /// None: any.
    pub(super) name: Option<Arc<str>>,
}

/// Asks the API server, and remembers.
pub(super) struct Reviews {
    client: Client,
    clock: Clock,
    turns: Semaphore,
    users: Remembered<[u8; 32], Option<Arc<User>>>,
    answers: Remembered<([u8; 32], Wish), bool>,
}

impl Reviews {
    pub(super) fn new(client: Client, clock: Clock) -> Self {
        let (users, answers) = (Remembered::new(HOLDS, TOKENS), Remembered::new(HOLDS, ANSWERS));
        Self { client, clock, turns: Semaphore::new(AT_ONCE), users, answers }
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// 401 when it is nobody's, 503 when the API server cannot be asked.
    pub(super) async fn user(&self, token: &[u8]) -> Result<Arc<User>, ApiError> {
        let unknown = || unauthorized("the cluster does not know this token, or it has expired");
        let text = std::str::from_utf8(token).map_err(|_| unknown())?;
        let digest: [u8; 32] = Sha256::digest(token).into();
        if let Some(known) = self.users.get(&digest, self.clock.mono()) {
            return known.ok_or_else(unknown);
        }
        // First as a token that was made for us, then as one of the API server's own.
        let mut status = self.token(text, Some(AUDIENCE)).await?;
        if !is_ours(&status) {
            status = self.token(text, None).await?;
        }
        let user = status.user.filter(|_| status.authenticated == Some(true)).map(|user| {
            Arc::new(User {
                name: user.username.unwrap_or_default(),
                uid: user.uid,
                groups: user.groups,
                extra: user.extra,
                token: digest,
            })
        });
        self.users.put(digest, user.clone(), self.clock.mono());
        user.ok_or_else(unknown)
    }

    /// Whether `user` may do what it wishes.
    ///
    /// # Errors
    /// 503 when the API server cannot be asked.
    pub(super) async fn may(&self, user: &User, wish: &Wish) -> Result<bool, ApiError> {
        let key = (user.token, wish.clone());
        if let Some(known) = self.answers.get(&key, self.clock.mono()) {
            return Ok(known);
        }
        let text = |text: &Arc<str>| text.to_string();
        let spec = SubjectAccessReviewSpec {
            user: Some(user.name.clone()),
            uid: user.uid.clone(),
            groups: user.groups.clone(),
            extra: user.extra.clone(),
            resource_attributes: Some(ResourceAttributes {
                group: Some(GROUP.to_owned()),
                resource: Some(wish.resource.to_owned()),
                verb: Some(wish.verb.to_owned()),
                namespace: wish.namespace.as_ref().map(text),
                name: wish.name.as_ref().map(text),
                ..ResourceAttributes::default()
            }),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let allowed = self.ask(&review).await?.status.is_some_and(|status| status.allowed);
        self.answers.put(key, allowed, self.clock.mono());
        Ok(allowed)
    }

    async fn token(&self, token: &str, audience: Option<&str>) -> Result<TokenReviewStatus, ApiError> {
        let audiences = audience.map(|audience| vec![audience.to_owned()]);
        let spec = TokenReviewSpec { token: Some(token.to_owned()), audiences };
        let review = TokenReview { spec, ..TokenReview::default() };
        Ok(self.ask(&review).await?.status.unwrap_or_default())
    }

    async fn ask<K>(&self, review: &K) -> Result<K, ApiError>
    where
        K: Resource<DynamicType = (), Scope = k8s_openapi::ClusterResourceScope> + Clone + DeserializeOwned + Serialize,
        K: std::fmt::Debug,
    {
        let asked = async {
            let _turn = self.turns.acquire().await.map_err(|_| "the server stops".to_owned())?;
            let api: Api<K> = Api::all(self.client.clone());
            api.create(&PostParams::default(), review).await.map_err(|error| chain(&error))
        };
        let why = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
        };
        tracing::warn!("cannot ask the API server who may read ({}): {why}", K::kind(&()));
        Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "the API server cannot be asked who you are now; /health and /metrics answer without it",
        ))
    }
}

/// Whether the token is one that was made for us. An API server that knows no audiences leaves them out.
fn is_ours(status: &TokenReviewStatus) -> bool {
    status.authenticated == Some(true) && status.audiences.iter().flatten().any(|audience| audience == AUDIENCE)
}
