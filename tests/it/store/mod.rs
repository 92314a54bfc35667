//! The embedded store over real files: what is written is read again, whatever happens in between.

mod rows;
mod tools;
