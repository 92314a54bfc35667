//! The commands as a person runs them: the real program, its output and its exit code.

pub mod ack;
mod audit;
mod notify;
mod trial;
mod validate;
