//! The commands as a person runs them: the real program, its output and its exit code.

mod audit;
mod trial;
mod validate;
