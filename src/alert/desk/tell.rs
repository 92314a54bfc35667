//! Makes notifications of what a group, or a digest, has to tell.

use std::sync::Arc;

use sha2::Digest as _;

use super::{
    Desk, Effect, Step, What,
    case::{Case, Place},
    groups::GroupKey,
};
use crate::{
    alert::{Alert, Episode, Group, Incident, Labels, Notification, NotificationId, Status, Why, millis},
    model::{Channel, ObjectKey, Receiver},
};

/// A notification tells news of at most this many alerts, what has to be told within 30 s at once; more are several
/// notifications. At about 1 KB each, 10 MB.
const NEWS_MAX: usize = 10_000;

/// Of those that stand in a group beside the news, so many are shown: a page of them.
const STANDING_MAX: usize = 100;

/// What one channel has to hear of one incident, in order.
struct Story {
    items: Vec<Item>,
    fresh: Option<Why>,
    instead_of: Option<ObjectKey>,
}

struct Item {
    alert: Alert,
    episode: Arc<Episode>,
}

/// Everything about a notification but its alerts.
struct Envelope<'a> {
    channel: &'a Channel,
    group: Group,
    why: Why,
    /// How many the group or the channel has had before: part of the id.
    number: u64,
    /// Since when the channel is there: also part of the id.
    since: i64,
    instead_of: Option<ObjectKey>,
}

impl Desk {
    /// Tells what has changed in a group, beside it what fires there anyway.
    pub(super) fn tell_group(&mut self, key: &GroupKey, channel: &Channel, step: &mut Step<'_>) {
        self.line(&key.channel, step);
        let stories = self.take_stories(key, channel);
        if stories.is_empty() {
            // Ends that the channel does not want to hear of: the group may have nothing left.
            return self.told(key, millis(channel.grouping.repeat), step);
        }
        let Some(group) = self.groups.get(key) else { return };
        let first = stories.first().and_then(|story| story.instead_of.clone());
        let envelope = Envelope {
            channel,
            group: Group { key: format!("{}:{}", key.channel, key.labels).into(), labels: key.labels.clone() },
            why: why(&stories, group.clock.told == 0, group.told.is_empty()),
            number: group.clock.told,
            since: self.lines.get(&key.channel).map_or(0, |line| line.since),
            instead_of: first.filter(|first| stories.iter().all(|story| story.instead_of.as_ref() == Some(first))),
        };
        let (standing, truncated) = self.standing(key, &stories);
        self.send(&envelope, stories, standing, truncated, step);
        self.line(&key.channel, step).note(channel.rate_limit, step.now.at);
        self.told(key, millis(channel.grouping.repeat), step);
    }

    /// Tells what has changed in many groups as one.
    pub(super) fn tell_digest(&mut self, keys: &[GroupKey], channel: &Channel, step: &mut Step<'_>) {
        let stories: Vec<_> = keys.iter().flat_map(|key| self.take_stories(key, channel)).collect();
        if stories.is_empty() {
            return keys.iter().for_each(|key| self.told(key, millis(channel.grouping.repeat), step));
        }
        let line = self.line(&channel.key, step);
        line.digests += 1;
        line.note(channel.rate_limit, step.now.at);
        let envelope = Envelope {
            channel,
            group: Group { key: format!("{}:digest", channel.key).into(), labels: Labels::default() },
            why: Why::Digest,
            number: line.digests,
            since: line.since,
            instead_of: None,
        };
        self.send(&envelope, stories, Vec::new(), 0, step);
        for key in keys {
            self.told(key, millis(channel.grouping.repeat), step);
        }
    }

    /// Passes alerts of which the desk knows nothing any more on to another channel. They were resolved too long ago for
    /// it to know when, so it says until now.
    pub(super) fn forward(&self, dead: &Notification, to: &Channel, alerts: &[&Alert], step: &mut Step<'_>) {
        let both = hears_both(&to.receiver);
        let parts: &[Status] = if both { &[Status::Firing, Status::Resolved] } else { &[Status::Resolved] };
        for &status in parts {
            let is_end = status == Status::Resolved;
            let told = |alert: &&Alert| Alert {
                status,
                ends_at: is_end.then(|| alert.ends_at.unwrap_or(step.now.wall)),
                untold: is_end && !both,
                ..(*alert).clone()
            };
            let id = digits(sha2::Sha256::new().chain_update(format!("{}\n{}\n{status}", dead.id, to.key)));
            step.out.push(Effect::Notify(Arc::new(Notification {
                correlation_id: id.0.clone(),
                id,
                channel: to.key.clone(),
                alerts: alerts.iter().map(told).collect(),
                truncated: 0,
                created_at: step.now.wall,
                instead_of: Some(dead.channel.clone()),
                ..dead.clone()
            })));
        }
    }

    /// Takes what there is to tell out of a group's places: from here on the channel counts as told.
    fn take_stories(&mut self, key: &GroupKey, channel: &Channel) -> Vec<Story> {
        let Some(group) = self.groups.get_mut(key) else { return Vec::new() };
        let mut stories: Vec<Story> = Vec::with_capacity(group.changed.len());
        for incident in std::mem::take(&mut group.changed) {
            let Some(case) = self.cases.get_mut(&incident) else { continue };
            let Some(place) = case.places.get_mut(&key.channel) else { continue };
            let mut items = ends(place, channel);
            case.closed.extend(items.iter().map(|item| (key.channel.clone(), item.alert.starts_at)));
            case.closed.dedup();
            let fresh = place.fresh.take();
            if fresh.is_some() {
                let known = std::mem::replace(&mut place.told, true);
                place.tellings = place.tellings.saturating_add(1);
                group.told.insert(incident);
                let alert = Alert { known, ..case.episode.alert(Status::Firing) };
                items.push(Item { alert, episode: case.episode.clone() });
            }
            self.dirty.cases.insert(incident);
            stories.push(Story { items, fresh, instead_of: place.instead_of.clone() });
        }
        stories.retain(|story| !story.items.is_empty());
        stories.sort_by_key(|story| story.items.first().map(|item| (item.alert.starts_at, item.alert.incident)));
        stories
    }

