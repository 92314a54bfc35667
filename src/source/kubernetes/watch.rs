//! One watch: what it hears, in order, and never an end of it.
//!
//! Owns reconnecting (at most 2 s apart, with jitter), starting over when what was seen is too old to go on from, and
//! telling trouble once while it lasts. Knows nothing of what is watched. A task of the source, and of whatever else
//! follows objects.

use std::{fmt::Debug, hash::BuildHasher as _, pin::pin, sync::Arc, time::Duration};

use foldhash::fast::RandomState;
use futures::StreamExt as _;
use kube::{
    Api, Resource,
    runtime::watcher::{self, watcher},
};
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::supervisor::chain;

/// The time before the first try again; it doubles up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(100);
/// An API server that is back is seen within this.
const LONGEST: Duration = Duration::from_secs(2);
/// Trouble that has not shown again for this long is over: tries fail at least this often while it lasts.
const OVER: Duration = Duration::from_secs(10);
/// Refusals in a row that are borne once a list was read: an API server that starts refuses everything until it has read
/// its own rules. With the times between them some 4 s after a watch, and 9 s after an API server that was away.
const REFUSALS: u32 = 6;
/// Objects in one page of a list: at some 20 KB each while they are parsed, 5 MB.
const PAGE: u32 = 250;

/// What a watch tells.
#[derive(Debug)]
pub enum Heard<K> {
    /// Everything that is there follows.
    Begin,
    Listed(K),
    /// What was not listed since `Begin` is not there.
    Complete,
    Applied(K),
    Gone(K),
    /// Nothing new can be heard now. Told again when it changes.
    Trouble(Trouble),
    /// It goes on where it was.
    Recovered,
}

/// Why nothing can be heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub why: Why,
    /// In one line; never holds a value of an object.
    pub text: Arc<str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// RBAC does not permit it.
    Denied,
    /// The API server knows no such kind.
    NoSuchKind,
    Other,
}

impl<K> Heard<K> {
    /// The same, of something else.
    pub fn map<T>(self, of: impl FnOnce(K) -> T) -> Heard<T> {
        match self {
            Self::Begin => Heard::Begin,
            Self::Listed(k) => Heard::Listed(of(k)),
            Self::Complete => Heard::Complete,
            Self::Applied(k) => Heard::Applied(of(k)),
            Self::Gone(k) => Heard::Gone(of(k)),
            Self::Trouble(trouble) => Heard::Trouble(trouble),
            Self::Recovered => Heard::Recovered,
        }
    }
}

/// How everything here watches.
pub fn config() -> watcher::Config {
    watcher::Config::default().timeout(super::WATCH).page_size(PAGE)
}

/// Follows what `api` leads to and tells it into `inbox`, until nobody takes it any more.
pub async fn follow<K, T>(api: Api<K>, config: watcher::Config, inbox: mpsc::Sender<T>, told: impl Fn(Heard<K>) -> T)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    let mut pause = Pause::default();
    let mut trouble: Option<Trouble> = None;
    let mut refused = Refused::default();
    // The last answer was 410.
    let mut gone = false;
    loop {
        let mut events = pin!(watcher(api.clone(), config.clone()));
        // Ends when the watch has to start from its beginning.
        loop {
            let next = match &trouble {
                None => events.next().await,
                Some(_) => match tokio::time::timeout(OVER, events.next()).await {
                    Ok(next) => next,
                    Err(_) => {
                        trouble = None;
                        pause = Pause::default();
                        if inbox.send(told(Heard::Recovered)).await.is_err() {
                            return;
                        }
                        continue;
                    }
                },
            };
            let heard = match next {
                None => break,
                Some(Ok(watcher::Event::Init)) => Heard::Begin,
                Some(Ok(watcher::Event::InitApply(object))) => Heard::Listed(object),
                Some(Ok(watcher::Event::InitDone)) => Heard::Complete,
                Some(Ok(watcher::Event::Apply(object))) => Heard::Applied(object),
                Some(Ok(watcher::Event::Delete(object))) => Heard::Gone(object),
                Some(Err(error)) => {
                    let now = describe(&error);
                    if !refused.bears(now.why) && trouble.as_ref() != Some(&now) {
                        trouble = Some(now.clone());
                        if inbox.send(told(Heard::Trouble(now))).await.is_err() {
                            return;
                        }
                    }
                    // One who answers so is there: what is there is read anew at once.
                    if is_gone(&error) && !std::mem::replace(&mut gone, true) {
                        pause = Pause::default();
                    }
                    tokio::time::sleep(pause.longer()).await;
                    if is_stuck(&error) {
                        break;
                    }
                    continue;
                }
            };
            // A beginning is announced before anything was asked.
            if !matches!(heard, Heard::Begin) {
                pause = Pause::default();
                gone = false;
                refused.heard(matches!(heard, Heard::Complete));
                if trouble.take().is_some() && inbox.send(told(Heard::Recovered)).await.is_err() {
                    return;
                }
            }
            if inbox.send(told(heard)).await.is_err() {
                return;
            }
        }
    }
}

