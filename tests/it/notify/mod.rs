//! Channels against receivers on real sockets, well-behaved or not, and the outbox before them.

mod alertmanager;
mod channels;
mod hostile;
mod mail;
mod outbox;
mod world;