    /// What fires in the group and is no news, as far as it is shown, and how many more there are.
    fn standing(&self, key: &GroupKey, stories: &[Story]) -> (Vec<Alert>, u32) {
        let Some(group) = self.groups.get(key) else { return (Vec::new(), 0) };
        let news: std::collections::BTreeSet<Incident> = stories
            .iter()
            .filter(|story| story.fresh.is_some())
            .filter_map(|story| story.items.last().map(|item| item.alert.incident))
            .collect();
        let room = STANDING_MAX.saturating_sub(stories.len());
        let mut all = group
            .told
            .iter()
            .filter(|incident| !news.contains(incident))
            .filter_map(|incident| self.cases.get(incident))
            .filter(|case| case.is_meant_for(&key.channel));
        let stands = |case: &Case| Alert { news: false, known: true, ..case.episode.alert(Status::Firing) };
        let shown = all.by_ref().take(room).map(stands);
        let mut standing: Vec<Alert> = shown.collect();
        standing.sort_by_key(|alert| (alert.starts_at, alert.incident));
        (standing, u32::try_from(all.count()).unwrap_or(u32::MAX))
    }

    /// Sends stories, in as many notifications as it takes: what a channel hears as two comes in two.
    fn send(
        &self,
        envelope: &Envelope<'_>,
        stories: Vec<Story>,
        standing: Vec<Alert>,
        truncated: u32,
        step: &mut Step<'_>,
    ) {
        let mut layers: Vec<Vec<Item>> = Vec::new();
        for story in stories {
            for (depth, item) in story.items.into_iter().enumerate() {
                let depth = if hears_both(&envelope.channel.receiver) { depth } else { 0 };
                if layers.len() <= depth {
                    layers.resize_with(depth + 1, Vec::new);
                }
                if let Some(layer) = layers.get_mut(depth) {
                    layer.push(item);
                }
            }
        }
        let mut parts: Vec<Vec<Item>> = Vec::new();
        for mut layer in layers {
            while layer.len() > NEWS_MAX {
                let rest = layer.split_off(NEWS_MAX);
                parts.push(std::mem::replace(&mut layer, rest));
            }
            parts.push(layer);
        }
        let last = parts.len().saturating_sub(1);
        let mut standing = Some(standing);
        for (number, part) in parts.into_iter().enumerate() {
            let id = id(envelope, number, &part);
            let mut alerts = Vec::with_capacity(part.len());
            for Item { alert, episode } in part {
                let (channel, notification) = (envelope.channel.key.clone(), id.clone());
                step.fact(&episode, What::Told { channel, notification, why: envelope.why, status: alert.status });
                alerts.push(alert);
            }
            let is_last = number == last;
            if is_last {
                alerts.extend(standing.take().unwrap_or_default());
            }
            step.out.push(Effect::Notify(Arc::new(Notification {
                correlation_id: id.0.clone(),
                id,
                channel: envelope.channel.key.clone(),
                group: envelope.group.clone(),
                why: envelope.why,
                alerts,
                truncated: if is_last { truncated } else { 0 },
                created_at: step.now.wall,
                instead_of: envelope.instead_of.clone(),
            })));
        }
    }
}

/// A webhook and an Alertmanager are told of a firing and then of its end; people read one message that says both.
fn hears_both(receiver: &Receiver) -> bool {
    matches!(receiver, Receiver::Webhook(_) | Receiver::Alertmanager(_))
}

/// The episodes that have ended, as the channel hears of them.
fn ends(place: &mut Place, channel: &Channel) -> Vec<Item> {
    let both = hears_both(&channel.receiver);
    let mut items = Vec::new();
    for ended in place.ended.drain(..) {
        let untold = ended.untold && !both;
        if ended.untold && both {
            items.push(Item { alert: ended.episode.alert(Status::Firing), episode: ended.episode.clone() });
        }
        if untold || channel.send_resolved {
            let alert = Alert { untold, ..ended.episode.alert(Status::Resolved) };
            items.push(Item { alert, episode: ended.episode });
        }
    }
    items
}

fn why(stories: &[Story], first: bool, none_fires: bool) -> Why {
    let fresh: Vec<Why> = stories.iter().filter_map(|story| story.fresh).collect();
    match fresh.as_slice() {
        [] if none_fires => Why::AllResolved,
        [] => Why::SomeResolved,
        [why, rest @ ..] if *why != Why::New && rest.iter().all(|other| other == why) => *why,
        _ if first => Why::First,
        _ => Why::New,
    }
}

/// Made of what is told and of nothing else: a step that is taken again after a crash, as it had not been kept, gives
/// the same.
fn id(envelope: &Envelope<'_>, part: usize, items: &[Item]) -> NotificationId {
    let mut hasher = sha2::Sha256::new()
        .chain_update(format!("{}\n{}\n{}\n", envelope.group.key, envelope.number, envelope.why))
        .chain_update(format!("{}\n{}\n{part}\n", envelope.since, envelope.channel.edition()));
    for Item { alert, .. } in items {
        hasher.update(format!("{}\n{}\n{}\n", alert.incident, alert.starts_at, alert.status));
    }
    digits(hasher)
}

fn digits(hasher: sha2::Sha256) -> NotificationId {
    NotificationId(hasher.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into())
}
