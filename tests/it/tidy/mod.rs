//! The taste of this repository, as far as a machine can tell it. Every message says what to do.

mod docs;
mod layering;
mod sizes;
mod tree;
mod words;

/// Fails with every complaint at once, so that one run shows all there is to mend.
fn expect_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
