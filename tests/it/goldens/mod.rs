//! Files that are generated and committed: they must be what the program says now.

mod crds;