/// Whether trying again from the same place cannot succeed: the place, or the kind, is not there any more.
fn is_stuck(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => match status.code {
            401 | 403 | 429 => false,
            code => code < 500,
        },
        watcher::Error::WatchError(status) => status.code != 410,
        watcher::Error::InitialListFailed(_)
        | watcher::Error::WatchStartFailed(_)
        | watcher::Error::WatchFailed(_)
        | watcher::Error::NoResourceVersion => false,
    }
}

/// Whether the API server does not remember the place to go on from.
fn is_gone(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) | watcher::Error::WatchError(status) => {
            status.code == 410
        }
        _ => false,
    }
}

fn describe(error: &watcher::Error) -> Trouble {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => trouble(error),
        watcher::Error::WatchError(status) => of_status(status),
        watcher::Error::NoResourceVersion => {
            Trouble { why: Why::Other, text: "the API server gave no resourceVersion".into() }
        }
    }
}

/// What an error of a request says.
pub fn trouble(error: &kube::Error) -> Trouble {
    match error {
        kube::Error::Api(status) => of_status(status),
        kube::Error::Service(error) => {
            // Wrappers repeat what they wrap.
            let mut text = chain(&**error);
            if let Some((_, last)) = text.rsplit_once("client error (Connect): ") {
                text = last.to_owned();
            }
            Trouble { why: Why::Other, text: format!("the API server cannot be reached: {text}").into() }
        }
        error => Trouble { why: Why::Other, text: chain(error).into() },
    }
}

fn of_status(status: &kube::core::Status) -> Trouble {
    let why = match status.code {
        403 => Why::Denied,
        404 => Why::NoSuchKind,
        _ => Why::Other,
    };
    let text = match status.message.trim() {
        "" => format!("the API server answered {} {}", status.code, status.reason).into(),
        message => message.into(),
    };
    Trouble { why, text }
}

/// Whether a refusal is one that RBAC means.
#[derive(Debug, Default)]
struct Refused {
    /// What is there was read once: it was permitted.
    read: bool,
    /// In a row.
    count: u32,
}

impl Refused {
    /// Takes in trouble; true when it is a refusal that may be over in a moment.
    fn bears(&mut self, why: Why) -> bool {
        self.count = if why == Why::Denied { self.count.saturating_add(1) } else { 0 };
        self.read && (1..=REFUSALS).contains(&self.count)
    }

    /// Something was heard.
    fn heard(&mut self, complete: bool) {
        self.read |= complete;
        self.count = 0;
    }
}

/// The times between tries.
#[derive(Debug, Default)]
pub struct Pause {
    tries: u32,
}

impl Pause {
    /// The time until the next try: twice the one before, at most 2 s, less up to half of it by chance, so that many
    /// watches do not come back at once.
    pub fn longer(&mut self) -> Duration {
        let full = FIRST.saturating_mul(1 << self.tries.min(10)).min(LONGEST);
        self.tries = self.tries.saturating_add(1);
        let chance = RandomState::default().hash_one(self.tries) % 1000;
        full - full.mul_f64(chance as f64 / 2000.0)
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn api(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status { code, message: "no".to_owned(), ..Status::default() }))
    }

    #[test]
    fn pauses_grow_to_two_seconds_and_differ() {
        let mut pause = Pause::default();
        let all: Vec<_> = (0..20).map(|_| pause.longer()).collect();
        assert!(all[0] <= FIRST && all[0] >= FIRST / 2, "{all:?}");
        assert!(all[10..].iter().all(|pause| *pause <= LONGEST && *pause >= LONGEST / 2), "{all:?}");
        assert!(all[10..].iter().any(|pause| *pause != all[10]), "{all:?}");
    }

    #[test]
    fn what_was_permitted_is_refused_for_good_only_when_it_goes_on() {
        let mut refused = Refused::default();
        assert!(!refused.bears(Why::Denied), "it was never permitted");
        refused.heard(false);
        assert!(!refused.bears(Why::Denied), "nor read");
        refused.heard(true);
        for _ in 0..2 {
            assert!(!refused.bears(Why::Other));
            assert!((0..REFUSALS).all(|_| refused.bears(Why::Denied)));
            assert!(!refused.bears(Why::Denied) && !refused.bears(Why::Denied));
            refused.heard(false);
        }
    }

    #[test]
    fn a_place_that_is_gone_is_not_asked_for_again() {
        for (code, stuck) in [(404, true), (410, true), (400, true), (403, false), (429, false), (503, false)] {
            assert_eq!(is_stuck(&watcher::Error::WatchStartFailed(api(code))), stuck, "{code}");
        }
        assert!(!is_stuck(&watcher::Error::InitialListFailed(api(404))));
    }

    #[test]
    fn what_a_refusal_means_is_told_apart() {
        for (code, why) in [(403, Why::Denied), (404, Why::NoSuchKind), (500, Why::Other)] {
            assert_eq!(trouble(&api(code)), Trouble { why, text: "no".into() });
        }
    }
}
