//! The embedded store over real files: what is written is read again, whatever happens in between.

mod commits;
mod crash;
pub mod disk;
mod files;
mod kill;
mod rows;
mod tools;
