//! What goes to a receiver: a notification, and what only the moment of sending knows about it. Pure.

use url::Url;

use crate::alert::Notification;

/// What is said of the sending itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// It was sent before, and nobody knows whether it was taken.
    pub possible_repeat: bool,
    /// The store could not write down that it is sent, so that it may be told again.
    pub unrecorded: bool,
}

/// What a payload is made of.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    pub notification: &'a Notification,
    pub marks: Marks,
    /// Where people find this Probity, if that is known.
    pub external_url: Option<&'a Url>,
}

impl<'a> Letter<'a> {
    pub fn new(notification: &'a Notification) -> Self {
        Self { notification, marks: Marks::default(), external_url: None }
    }
}
