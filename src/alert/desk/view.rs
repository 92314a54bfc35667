//! What readers see of the desk: statuses, the API, `probity why`.

use std::{collections::BTreeSet, sync::Arc};

use super::{Ack, Desk, MuteKey, Suppressed, case::Case};
use crate::{
    alert::{Alert, Episode, Fingerprint, Incident, Phase, Status},
    model::ObjectKey,
};

/// One alert that fires, or was resolved a moment ago.
#[derive(Debug, Clone, Copy)]
pub struct View<'a>(&'a Case);

/// How far a channel has been told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Not of this episode, and it is not about to be.
    No,
    /// It is about to be told.
    Waits,
    /// It was told that it fires.
    Firing,
    /// It gave a permanent error.
    Dead,
}

impl Told {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Waits => "waits",
            Self::Firing => "told",
            Self::Dead => "dead",
        }
    }
}

impl<'a> View<'a> {
    pub fn episode(self) -> &'a Arc<Episode> {
        &self.0.episode
    }

    pub fn status(self) -> Status {
        match self.0.episode.phase {
            Phase::Resolved => Status::Resolved,
            _ if self.0.suppressed.mutes.is_empty() => Status::Firing,
            _ => Status::Silenced,
        }
    }

    pub fn alert(self) -> Alert {
        self.0.episode.alert(self.status())
    }

    pub fn suppressed(self) -> &'a Suppressed {
        &self.0.suppressed
    }

    pub fn ack(self) -> Option<&'a Ack> {
        self.0.ack.as_ref()
    }

    /// The channels that have to do with it.
    pub fn channels(self) -> impl Iterator<Item = (&'a ObjectKey, Told)> {
        self.0.places.iter().map(|(channel, place)| {
            let told = match place {
                place if place.dead.is_some() => Told::Dead,
                place if place.has_news() => Told::Waits,
                place if place.told => Told::Firing,
                _ => Told::No,
            };
            (channel, told)
        })
    }
}

impl Desk {
    pub fn alert(&self, incident: Incident) -> Option<View<'_>> {
        self.cases.get(&incident).map(View)
    }

    /// All that fire or were resolved in the last 15 minutes.
    pub fn alerts(&self) -> impl ExactSizeIterator<Item = View<'_>> {
        self.cases.values().map(View)
    }

    /// Whether one more alert of this namespace is taken.
    pub fn has_room_for(&self, namespace: &Arc<str>) -> bool {
        let of_it = || {
            let rules = self.by_rule.range(ObjectKey::new(namespace.clone(), "")..);
            rules.take_while(|(rule, _)| rule.namespace == *namespace).map(|(_, alerts)| alerts.len()).sum::<usize>()
        };
        self.cases.len() < super::CASES_MAX && (self.cases.len() < super::SHARED_FROM || of_it() < super::SHARE)
    }

    /// Those of a rule that fire.
    pub fn of_rule(&self, rule: &ObjectKey) -> impl Iterator<Item = View<'_>> {
        self.by_rule.get(rule).into_iter().flatten().filter_map(|incident| self.alert(*incident))
    }

    /// Those with these labels: several where rules in different namespaces give the same ones, which the forced
    /// label `namespace` forbids, or two rules of one namespace do.
    pub fn by_fingerprint(&self, fingerprint: Fingerprint) -> impl Iterator<Item = View<'_>> {
        self.alerts().filter(move |view| view.episode().fingerprint == fingerprint)
    }

    /// The alerts that a silence or a window mutes now; None when the desk does not know it.
    pub fn muted_by(&self, key: &MuteKey) -> Option<&BTreeSet<Incident>> {
        self.mutes.reached(key)
    }

    /// What an Alertmanager is sent again every minute: what it was told that fires, and for 15 minutes what was
    /// resolved.
    pub fn told_to(&self, channel: &ObjectKey) -> impl Iterator<Item = Alert> {
        self.cases.values().filter_map(move |case| {
            let place = case.places.get(channel)?;
            match case.episode.phase {
                Phase::Resolved if !place.has_news() && place.dead.is_none() => {
                    Some(case.episode.alert(Status::Resolved))
                }
                Phase::Firing if place.told => Some(case.episode.alert(Status::Firing)),
                _ => None,
            }
        })
    }
}
