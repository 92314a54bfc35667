//! Manifest files as a source: real files that change, and what becomes of the catalog.

mod changes;
mod folder;
mod harness;
mod mutations;
mod references;
